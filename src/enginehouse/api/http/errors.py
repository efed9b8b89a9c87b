"""A refusal over REST: its body and its headers."""

from typing import Final

import msgspec

from enginehouse.api.http.error_shapes import Error, Flaw
from enginehouse.domain.errors import (
    AuthenticationFailed,
    CapacityExceeded,
    InvalidInput,
    KeyInProgress,
    MalformedId,
    RateLimited,
    Refusal,
    TooLarge,
    TooManyFailures,
    Unavailable,
)
from enginehouse.domain.store_errors import StoreUnavailable
from enginehouse.wire.worker import STORE_AWAY

_encode: Final = msgspec.json.Encoder().encode

Headers = tuple[tuple[bytes, bytes], ...]

RETRY_LATER: Final = (b"retry-after", b"2")


def body(refusal: Refusal) -> bytes:
    """Returns the documented error body. It also lists the problems one by one."""
    flaws = refusal.problems if isinstance(refusal, InvalidInput) else []
    detail = refusal.message
    if isinstance(refusal, MalformedId):
        detail += f" Its id is {refusal.forms}."
    return _encode(
        Error(
            id=refusal.code,
            description=flaws[0].message if flaws else detail,
            detail=detail,
            errors=tuple(Flaw(p.path, p.message, p.value, p.allowed) for p in flaws),
        )
    )


def headers(refusal: Refusal) -> Headers:
    """Returns the headers that tell a client what to do next."""
    match refusal:
        case (
            CapacityExceeded(data={"retry_after": seconds})
            | KeyInProgress(data={"retry_after": seconds})
            | RateLimited(data={"retry_after": seconds})
            | TooManyFailures(data={"retry_after": seconds})
        ):
            return ((b"retry-after", str(seconds).encode()),)
        case StoreUnavailable(data={"retry_after": seconds}):
            # A worker charges nobody for it.
            return ((b"retry-after", str(seconds).encode()), (STORE_AWAY.encode(), b"true"))
        case AuthenticationFailed():
            return ((b"www-authenticate", b'Bearer realm="enginehouse"'),)
        case CapacityExceeded() | Unavailable():
            return (RETRY_LATER,)
        case TooLarge():
            # The rest of the body is not read, so the connection cannot carry another request.
            return ((b"connection", b"close"),)
        case _:
            return ()


def plain(code: str, text: str) -> bytes:
    """Returns the body for an error that is not a Refusal."""
    return _encode(Error(code, text, text))


def unexpected(correlation_id: str) -> bytes:
    """Returns the body for a failure of the server. The log has the details under the same id."""
    text = "The server failed to answer. The cause is in its log."
    return _encode(Error("internal_error", text, f"{text} X-Correlation-Id: {correlation_id}"))
