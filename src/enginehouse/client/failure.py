"""The one exception of a client, and how it is made from what a server answers, on every interface."""

import json
from http import HTTPStatus
from typing import Any, NamedTuple

Json = dict[str, Any]


class RequestFault(NamedTuple):
    """One thing that is wrong in a request: its path, as in `tasks[0].engineId`, and a sentence that begins with it."""

    path: str
    message: str


class RequestFailed(Exception):
    """The server refused a request or did not answer it.

    `code` is the server's own, like `not_found`. Without an answer it is `unreachable`. `message` is a sentence for
    people. `status` is the HTTP status, 0 without an answer. `faults` are all things that are wrong in the request,
    with their paths.
    """

    def __init__(self, code: str, message: str, status: int = 0, faults: tuple[RequestFault, ...] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.faults = code, message, status, faults

    @property
    def path(self) -> str | None:
        """The path of the first thing that is wrong in the request, None if the refusal is about another thing."""
        return self.faults[0].path if self.faults else None


def refusal(status: int, content: bytes, *, is_graphql: bool) -> RequestFailed | None:
    """Returns the refusal that an answer is; None if the request was done. GraphQL refuses with the status 200 too."""
    if status < HTTPStatus.BAD_REQUEST and not is_graphql:
        return None
    try:
        body = json.loads(content)
        if body.get("errors") and "id" not in body:
            return _of_graphql(body["errors"][0], status)
        if status < HTTPStatus.BAD_REQUEST:
            return None
        return RequestFailed(body["id"], body.get("detail") or body["description"], status, _faults(body, "path"))
    except (ValueError, KeyError, TypeError, AttributeError):
        if status < HTTPStatus.BAD_REQUEST:
            return None  # whoever reads the answer says that it is none
        text = content[:1000].decode("utf-8", "replace").strip()[:200] or HTTPStatus(status).phrase
        return RequestFailed("error", f"HTTP {status}: {text}", status)


def _of_graphql(error: Json, status: int) -> RequestFailed:
    data = error.get("data")
    faults = _faults({"errors": data.get("all")}, "field") if isinstance(data, dict) else ()
    return RequestFailed(str(error.get("name", "error")), str(error.get("message", error)), status, faults)


def _faults(body: Json, name: str) -> tuple[RequestFault, ...]:
    listed = body.get("errors")
    if not isinstance(listed, list):
        return ()
    return tuple(
        RequestFault(str(one.get(name, "")), str(one.get("message", ""))) for one in listed if isinstance(one, dict)
    )
