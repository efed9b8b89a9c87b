"""Checks the output of engines: AION's published schemas, as a list of problems of a document."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, ValidationError, validators
from referencing import Registry
from referencing.jsonschema import DRAFT7, Schema

SCHEMAS = Path(__file__).parent / "schemas"
CONTRACTS = tuple(sorted(path.stem for path in SCHEMAS.glob("*/*.json")))


def problems(document: object, contract: str = "aion") -> list[str]:
    """Returns the problems of `document` with a contract, each as `path: text`. `aion` is only the document's shape."""
    found = _validator(contract).iter_errors(document)
    return sorted(
        f"{'.'.join(str(step) for step in error.absolute_path) or '(root)'}: {error.message}" for error in found
    )


@cache
def _validator(contract: str) -> Any:
    if contract not in CONTRACTS:
        raise LookupError(f"{contract!r} is no contract; there are {', '.join(CONTRACTS)}")
    schemas: list[dict[str, Any]] = [json.loads(path.read_text()) for path in sorted(SCHEMAS.rglob("*.json"))]
    registry: Registry[Schema] = Registry().with_resources(
        (schema["$id"], DRAFT7.create_resource(schema)) for schema in schemas
    )
    schema = json.loads((SCHEMAS / contract / f"{contract}.json").read_text())
    extended: Any = validators.extend
    return extended(Draft7Validator, {"requireBestPath": _one_best_path})(schema, registry=registry)


def _one_best_path(_validator: Any, _value: Any, words: Any, _schema: Any) -> Iterator[ValidationError]:
    """Yields an error unless exactly one alternative is on the best path. The keyword belongs to these schemas."""
    if sum(word.get("bestPath") is True for word in words) != 1:
        yield ValidationError("there should be one and only one bestPath in a transcription lattice")
