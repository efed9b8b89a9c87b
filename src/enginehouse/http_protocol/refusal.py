"""The response to a request that is refused before the application sees it."""

from typing import Final

import msgspec

from enginehouse.http_protocol.limits import ConnectionLimits

_PHRASES: Final = {
    400: b"Bad Request",
    408: b"Request Timeout",
    414: b"URI Too Long",
    417: b"Expectation Failed",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
    505: b"HTTP Version Not Supported",
}
_CODES: Final = {408: "request_timeout", 503: "service_unavailable"}


class RefusedRequestError(Exception):
    """The request is refused with this status. The connection ends."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    def response(self) -> bytes:
        """Returns the bytes of the response."""
        code = _CODES.get(self.status, "invalid_input")
        body = msgspec.json.encode(
            {"id": code, "description": self.text, "detail": self.text}
        )  # as every refusal over REST
        head = b"HTTP/1.1 %d %b\r\n" % (self.status, _PHRASES[self.status])
        later = b"retry-after: 2\r\n" if self.status == 503 else b""
        fixed = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        return head + later + fixed + body


def slow_head(limits: ConnectionLimits) -> RefusedRequestError:
    """Returns the refusal of a request whose head does not end in time."""
    return RefusedRequestError(408, f"The head of the request did not arrive within {limits.head_seconds:g} seconds.")


def slow_body(limits: ConnectionLimits) -> RefusedRequestError:
    """Returns the refusal of a request whose body is behind its pace."""
    pace = limits.body_bytes_per_second
    return RefusedRequestError(408, f"The body of the request arrived too slowly; it needs {pace} bytes a second.")
