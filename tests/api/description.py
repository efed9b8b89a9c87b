"""Makes the description of the published REST interface that the tests compare with: names, types and limits.

`python -m tests.api.description edge-openapi.json` writes `edge_description.json` from the published OpenAPI document.
Its prose is left out.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

WRITTEN: Final = Path(__file__).with_name("edge_description.json")
_PROSE: Final = {"description", "summary", "example", "examples", "title", "externalDocs", "termsOfService"}


def without_prose(value: Any, *, names: bool = False) -> Any:
    """Returns the value without its prose. With `names`, its keys are names of fields, and none is left out."""
    match value:
        case dict():
            return {
                key: without_prose(item, names=key in {"properties", "responses"} and not names)
                for key, item in value.items()
                if names or key not in _PROSE
            }
        case list():
            return [without_prose(item) for item in value]
        case _:
            return value


def written(document: dict[str, Any]) -> str:
    """Returns the description as JSON, with a line for each path, parameter and schema."""
    components = document["components"]
    kept = {
        "parameters": without_prose(components["parameters"], names=True),
        "paths": {path: _methods(methods) for path, methods in document["paths"].items()},
        "schemas": without_prose(components["schemas"], names=True),
    }
    groups = (f"{json.dumps(name)}: {{\n{_lines(group)}\n}}" for name, group in kept.items())
    return "{" + ",\n".join(groups) + "}\n"


def _methods(methods: dict[str, Any]) -> dict[str, Any]:
    """Returns the operations of a path. Of their responses only the successful ones are kept, without headers."""
    shorter = {}
    for method, operation in methods.items():
        kept = without_prose(operation)
        if "responses" in kept:
            kept["responses"] = {
                status: response.get("content", {}) for status, response in kept["responses"].items() if status < "300"
            }
        shorter[method] = kept
    return shorter


def _lines(group: dict[str, Any]) -> str:
    return ",\n".join(
        f"{json.dumps(name)}: {json.dumps(group[name], separators=(',', ':'), sort_keys=True)}"
        for name in sorted(group)
    )


if __name__ == "__main__":
    WRITTEN.write_text(written(json.loads(Path(sys.argv[1]).read_text())))
