"""The errors that a GraphQL client sees (graphql-contract §1.5): flat, with a name and a time, without `extensions`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import structlog
from graphql import FieldNode, GraphQLError

from enginehouse.api.graphql.execution.source import indexed
from enginehouse.domain.audit import request_origin
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Refusal
from enginehouse.domain.identity import Principal
from enginehouse.operations import rights as token_rights

_log = structlog.get_logger("enginehouse.graphql")


def describe(
    error: GraphQLError,
    *,
    text: str = "",
    position: Callable[[int], int] = lambda position: position,
    principal: Principal | None = None,
    root: str = "Query",
) -> dict[str, Any]:
    """Returns one entry of `errors`.

    `position` maps a position of the document to one of `text`, the text of the request. `root` is the operation's
    type.
    """
    name, message, data = _name_message_data(error, principal, root)
    entry: dict[str, Any] = {"message": message, "name": name, "time_thrown": _now(), "data": data}
    if error.path:
        entry["path"] = list(error.path)
    if error.positions and text:
        places = (indexed(text).get_location(position(at)) for at in error.positions)
        entry["locations"] = [{"line": place.line, "column": place.column} for place in places]
    return entry


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return None if isinstance(cause, GraphQLError) else cause


def _name_message_data(error: GraphQLError, principal: Principal | None, root: str) -> tuple[str, str, dict[str, Any]]:
    cause = _cause(error)
    data: dict[str, Any] = {"errorId": str(uuid4())}
    match cause:
        case None:
            return "invalid_input", error.message, {**(error.extensions or {}), **data}
        case NotFound():
            data = {"objectId": cause.object_id, "objectType": cause.object_type, **data}
            if cause.path:
                data["field"] = cause.path
        case InvalidInput():
            data = {**_problems(cause), **data}
        case NotAllowed():
            field = str(error.path[-1]) if error.path else None
            data = {"field": field, "type": root, "rights": rights(principal), **cause.data, **data}
        case Refusal():
            data = {"code": cause.code, **cause.data, **data}
        case _:
            _log.error(
                "a field of a request failed",
                field=_field(error),
                error_id=data["errorId"],
                correlation_id=(request_origin.get().correlation_id or b"").decode(),
                exc_info=cause,
            )
            return (
                "internal_error",
                f"An unexpected error occurred; the server's log has it as {data['errorId']}.",
                data,
            )
    return cause.graphql_name, cause.message, data


def _field(error: GraphQLError) -> str | None:
    """Returns the schema's name of the failed field. The path of the error has the client's own words instead."""
    node = error.nodes[0] if error.nodes else None
    return node.name.value if isinstance(node, FieldNode) else None


def _problems(refusal: InvalidInput) -> dict[str, Any]:
    listed = [{"field": p.path, "message": p.message, "value": p.value, "allowed": p.allowed} for p in refusal.problems]
    first = refusal.problems[0] if refusal.problems else None
    if first is None:
        return {"all": listed}
    return {"field": first.path, "value": first.value, "allowed": first.allowed, "all": listed}


def rights(principal: Principal | None) -> list[str]:
    """Returns the rights of the caller, in the words of the contract."""
    return [] if principal is None else token_rights.of(principal)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
