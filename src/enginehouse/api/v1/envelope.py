"""The envelope of every response with a body under `/api/v1`."""

from typing import Any

from enginehouse.api.http.call import Reply, json


def result(value: Any, *, replayed: bool = False) -> Reply:
    """Returns the value as a response. `replayed` means that it repeats the result of a request with the same key."""
    return json({"success": True, "result": value}, replayed=replayed)
