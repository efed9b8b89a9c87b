"""The messages between the server and a child: four bytes of length, then one message.

Neither side trusts the lengths or types of the other. Anything unexpected is a `MalformedFrame`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, Final

import msgspec

from enginehouse.engine import EngineSpec, FailureKind, Output, Work
from enginehouse.engines.sandbox.levels import Confinement

HEADER: Final = 4
REQUEST_LIMIT: Final = 64 << 20
REPLY_LIMIT: Final = 16 << 20
INLINE_LIMIT: Final = 1 << 20  # bytes of outputs in one reply; the rest goes to files


class MalformedFrame(Exception):
    """The bytes on the connection are not an expected message."""


class ListRequest(msgspec.Struct, frozen=True, tag=True):
    """Say which engines are installed. None is imported."""


class LoadRequest(msgspec.Struct, frozen=True, tag=True):
    """Import the engine: `module:attribute`, or a name in the entry points.

    `path` is the server's own import path, None for that of the child's interpreter. Before that the child applies the
    rules in `confinement`. No file of it may grow past `disk_mb`.
    """

    entry_point: str
    path: list[str] | None
    disk_mb: int
    confinement: Confinement


class RunRequest(msgspec.Struct, frozen=True, tag=True):
    """Do the work. The reply repeats `number`, so that a stale or invented reply is not taken for this one."""

    number: int
    work: Work
    seconds: float
    memory_mb: int


class EntryPointName(msgspec.Struct, frozen=True):
    """An entry point: its name, what it names, and the package that has it."""

    name: str
    value: str
    package: str


class ListedReply(msgspec.Struct, frozen=True, tag=True):
    """The entry points of engines, in the order of their names."""

    engines: list[EntryPointName]


class LoadedReply(msgspec.Struct, frozen=True, tag=True):
    """The engine is loaded. `spec` is its declaration, None if it has none.

    `code_digest` is another one after its code, or anything that is installed beside it, has changed.
    """

    spec: EngineSpec | None = None
    code_digest: str = ""


class OutputsReply(msgspec.Struct, frozen=True, tag=True):
    """The engine's outputs. `left_behind`: processes that it started still run."""

    number: int
    outputs: list[Output]
    left_behind: bool = False


class FailureReply(msgspec.Struct, frozen=True, tag=True):
    """The engine could not be loaded, or raised."""

    kind: FailureKind
    message: str
    is_final: bool = False
    retry_after: float | None = None


Request = ListRequest | LoadRequest | RunRequest
Reply = ListedReply | LoadedReply | OutputsReply | FailureReply


def _encode_path(value: Any) -> str:
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _decode_path(expected: type, value: Any) -> Any:
    if expected is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"expected {expected.__name__}")


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_path)
_requests = msgspec.msgpack.Decoder(Request, dec_hook=_decode_path)
_replies = msgspec.msgpack.Decoder(Reply, dec_hook=_decode_path)


def encode(message: Request | Reply, limit: int) -> bytes:
    """Returns the frame of a message. Raises MalformedFrame if it cannot be sent or is larger than `limit` bytes."""
    try:
        body = _encoder.encode(message)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise MalformedFrame(str(error)) from error
    if len(body) > limit:
        raise MalformedFrame(f"{len(body)} bytes, at most {limit}")
    return len(body).to_bytes(HEADER, "big") + body


def body_length(header: bytes | bytearray, limit: int) -> int:
    """Returns the length in a frame's first bytes. Raises MalformedFrame over `limit`."""
    length = int.from_bytes(header[:HEADER], "big")
    if length > limit:
        raise MalformedFrame(f"a message of {length} bytes, at most {limit}")
    return length


def decode_request(body: bytes) -> Request:
    """Returns the request in a frame's body. Raises MalformedFrame."""
    with _malformed_when_refused():
        request: Request = _requests.decode(body)
        return request


def decode_reply(body: bytes) -> Reply:
    """Returns the reply in a frame's body. Raises MalformedFrame."""
    with _malformed_when_refused():
        reply: Reply = _replies.decode(body)
        return reply


@contextmanager
def _malformed_when_refused() -> Iterator[None]:
    try:
        yield
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise MalformedFrame(str(error)) from error
