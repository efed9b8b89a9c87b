"""The two answers to a request that is too large, word for word (graphql-contract §1.5)."""

from typing import Any, Final
from uuid import uuid4

from enginehouse.api.graphql.execution.rejection import RejectedError

MAX_JSON_BYTES: Final = 10_000_000


class BodyTooLargeError(RejectedError):
    """HTTP 413 with `error` as the only error; it has no time."""

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
