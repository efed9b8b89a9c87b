"""What a worker and its hosts on a cluster send each other: msgpack. Both have the same version of this program."""

from typing import Final

import msgspec

from enginehouse.engine import EngineFailure, EngineSpec, Output, Work
from enginehouse.engines import frames
from enginehouse.engines.frames import FailureReply, OutputsReply, RunRequest

PIECE: Final = 16 << 20  # bytes of a file in one message
INLINE: Final = 1 << 20  # bytes of files that go with the call itself, or with its answer

_encode: Final = msgspec.msgpack.Encoder().encode


class HostSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How a host keeps engines apart. `folder`: on its node, None for one in the place for temporary files."""

    folder: str | None = None
    sandbox: str = "auto"
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A host that is ready. `sweeps` False: Ray may end its keeper before that has ended what an engine started."""

    node: str
    keeper: str
    address: str
    version: str
    sandbox: str
    sweeps: bool


class HostRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One item for a host. `run` is the frame for its child. `inputs`: the bytes of each; None if they came before."""

    spec: EngineSpec
    run: bytes
    inputs: list[bytes | None]
    log_limit: int
    organization_id: int

    @classmethod
    def of(
        cls,
        token: int,
        spec: EngineSpec,
        work: Work,
        inputs: list[bytes | None],
        *,
        seconds: float,
        memory_mb: int,
        log_limit: int,
    ) -> "HostRequest":
        """Returns the request. Raises MalformedFrame for work that cannot be sent."""
        run = frames.encode(RunRequest(token, work, seconds, memory_mb), frames.REQUEST_LIMIT)
        return cls(spec=spec, run=run, inputs=inputs, log_limit=log_limit, organization_id=work.organization_id)

    def item(self) -> RunRequest:
        """Returns the item, with paths of the worker's machine. Raises MalformedFrame."""
        match frames.decode_request(self.run[frames.HEADER :]):
            case RunRequest() as request:
                return request
            case _:
                raise frames.MalformedFrame("not an item")


class HostReply(msgspec.Struct, frozen=True, kw_only=True):
    """How the call ended. `reply` is empty if it was stopped. `files`: the sizes of outputs that must be fetched."""

    reply: bytes = b""
    files: dict[str, int] = {}
    log: bytes = b""

    @classmethod
    def done(cls, outputs: list[Output], files: dict[str, int]) -> "HostReply":
        return cls(reply=frames.encode(OutputsReply(0, outputs), frames.REPLY_LIMIT), files=files)

    @classmethod
    def failed(cls, why: EngineFailure) -> "HostReply":
        said = FailureReply(why.kind, why.message, is_final=why.is_final, retry_after=why.retry_after)
        return cls(reply=frames.encode(said, frames.REPLY_LIMIT))

    def outputs(self) -> list[Output]:
        """Returns the outputs of the engine. Raises EngineFailure, and MalformedFrame."""
        match frames.decode_reply(self.reply[frames.HEADER :]):
            case OutputsReply(_, outputs):
                return outputs
            case FailureReply() as why:
                raise EngineFailure(why.message, why.kind, is_final=why.is_final, retry_after=why.retry_after)
            case _:
                raise frames.MalformedFrame("neither outputs nor a failure")


def encode(message: HostSetup | HostFacts | HostRequest | HostReply) -> bytes:
    """Returns the bytes of a message."""
    return _encode(message)


setup: Final = msgspec.msgpack.Decoder(HostSetup).decode
facts: Final = msgspec.msgpack.Decoder(HostFacts).decode
request: Final = msgspec.msgpack.Decoder(HostRequest).decode
reply: Final = msgspec.msgpack.Decoder(HostReply).decode
