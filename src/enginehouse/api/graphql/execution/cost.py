"""Computes from its page sizes how many fields an operation may return, before anything is resolved.

As with the other limits, each fragment is read once, and numbers stop growing at a ceiling. It is a separate walk. It
needs the schema (which fields are lists, and their default sizes), and so a valid document. The other limits (`limits`)
must hold before validation. Here the cost of an item is multiplied by its page, for each operation and the variables of
each request. There sizes are added, once for each document.
"""

from collections.abc import Mapping
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
    is_composite_type,
)
from graphql.language import SelectionSetNode

from enginehouse.api.graphql.execution.literals import SIZES
from enginehouse.api.graphql.execution.rejection import RejectedError

# A field costs 1. A list costs its item as many times as its `limit` or `count` allows.
MAX_COST: Final = 1_000_000
_CEILING: Final = 1_000_000_000
_LARGEST_PAGE: Final = 10_000  # the field itself refuses a greater `limit`, and can say what is allowed

# The approximate lengths of the lists in introspection types.
_INTROSPECTED: Final = {"types": 150, "fields": 15, "inputFields": 10, "args": 3, "enumValues": 8, "possibleTypes": 20}

# Lists that are computed and not read. An item costs so many times more, since it takes the event loop's processor.
_COMPUTED: Final = {"nextRuns": 20}


class Cost:
    """The cost of an operation: the most fields that it can return, computed from its page sizes."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        *,
        only: frozenset[str] | None = None,
    ) -> None:
        """With `only`, other fields at the root cost nothing."""
        self._schema = schema
        self._only = only
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._operation = operation
        self._root = schema.get_root_type(operation.operation)
        self._varies = False
        self._fixed = self.sum({})

    def check(self, variables: Mapping[str, Any]) -> None:
        """With these variables the operation does not cost more than allowed. Raises RejectedError."""
        cost = self.sum(variables) if self._varies else self._fixed
        if cost > MAX_COST:
            message = (
                f"The operation may answer {'more than ' * (cost >= _CEILING)}{cost} fields; at most {MAX_COST} are "
                "allowed. Ask for smaller pages."
            )
            raise RejectedError.beyond("query_too_costly", message, MAX_COST)

    def sum(self, variables: Mapping[str, Any]) -> int:
        """Returns the cost with these variables."""
        return self._selections(self._operation.selection_set, self._root, variables, {})

    def _selections(
        self,
        selection_set: SelectionSetNode,
        parent: GraphQLNamedType | None,
        variables: Mapping[str, Any],
        fragment_costs: dict[str, int],
    ) -> int:
        total = 0
        for node in selection_set.selections:
            total += self._selection(node, parent, variables, fragment_costs)
        return min(total, _CEILING)

    def _selection(
        self,
        node: SelectionNode,
        parent: GraphQLNamedType | None,
        variables: Mapping[str, Any],
        fragment_costs: dict[str, int],
    ) -> int:
        match node:
            case FieldNode():
                return self._field(node, parent, variables, fragment_costs)
            case InlineFragmentNode():
                condition = node.type_condition
                type_ = parent if condition is None else self._schema.get_type(condition.name.value)
                return self._selections(node.selection_set, type_, variables, fragment_costs)
            case FragmentSpreadNode():
                return self._fragment(node.name.value, variables, fragment_costs)
        return 0

    def _fragment(self, name: str, variables: Mapping[str, Any], fragment_costs: dict[str, int]) -> int:
        if name not in fragment_costs:
            fragment_costs[name] = 0
            definition = self._fragments[name]
            type_ = self._schema.get_type(definition.type_condition.name.value)
            fragment_costs[name] = self._selections(definition.selection_set, type_, variables, fragment_costs)
        return fragment_costs[name]

    def _field(
        self,
        node: FieldNode,
        parent: GraphQLNamedType | None,
        variables: Mapping[str, Any],
        fragment_costs: dict[str, int],
    ) -> int:
        if node.selection_set is None:
            return 1
        name = node.name.value
        if self._only is not None and name not in self._only and parent is self._root:
            return 0
        definition = self._schema.get_field(parent, name) if is_composite_type(parent) else None
        item_type = get_named_type(definition.type) if definition else None
        items = self._selections(node.selection_set, item_type, variables, fragment_costs)
        price = _COMPUTED.get(name, 1)
        return min(_CEILING, 1 + self._length(node, parent, definition, variables) * items * price)

    def _length(
        self,
        node: FieldNode,
        parent: GraphQLNamedType | None,
        definition: GraphQLField | None,
        variables: Mapping[str, Any],
    ) -> int:
        if parent is not None and parent.name.startswith("__"):
            return _INTROSPECTED.get(node.name.value, 1)
        name = next((name for name in SIZES if definition is not None and name in definition.args), None)
        if definition is None or name is None:
            return 1
        argument = next((a.value for a in node.arguments or () if a.name.value == name), None)
        limit: int | None = None
        if isinstance(argument, IntValueNode):
            limit = int(argument.value[:12])
        elif isinstance(argument, VariableNode):
            self._varies = True
            limit = variables.get(argument.name.value, self._default_of(argument.name.value))
        if not isinstance(limit, int):
            limit = _default_size(definition, name)
        return max(1, min(limit, _LARGEST_PAGE))

    def _default_of(self, variable: str) -> int | None:
        for definition in self._operation.variable_definitions or ():
            if definition.variable.name.value == variable and isinstance(definition.default_value, IntValueNode):
                return int(definition.default_value.value)
        return None


def _default_size(definition: GraphQLField, name: str) -> int:
    default = definition.args[name].default
    literal: object = getattr(default, "literal", None)
    return int(str(literal.value)) if isinstance(literal, IntValueNode) else 30
