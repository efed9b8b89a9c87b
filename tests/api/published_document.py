"""The published description as an OpenAPI document again, for generators of clients: only the operations served here.

`edge_description.json` has its names and types. What a document needs besides them is added: titles and refusals.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from tests.api.described import description

from enginehouse.api.edge import routes

Schema = dict[str, Any]
_REFUSED: Final = ("400", "401", "403", "404", "500")
_ERROR: Final = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


def document(server: str) -> Schema:
    """Returns the document of the published operations that this server serves, at this address."""
    published = description()
    served = {(method.lower(), template) for method, template, _ in (*routes._SERVED, *routes._OPEN)}
    paths: dict[str, Schema] = {}
    for template, methods in published["paths"].items():
        kept = {name: _operation(one) for name, one in methods.items() if (name, template) in served}
        if kept:
            paths[template] = {**kept, "parameters": methods.get("parameters", [])}
    components: Schema = {"schemas": {}, "parameters": {}}
    _collect(paths, published, components)
    schemes = {"api_key": {"type": "apiKey", "name": "api_key", "in": "header"}}
    return {
        "openapi": "3.0.1",
        "info": {"title": "Edge", "version": "3.15"},
        "servers": [{"url": f"{server}{routes.BASE}"}],
        "paths": paths,
        "components": {**components, "securitySchemes": schemes},
    }


def _operation(operation: Schema) -> Schema:
    """Returns the operation with the responses that a document needs."""
    success = {status: {"description": "", "content": content} for status, content in operation["responses"].items()}
    refused = {status: {"description": "", "content": _ERROR} for status in _REFUSED}
    return {**operation, "responses": success | refused}


def _collect(value: Any, published: Schema, found: Schema) -> None:
    """Everything that the value refers to is in `found`."""
    match value:
        case {"$ref": str(reference)}:
            kind, name = reference.split("/")[-2:]
            if name not in found[kind]:
                found[kind][name] = published[kind][name]
                _collect(found[kind][name], published, found)
        case dict():
            for each in value.values():
                _collect(each, published, found)
        case list():
            for each in value:
                _collect(each, published, found)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(document(sys.argv[2])))
