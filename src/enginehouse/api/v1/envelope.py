"""The envelope of every response with a body under `/api/v1`."""

from typing import Any

from enginehouse.api.http.call import Reply, json


def result(value: Any, *, replayed: bool = False) -> Reply:
    """The value as an answer. `replayed`: it was given before, to a request with the same idempotency key."""
    return json({"success": True, "result": value}, replayed=replayed)
