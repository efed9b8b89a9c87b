"""The envelope of every response with a body under `/api/v1`."""

from typing import Any, Generic, TypeVar

import msgspec

from enginehouse.api.http.call import Reply, json

T = TypeVar("T")


class Result(msgspec.Struct, Generic[T], kw_only=True):
    """A response with a body."""

    success: bool = True
    result: T


def result(value: Any, *, replayed: bool = False) -> Reply:
    """Returns the value as a response. `replayed` means that it repeats the result of a request with the same key."""
    return json(Result(result=value), replayed=replayed)
