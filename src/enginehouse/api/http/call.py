"""The arguments and results of REST handlers."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from enginehouse.api.http import body as http_body
from enginehouse.api.http.json.decode import Body
from enginehouse.domain.errors import Problem
from enginehouse.domain.identity import Principal
from enginehouse.operations.house import House

T = TypeVar("T")

_encode: Final = msgspec.json.Encoder().encode
_WARNING: Final = b"x-enginehouse-warning"
_MOST_WARNINGS: Final = 20
_LONGEST_WARNING: Final = 300
_PLAIN: Final = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}"  # besides letters, digits and _.-~
_REPLAYED: Final[tuple[tuple[bytes, bytes], ...]] = ((b"idempotent-replayed", b"true"),)


class Headers(msgspec.Struct, frozen=True, gc=False):
    """The request headers that this interface reads."""

    authorization: bytes | None = None
    api_key: bytes | None = None
    content_type: bytes | None = None
    content_length: bytes | None = None
    idempotency_key: bytes | None = None
    accept: bytes | None = None
    last_event_id: bytes | None = None
    if_none_match: bytes | None = None
    content_digest: bytes | None = None
    others: Mapping[bytes, bytes] = msgspec.field(default_factory=dict)
    """Every header of the request, by its name in lower case. Only what forwards headers reads them."""

    @classmethod
    def of(cls, raw: Mapping[bytes, bytes]) -> "Headers":
        """Returns those of a request with these headers."""
        get = raw.get
        return cls(
            get(b"authorization"), get(b"api_key"), get(b"content-type"), get(b"content-length"),
            get(b"idempotency-key"), get(b"accept"), get(b"last-event-id"), get(b"if-none-match"),
            get(b"content-digest"), raw,
        )  # fmt: skip


class Request(msgspec.Struct, frozen=True):
    """One request, from anybody. `ids` are the variable parts of the path, in order. A GET may be a HEAD."""

    house: House
    ids: tuple[str, ...]
    query: bytes
    headers: Headers
    receive: http_body.Receive
    method: str

    @property
    def id(self) -> str:
        """The only variable part of the path."""
        [text] = self.ids
        return text

    async def raw_body(self) -> bytes:
        """Returns the bytes of the request's body. Raises TooLarge."""
        return await http_body.read(self.receive, length=self.headers.content_length)

    async def body(self, kind: Body[T]) -> T:
        """Returns the request's body, which is JSON whatever its label. Raises InvalidInput, TooLarge."""
        return kind.read(await self.raw_body())

    async def judged_body(self, kind: Body[T]) -> tuple[T, list[Problem]]:
        """Returns the request's body and the problems in it.

        Raises InvalidInput if nothing of it is usable, TooLarge.
        """
        return kind.judged(await self.raw_body())


class Call(Request, frozen=True):
    """One request of a known caller."""

    principal: Principal

    @property
    def key(self) -> str | None:
        """The idempotency key of the request."""
        key = self.headers.idempotency_key
        return None if key is None else key.decode("latin-1")


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A response, usually JSON. `headers` are added to those that every response has."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()
    media_type: bytes = b"application/json"


class Streaming(Protocol):
    """A response that sends itself."""

    raw_headers: list[tuple[bytes, bytes]]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


Answer = Reply | Streaming
Handler = Callable[[Call], Awaitable[Answer]]
OpenHandler = Callable[[Request], Awaitable[Answer]]

NO_CONTENT: Final = Reply(b"", 204)
# The contract declares 204 with this body, which HTTP forbids, and generated clients fail without it.
DELETED: Final = Reply(b'{"success":true,"count":1}')


def redirect(address: str) -> Reply:
    """Returns the answer that sends the reader to the store of the bytes. The address is a secret for a while."""
    headers = ((b"location", address.encode()), (b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer"))
    return Reply(b"", 307, headers=headers)


def json(value: Any, *, replayed: bool = False, warnings: Sequence[str] = ()) -> Reply:
    """Returns the struct as a response. `replayed` means that it repeats the result of a request with the same key.

    Each warning has a header of its own, because bodies have exactly the fields of the contract.
    """
    headers = _REPLAYED if replayed else ()
    if warnings:
        headers = (*headers, *_warnings(warnings))
    return Reply(_encode(value), headers=headers)


def _warnings(texts: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yields a header for each of the first warnings. The last one says how many more there are."""
    yield from ((_WARNING, _field_value(text)) for text in texts[:_MOST_WARNINGS])
    if len(texts) > _MOST_WARNINGS:
        yield _WARNING, b"%d more warnings." % (len(texts) - _MOST_WARNINGS)


def _field_value(text: str) -> bytes:
    """Returns the text as a header's value. What a header cannot hold is percent-encoded, and so is `%`."""
    return quote(text[:_LONGEST_WARNING], safe=_PLAIN).encode()
