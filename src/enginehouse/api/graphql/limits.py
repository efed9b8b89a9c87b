"""How large a document may be: depth, aliases, root fields, directives, repeated fields, cost.

Every limit is worked out in one pass that looks at each fragment once, whatever it is spread into: numbers are added
and multiplied up to a ceiling instead of the fragments being expanded (reliability §0.3: a 664-byte bomb of doubling
fragments costs the well-known limiters seconds).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    VariableNode,
    get_named_type,
)
from graphql.language import SelectionSetNode

from enginehouse.api.graphql.rejection import RejectedError

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 12
MAX_INTROSPECTION_DEPTH: Final = 20  # the usual introspection query is 15 deep
MAX_ALIASES: Final = 50
MAX_ROOT_FIELDS: Final = 20
MAX_DIRECTIVES: Final = 50
MAX_FRAGMENTS: Final = 50
# The rule that fields of one name may be merged compares them in pairs, so their number is what it costs.
MAX_REPEATED: Final = 50
# A field costs 1; a list costs as many of its item as its `limit` allows.
MAX_COST: Final = 1_000_000
_CEILING: Final = 1_000_000_000
_LARGEST_PAGE: Final = 10_000  # a greater `limit` is refused by the field itself, which can say what is allowed

INTROSPECTION: Final = frozenset({"__schema", "__type"})

# What the lists of the introspection types hold, roughly.
_INTROSPECTED: Final = {"types": 150, "fields": 15, "inputFields": 10, "args": 3, "enumValues": 8, "possibleTypes": 20}


@dataclass(slots=True)
class _Size:
    """What a selection holds with all its fragments in it, up to the ceiling."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    fields: int = 0

    def add(self, other: "_Size") -> None:
        self.depth = max(self.depth, other.depth)
        self.aliases = min(_CEILING, self.aliases + other.aliases)
        self.directives = min(_CEILING, self.directives + other.directives)
        self.fields = min(_CEILING, self.fields + other.fields)


@dataclass(slots=True)
class _Measuring:
    fragments: dict[str, FragmentDefinitionNode]
    known: dict[str, _Size] = field(default_factory=dict)
    repeated: int = 0

    def fragment(self, name: str) -> _Size:
        size = self.known.get(name)
        if size is None:
            # Set before the visit: a fragment in its own circle counts nothing, and validation will name it.
            self.known[name] = _Size()
            definition = self.fragments.get(name)
            size = self.known[name] = self.selections(definition.selection_set) if definition else _Size()
        return size

    def selections(self, selected: SelectionSetNode) -> _Size:
        size, names = _Size(), set[str]()
        self._into(size, names, selected)
        return size

    def _into(self, size: _Size, names: set[str], selected: SelectionSetNode) -> None:
        for node in selected.selections:
            size.directives += len(node.directives or ())
            match node:
                case FieldNode():
                    size.add(self._field(node, names))
                case InlineFragmentNode():
                    self._into(size, names, node.selection_set)
                case FragmentSpreadNode():
                    size.add(self.fragment(node.name.value))

    def _field(self, node: FieldNode, names: set[str]) -> _Size:
        shown = (node.alias or node.name).value
        self.repeated += shown in names
        names.add(shown)
        inner = self.selections(node.selection_set) if node.selection_set else _Size()
        return _Size(inner.depth + 1, inner.aliases + (node.alias is not None), inner.directives, 1)


def check_size(document: DocumentNode) -> None:
    """The document is within every limit that does not depend on the schema. Raises RejectedError naming the limit."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    _at_most(len(document.definitions), MAX_FRAGMENTS, "too_many_fragments", "{} operations and fragments")
    measuring = _Measuring(fragments)
    for name in fragments:
        measuring.fragment(name)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            _check_operation(document, operation, measuring)
    _at_most(measuring.repeated, MAX_REPEATED, "too_many_repeated_fields", "{} fields that repeat one beside them")


def _check_operation(document: DocumentNode, operation: OperationDefinitionNode, measuring: _Measuring) -> None:
    size = measuring.selections(operation.selection_set)
    _at_most(size.fields, MAX_ROOT_FIELDS, "too_many_root_fields", "{} fields at its root")
    _at_most(size.aliases, MAX_ALIASES, "too_many_aliases", "{} aliases")
    directives = size.directives + len(operation.directives or ())
    _at_most(directives, MAX_DIRECTIVES, "too_many_directives", "{} directives")
    only_introspects = root_fields(document, operation) <= INTROSPECTION | {"__typename"}
    depth = MAX_INTROSPECTION_DEPTH if only_introspects else MAX_DEPTH
    _at_most(size.depth, depth, "query_too_deep", "{} levels of fields")


def _at_most(given: int, allowed: int, code: str, what: str) -> None:
    if given > allowed:
        count = what.format(given if given < _CEILING else "far too many")
        raise RejectedError.beyond(code, f"The document has {count}; at most {allowed} are allowed.", allowed)


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> set[str]:
    """The names of the fields at the operation's root, those in fragments too."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    names, seen, waiting = set[str](), set[str](), [operation.selection_set]
    while waiting:
        for node in waiting.pop().selections:
            match node:
                case FieldNode():
                    names.add(node.name.value)
                case InlineFragmentNode():
                    waiting.append(node.selection_set)
                case FragmentSpreadNode() if node.name.value not in seen and node.name.value in fragments:
                    seen.add(node.name.value)
                    waiting.append(fragments[node.name.value].selection_set)
    return names


class Cost:
    """What an operation costs: the fields it can answer at most, worked out from its page sizes."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._operation = operation
        self._varies = False
        self._fixed = self._sum({})

    def check(self, variables: Mapping[str, Any]) -> None:
        """The operation costs no more than allowed with these variables. Raises RejectedError."""
        cost = self._sum(variables) if self._varies else self._fixed
        if cost > MAX_COST:
            message = (
                f"The operation may answer {'more than ' * (cost >= _CEILING)}{cost} fields; at most {MAX_COST} are "
                "allowed. Ask for smaller pages."
            )
            raise RejectedError.beyond("query_too_costly", message, MAX_COST)

    def _sum(self, variables: Mapping[str, Any]) -> int:
        root = self._schema.get_root_type(self._operation.operation)
        return self._selections(self._operation.selection_set, root, variables, {})

    def _selections(
        self,
        selected: SelectionSetNode,
        parent: GraphQLNamedType | None,
        variables: Mapping[str, Any],
        known: dict[str, int],
    ) -> int:
        total = 0
        for node in selected.selections:
            total += self._one(node, parent, variables, known)
        return min(total, _CEILING)

    def _one(
        self, node: SelectionNode, parent: GraphQLNamedType | None, variables: Mapping[str, Any], known: dict[str, int]
    ) -> int:
        match node:
            case FieldNode():
                return self._field(node, parent, variables, known)
            case InlineFragmentNode():
                narrowed = node.type_condition
                on = parent if narrowed is None else self._schema.get_type(narrowed.name.value)
                return self._selections(node.selection_set, on, variables, known)
            case FragmentSpreadNode():
                return self._fragment(node.name.value, variables, known)
        return 0

    def _fragment(self, name: str, variables: Mapping[str, Any], known: dict[str, int]) -> int:
        if name not in known:
            known[name] = 0
            definition = self._fragments[name]
            on = self._schema.get_type(definition.type_condition.name.value)
            known[name] = self._selections(definition.selection_set, on, variables, known)
        return known[name]

    def _field(
        self, node: FieldNode, parent: GraphQLNamedType | None, variables: Mapping[str, Any], known: dict[str, int]
    ) -> int:
        if node.selection_set is None:
            return 1
        name = node.name.value
        definition: GraphQLField | None = self._schema.get_field(parent, name) if parent else None  # type: ignore[arg-type]
        inside = get_named_type(definition.type) if definition else None
        items = self._selections(node.selection_set, inside, variables, known)
        return min(_CEILING, 1 + self._length(node, parent, definition, variables) * items)

    def _length(
        self,
        node: FieldNode,
        parent: GraphQLNamedType | None,
        definition: GraphQLField | None,
        variables: Mapping[str, Any],
    ) -> int:
        if parent is not None and parent.name.startswith("__"):
            return _INTROSPECTED.get(node.name.value, 1)
        if definition is None or "limit" not in definition.args:
            return 1
        given = next((a.value for a in node.arguments or () if a.name.value == "limit"), None)
        limit: int | None = None
        if isinstance(given, IntValueNode):
            limit = int(given.value[:12])
        elif isinstance(given, VariableNode):
            self._varies = True
            limit = variables.get(given.name.value, self._default_of(given.name.value))
        if not isinstance(limit, int):
            limit = _default_limit(definition)
        return max(1, min(limit, _LARGEST_PAGE))

    def _default_of(self, variable: str) -> int | None:
        for definition in self._operation.variable_definitions or ():
            if definition.variable.name.value == variable and isinstance(definition.default_value, IntValueNode):
                return int(definition.default_value.value)
        return None


def _default_limit(definition: GraphQLField) -> int:
    default = definition.args["limit"].default
    literal: object = getattr(default, "literal", None)
    return int(str(literal.value)) if isinstance(literal, IntValueNode) else 30
