"""The description of a REST interface as an OpenAPI 3.1 document, made from what its handlers declare.

It is an answer itself, and needs no token.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse import __version__
from enginehouse.api.http.call import OpenHandler, Reply, Request
from enginehouse.api.http.declaration import JSON, Declaration, answers, declaration
from enginehouse.api.http.error_shapes import Error
from enginehouse.api.http.json.schema import Formats, Schema, Schemas

# What any operation can answer besides its own success. The body is always the same.
_REFUSALS: Final[dict[int, str]] = {
    400: "The request is wrong; `errors` names every problem.",
    401: "The token is missing, unknown or expired.",
    403: "The caller has not the right.",
    404: "There is no such object in the organization of the caller.",
    405: "The path has no such method.",
    409: "The request contradicts the present state.",
    413: "The body is too large.",
    422: "The idempotency key belongs to another request.",
    429: "Too many requests; `Retry-After` says when to try again.",
    500: "The server failed; its log has the cause.",
    501: "The operation, or a part of the request, is not served.",
    503: "The server cannot answer now; `Retry-After` says when to try again.",
}
_CORRELATION: Final = {
    "in": "header",
    "name": "X-Correlation-Id",
    "schema": {"type": "string"},
    "description": "Comes back with the response, and is recorded with every change.",
}
_KEY: Final = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "A request that is sent again with the same key is done once, and answered again.",
}
_REPLAYED: Final = {
    "schema": {"type": "string", "enum": ["true"]},
    "description": "This repeats the response to an earlier request with the same key.",
}
_WARNING: Final = {
    "schema": {"type": "string"},
    "description": "A warning, percent-encoded outside printable ASCII. Each warning has a header of its own.",
}
_TEXTS: Final = frozenset({"summary", "description"})
_FOR_US: Final = re.compile(r" \([a-z]+-contract [^)]*\)")
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "api_key": {"type": "apiKey", "in": "header", "name": "api_key"},
}


class ServedOperation(NamedTuple):
    """A row of the table of an interface. `is_open` operations need no token."""

    method: str
    template: str
    handler: Callable[..., Any]
    is_open: bool = False


def document(title: str, base: str, operations: Iterable[ServedOperation], formats: Formats) -> Schema:
    """Returns the description of the operations under `base`. One that declares nothing may answer anything."""
    rows = [(row, declaration(row.handler) or _UNKNOWN) for row in operations]
    schemas = Schemas([Error, *(kind for _, declared in rows for kind in _types(declared))], formats)
    paths: dict[str, Schema] = {}
    for row, declared in rows:
        paths.setdefault(row.template, {})[row.method.lower()] = _operation(row, declared, schemas)
    refusal = {"application/json": {"schema": schemas.of(Error)}}
    whole = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__},
        "servers": [{"url": base}],
        "security": [{name: []} for name in _SCHEMES],
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": schemas.components,
            "responses": {f"Refused{code}": {"description": text, "content": refusal}
                          for code, text in _REFUSALS.items()},
            "parameters": {"CorrelationID": _CORRELATION, "IdempotencyKey": _KEY},
            "headers": {"Idempotent-Replayed": _REPLAYED, "X-Enginehouse-Warning": _WARNING},
            "securitySchemes": _SCHEMES,
        },
    }  # fmt: skip
    public: Schema = _public(whole)
    return public


def publication(make: Callable[[], Schema]) -> OpenHandler:
    """Returns the operation that answers with the document. It is made at the first request."""

    @cache
    def written() -> tuple[bytes, bytes]:
        body = msgspec.json.encode(make())
        return body, b'"%b"' % sha256(body).hexdigest()[:32].encode()

    @answers(dict[str, Any], others={304: "It has not changed."})
    async def serve(request: Request) -> Reply:
        """GET openapi.json: the description of this interface as an OpenAPI 3.1 document."""
        body, tag = written()
        headers = ((b"etag", tag), (b"cache-control", b"no-cache"))
        if tag in (request.headers.if_none_match or b""):
            return Reply(b"", 304, headers)
        return Reply(body, headers=headers)

    return serve


def _public(value: Any, name: str = "") -> Any:
    """Returns the value without indentation in its texts, and without what only readers of the code can look up."""
    match value:
        case str() if name in _TEXTS:
            return _FOR_US.sub("", inspect.cleandoc(value))
        case dict():
            return {key: _public(each, key) for key, each in value.items()}
        case list():
            return [_public(each) for each in value]
        case _:
            return value


_UNKNOWN: Final = Declaration(Any)


def _types(declared: Declaration) -> Iterator[Any]:
    if declared.answer is not None:
        yield declared.answer
    if declared.body is not None:
        yield declared.body.wanted


def _operation(row: ServedOperation, declared: Declaration, schemas: Schemas) -> Schema:
    shown: Schema = {"operationId": _id(row.handler), "tags": [_tag(row.handler)]}
    if text := _summary(row.handler):
        shown["summary"] = text
    if row.is_open:
        shown["security"] = []
    shown["parameters"] = [
        {"$ref": "#/components/parameters/CorrelationID"},
        *([{"$ref": "#/components/parameters/IdempotencyKey"}] if declared.idempotent else []),
        *({"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
          for name in re.findall(r"\{(\w+)\}", row.template)),
        *({"in": "query", "name": name, "schema": schemas.of_parameter(kind)}
          for name, kind in declared.query.items()),
    ]  # fmt: skip
    if declared.body is not None:
        content = {"application/json": {"schema": schemas.of(declared.body.wanted)}}
        shown["requestBody"] = {"content": content, "required": not declared.optional_body}
    if declared.form is not None:
        parts: Schema = {name: {"type": "string"} for name in declared.form.texts}
        parts[declared.form.file] = {"type": "string", "format": "binary"}
        form = {"schema": {"type": "object", "properties": parts}}
        shown["requestBody"] = {"content": {"multipart/form-data": form}, "required": True}
    if declared.content:
        binary = {"schema": {"type": "string", "format": "binary"}}
        shown["requestBody"] = {"content": dict.fromkeys(declared.content, binary), "required": True}
    success: Schema = {"description": "Success."}
    if names := [*["Idempotent-Replayed"] * declared.idempotent, *["X-Enginehouse-Warning"] * declared.warns]:
        success["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    if declared.answer is not None:
        success["content"] = {JSON: {"schema": schemas.of(declared.answer)}}
    if declared.media_type != JSON:
        success.setdefault("content", {}).update(_bytes(declared.media_type))
    shown["responses"] = {
        str(declared.status): success,
        **{str(code): {"description": text} for code, text in declared.others.items()},
        **{str(code): {"$ref": f"#/components/responses/Refused{code}"} for code in _REFUSALS},
    }
    return shown


def _bytes(media_type: str) -> Schema:
    """Returns the content of a response that is not JSON of ours. Generators of clients know no media type `*/*`."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    match media_type:
        case "*/*":
            return {"application/octet-stream": binary, media_type: {}}
        case "text/event-stream":
            return {media_type: {}}
        case _:
            return {media_type: binary}


def _id(handler: Callable[..., Any]) -> str:
    return f"{_tag(handler)}_{handler.__name__}"


def _tag(handler: Callable[..., Any]) -> str:
    return handler.__module__.rpartition(".")[2]


def _summary(handler: Callable[..., Any]) -> str:
    """Returns what the first line of the docstring says after the method and the path."""
    text = (handler.__doc__ or "").strip().partition("\n")[0].partition(": ")[2]
    return text[:1].upper() + text[1:]
