"""The refusal of a whole request: HTTP 400, or 413 if it is too large. Nothing of it is executed.

The two responses to a body that is too large are exactly the documented ones (graphql-contract §1.5).
"""

from typing import Any, Final
from uuid import uuid4

from graphql import GraphQLError

from enginehouse.domain.errors import InvalidInput

MAX_JSON_BYTES: Final = 10_000_000


class RejectedError(Exception):
    """The response to the request has only errors. Nothing of it is executed."""

    def __init__(self, errors: list[GraphQLError], status: int = 400) -> None:
        super().__init__(errors[0].message if errors else "")
        self.errors = errors
        self.status = status

    @classmethod
    def because(cls, message: str, **data: Any) -> "RejectedError":
        """Returns a rejection with one error of this text and `data`."""
        return cls([GraphQLError(message, extensions=data)])

    @classmethod
    def of(cls, refusal: InvalidInput) -> "RejectedError":
        """Returns the rejection of an input, with its problems."""
        return cls([GraphQLError(refusal.message, original_error=refusal)])

    @classmethod
    def beyond(cls, code: str, message: str, allowed: int) -> "RejectedError":
        """Returns the rejection of a document over a limit."""
        return cls.because(message, code=code, allowed=allowed)


class BodyTooLargeError(RejectedError):
    """HTTP 413 with `error` as the only error. It has no time."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__([], status=413)
        self.error = error


def file_too_large(declared: str | None, received: int, allowed: int) -> BodyTooLargeError:
    """`declared` is the Content-Length, `received` what had come when reading stopped."""
    return BodyTooLargeError(
        {
            "code": "LIMIT_FILE_SIZE",
            "field": "file",
            "storageErrors": [],
            "data": _data(declared, received, allowed),
            "name": "invalid_input",
            "message": "The file upload was larger than the limit allowed by this server. "
            f"The maximum file upload size is {allowed} bytes ({allowed >> 20} mb).",
        }
    )


def json_too_large(declared: str | None, received: int) -> BodyTooLargeError:
    """`declared` is the Content-Length, `received` what had come when reading stopped."""
    return BodyTooLargeError(
        {
            "data": _data(declared, received, MAX_JSON_BYTES),
            "name": "invalid_input",
            "message": "The request payload was larger than the limit allowed by this server. "
            f"The maximum JSON request size is {MAX_JSON_BYTES} bytes (10 mb).",
        }
    )


def _data(declared: str | None, received: int, allowed: int) -> dict[str, Any]:
    return {"limitInBytes": allowed, "requestSize": declared or str(received), "errorId": str(uuid4())}
