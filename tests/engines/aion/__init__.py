"""The judge of engine output: AION's published schemas, as a list of what is wrong with a document."""

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
    """What keeps `document` from satisfying a contract, each as `path: text`; `aion` is the document's shape alone."""
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
    """A keyword of the schemas' own: among alternatives exactly one is on the best path."""
    if sum(word.get("bestPath") is True for word in words) != 1:
        yield ValidationError("there should be one and only one bestPath in a transcription lattice")
