"""Why a client's URL could not be read, as the failure of a task."""

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import Final

import httpx

from enginehouse.domain.retry import FailureKind

_BY_STATUS: Final = {
    401: FailureKind.URL_NOT_ALLOWED,
    403: FailureKind.URL_NOT_ALLOWED,
    404: FailureKind.URL_NOT_FOUND,
    407: FailureKind.URL_NOT_ALLOWED,
    408: FailureKind.URL_TIMEOUT,
    410: FailureKind.URL_NOT_FOUND,
    429: FailureKind.RATE_LIMITED,
    451: FailureKind.URL_NOT_ALLOWED,
    504: FailureKind.URL_TIMEOUT,
}


_EMPTY: Final = frozenset({204, 205})
_PASSING: Final = frozenset({408, 421, 423, 425, 429})  # of those below 500 the ones that may pass
_NEVER: Final = frozenset({501, 505, 506, 508, 510})  # of those from 500 on the ones that do not pass


class OutgoingFailed(Exception):
    """The URL could not be read. `message` starts with `url:`.

    `is_final`: another try is sure to fail too. `retry_after`: the seconds that the server asks to wait. `connected`:
    it took the connection, so it may have seen the request.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        is_final: bool = False,
        retry_after: float | None = None,
        connected: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.is_final = is_final
        self.retry_after = retry_after
        self.connected = connected


class OutgoingRefused(OutgoingFailed):
    """This server does not read the URL. It has sent nothing to it."""

    def __init__(self, message: str) -> None:
        super().__init__(FailureKind.URL_NOT_ALLOWED, message)


def answered(response: httpx.Response) -> OutgoingFailed:
    """Returns the failure for a response whose status is not that of a document."""
    status = response.status_code
    said = f"url: the server answered {status} {responses.get(status, '')}".rstrip()
    if status in _EMPTY:
        return OutgoingFailed(FailureKind.INVALID_DATA, f"{said}: there is nothing at this address.")
    kind = _BY_STATUS.get(status, FailureKind.URL_ERROR)
    if status not in _PASSING and (status < 500 or status in _NEVER):
        return OutgoingFailed(kind, f"{said}.", is_final=True)
    wait = wait_of(response)
    asks = "" if wait is None else f" and asks to wait {wait:.0f} s"
    return OutgoingFailed(kind, f"{said}{asks}.", retry_after=wait)


def wait_of(response: httpx.Response) -> float | None:
    """Returns the seconds of `Retry-After`, which may also be a date, by the server's own clock if it tells it."""
    header = response.headers.get("retry-after", "").strip()
    if header.isascii() and header.isdigit():
        return float(header[:9])
    then, now = _date(header), _date(response.headers.get("date", ""))
    if then is None:
        return None
    return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())


def _date(header: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def too_large(limit: int) -> OutgoingFailed:
    return OutgoingFailed(FailureKind.INVALID_DATA, f"url: the answer is larger than {limit} bytes.")


def failed(error: httpx.TransportError) -> OutgoingFailed:
    match error:
        case httpx.TimeoutException():
            connected = not isinstance(error, httpx.ConnectTimeout)
            text = "url: the server did not answer in time."
            return OutgoingFailed(FailureKind.URL_TIMEOUT, text, connected=connected)
        case httpx.ConnectError() if isinstance(origin := _origin(error), ssl.SSLError):
            is_final = isinstance(origin, ssl.SSLCertVerificationError)
            return OutgoingFailed(FailureKind.URL_ERROR, f"url: no secure connection ({origin}).", is_final=is_final)
        case httpx.ConnectError():
            return OutgoingFailed(FailureKind.URL_CONNECTION_REFUSED, "url: the connection was refused.")
        case _:
            return OutgoingFailed(
                FailureKind.URL_ERROR,
                f"url: the answer broke off ({str(error) or type(error).__name__}).",
                connected=True,
            )


def _origin(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
