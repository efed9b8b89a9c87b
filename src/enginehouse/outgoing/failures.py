"""Why a client's URL could not be read, as the failure of a task."""

import ssl
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


class OutgoingFailed(Exception):
    """The URL could not be read. `message` starts with `url:`."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class OutgoingRefused(OutgoingFailed):
    """This server does not read the URL. It has sent nothing to it."""

    def __init__(self, message: str) -> None:
        super().__init__(FailureKind.URL_NOT_ALLOWED, message)


def answered(status: int) -> OutgoingFailed:
    """Returns the failure for a response with this status, which is not 2xx."""
    phrase = f"{status} {responses.get(status, '')}".rstrip()
    return OutgoingFailed(_BY_STATUS.get(status, FailureKind.URL_ERROR), f"url: the server answered {phrase}.")


def too_large(limit: int) -> OutgoingFailed:
    return OutgoingFailed(FailureKind.INVALID_DATA, f"url: the answer is larger than {limit} bytes.")


def failed(error: httpx.TransportError) -> OutgoingFailed:
    match error:
        case httpx.TimeoutException():
            return OutgoingFailed(FailureKind.URL_TIMEOUT, "url: the server did not answer in time.")
        case httpx.ConnectError() if isinstance(_origin(error), ssl.SSLError):
            return OutgoingFailed(FailureKind.URL_ERROR, f"url: no secure connection ({_origin(error)}).")
        case httpx.ConnectError():
            return OutgoingFailed(FailureKind.URL_CONNECTION_REFUSED, "url: the connection was refused.")
        case _:
            return OutgoingFailed(
                FailureKind.URL_ERROR, f"url: the answer broke off ({error or type(error).__name__})."
            )


def _origin(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
