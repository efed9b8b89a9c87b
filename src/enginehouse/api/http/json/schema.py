"""JSON schemas of the types of an interface, as its description shows them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

Schema = dict[str, Any]
Formats = Mapping[str, str]
"""The formats of texts, by a pattern of the names of fields."""

_REFERENCE: Final = "#/components/schemas/{name}"


class Schemas:
    """The schemas of all types of an interface. `components` are those of its structs by name."""

    def __init__(self, types: Sequence[Any], formats: Formats) -> None:
        self._formats = [(re.compile(pattern), format_) for pattern, format_ in formats.items()]
        self._types = types
        found, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
        self._found = [self._shown(schema) for schema in found]
        shown = {_short(name): self._shown(schema) for name, schema in components.items()}
        self.components: Schema = {name: {**shown[name], "title": name} for name in sorted(shown)}

    def of(self, wanted: Any) -> Schema:
        """Returns the schema of one of the types."""
        schema: Schema = self._found[self._types.index(wanted)]
        return schema

    def of_parameter(self, wanted: Any) -> Schema:
        """Returns the schema of a query parameter of this type."""
        schema: Schema = self._shown(msgspec.json.schema(wanted))
        return schema

    def _shown(self, schema: Any) -> Any:
        """Returns the schema with short names and with formats.

        A field that is null by default is absent instead: responses leave it out, and requests may.
        """
        match schema:
            case list():
                return [self._shown(each) for each in schema]
            case {"$ref": str(reference)}:
                return {"$ref": _REFERENCE.format(name=_short(reference.rpartition("/")[2]))}
            case dict():
                shown = {name: self._shown(value) for name, value in schema.items() if name != "properties"}
            case _:
                return schema
        if {} in shown.get("anyOf", []):
            del shown["anyOf"]  # anything, null too; generators of TypeScript clients fail at a choice without a name
        if pair := shown.pop("prefixItems", None):
            # Generators of clients do not know the items of a tuple one by one.
            kinds = [kind for at, kind in enumerate(pair) if kind not in pair[:at]]
            shown["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
        if "type" not in shown and all(isinstance(word, str) for word in shown.get("enum", [None])):
            shown["type"] = "string"
        if isinstance(fields := schema.get("properties"), dict):
            shown["properties"] = {
                name: self._formatted(name, self._shown(_absent(field))) for name, field in fields.items()
            }
        return shown

    def _formatted(self, name: str, schema: Schema) -> Schema:
        if schema.get("type") == "array" and isinstance(items := schema.get("items"), dict):
            return {**schema, "items": self._formatted(name, items)}
        if schema.get("type") != "string" or "format" in schema or "enum" in schema:
            return schema
        found = next((format_ for pattern, format_ in self._formats if pattern.fullmatch(name)), None)
        return schema if found is None else {**schema, "format": found}


def _absent(field: Schema) -> Schema:
    """Returns the schema of the field without null, if null is its default."""
    if "default" not in field or field["default"] is not None:
        return field
    rest = {name: value for name, value in field.items() if name not in {"default", "anyOf"}}
    match [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]:
        case []:
            return rest
        case [only]:
            return {**only, **rest}
        case several:
            return {**rest, "anyOf": several}


def _short(name: str) -> str:
    """Returns `JobResult` or `JobListResult` for the generic names that msgspec composes."""
    if several := re.fullmatch(r"(\w+?)_list_(?:\w+\.)*(\w+?)__", name):
        return f"{several[2]}List{several[1]}"
    if one := re.fullmatch(r"([A-Za-z]+)_(\w+?)_", name):
        return f"{one[2]}{one[1]}"
    return name
