"""Executes queries by a plan that is compiled once for each document.

For a query without directives and abstract types everything but the values is known beforehand: which fields each
object has, who resolves them, and what the result of each becomes. The library finds that out again for every object.
(GraphQL specification, §6)

A plan has no words for errors. If anything goes wrong, it gives up, and the library executes the query from the start.
A query changes nothing, so that this is safe, and every answer with an error is the library's own.
"""

from asyncio import gather
from collections.abc import Iterator, Sequence
from typing import Any, Final

from graphql import (
    DocumentNode,
    Executor,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLString,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.values import get_argument_values

from enginehouse.api.graphql.execution.plan_steps import (
    AwaitedValue,
    Complete,
    Execution,
    Fields,
    FieldStep,
    leaf,
    listed,
    listed_objects,
    nested,
    object_of,
    required,
)

_TEXTS: Final = frozenset({GraphQLString, GraphQLID})
_MOST_FIELDS: Final = 2_000  # of a plan, which takes about 1 KB for each


class NoPlanError(Exception):
    """The document has something that no plan has."""


class QueryPlan:
    """How a query is answered."""

    def __init__(self, root: Fields, count: int) -> None:
        self._root = root
        self._count = count

    async def execute(self, executor: Executor[Any]) -> dict[str, Any] | None:
        """Returns the data of the answer, None if the library must execute the query. Changes nothing of `executor`."""
        run = Execution(executor, [None] * self._count)
        try:
            data = object_of(self._root, executor.root_value, run)
            while run.waiting:
                waiting, run.waiting = run.waiting, []
                for each, value in zip(waiting, await _all(waiting), strict=True):
                    each.container[each.key] = each.complete(value, run)
        except Exception:
            await gather(*[each.value for each in run.waiting], return_exceptions=True)
            return None
        return data


async def _all(waiting: Sequence[AwaitedValue]) -> Sequence[Any]:
    if len(waiting) == 1:
        return [await waiting[0].value]
    values = await gather(*[each.value for each in waiting], return_exceptions=True)
    for value in values:
        if isinstance(value, BaseException):
            raise value
    return values


def compile_query(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> QueryPlan | None:
    """Returns the plan of the operation, None if only the library can execute it. The document is valid."""
    if operation.operation is not OperationType.QUERY or operation.directives or schema.query_type is None:
        return None
    compiler = _Compiler(schema, document)
    try:
        root = compiler.fields(schema.query_type, [operation.selection_set])
    except NoPlanError:
        return None
    return QueryPlan(root, compiler.count)


class _Compiler:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.count = 0

    def fields(self, parent: GraphQLObjectType, selected: Sequence[SelectionSetNode]) -> Fields:
        """Returns the fields that these selections have of an object of this type. Raises NoPlanError."""
        nodes: dict[str, list[FieldNode]] = {}
        seen = set[str]()
        for selections in selected:
            for node in self._nodes(parent, selections, seen):
                nodes.setdefault((node.alias or node.name).value, []).append(node)
        steps = [self._field(parent, key, found) for key, found in nodes.items()]
        return tuple([(step.key, step.number, step.resolve, step.passes, step.words, step) for step in steps])

    def _nodes(self, parent: GraphQLObjectType, selections: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        for node in selections.selections:
            if node.directives:
                raise NoPlanError
            match node:
                case FieldNode():
                    yield node
                case InlineFragmentNode(type_condition=condition):
                    if condition is None or self._applies(condition.name.value, parent):
                        yield from self._nodes(parent, node.selection_set, seen)
                case FragmentSpreadNode():
                    name = node.name.value
                    fragment = self._fragments[name]
                    if fragment.directives or node.arguments:
                        raise NoPlanError
                    if name not in seen and self._applies(fragment.type_condition.name.value, parent):
                        seen.add(name)
                        yield from self._nodes(parent, fragment.selection_set, seen)
                case _:
                    raise NoPlanError

    def _applies(self, condition: str, parent: GraphQLObjectType) -> bool:
        found = self._schema.get_type(condition)
        return found is parent or (is_abstract_type(found) and self._schema.is_sub_type(found, parent))

    def _field(self, parent: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> FieldStep:
        name = nodes[0].name.value
        definition = self._schema.get_field(parent, name)
        if definition is None or (name.startswith("__") and name != "__typename"):
            raise NoPlanError
        self.count += 1
        number = self.count - 1
        if number >= _MOST_FIELDS:
            raise NoPlanError
        complete, kind = self._complete(definition.type, nodes), get_nullable_type(definition.type)
        words = {word: word for word in kind.values} if isinstance(kind, GraphQLEnumType) and _by_name(kind) else None
        passes = str if kind in _TEXTS else None
        given, defaults = _arguments(definition, nodes[0])
        return FieldStep(
            number, key, name, definition, given, defaults, nodes, parent, definition.resolve, complete, passes, words
        )

    def _complete(self, kind: GraphQLOutputType, nodes: list[FieldNode]) -> Complete:
        if isinstance(kind, GraphQLNonNull):
            return required(self._complete(kind.of_type, nodes))
        if isinstance(kind, GraphQLList):
            return self._complete_list(kind.of_type, nodes)
        if is_leaf_type(kind):
            return leaf(kind.coerce_output_value)
        if not isinstance(kind, GraphQLObjectType) or kind.is_type_of is not None:
            raise NoPlanError
        return nested(self._selected(kind, nodes))

    def _complete_list(self, kind: GraphQLOutputType, nodes: list[FieldNode]) -> Complete:
        item = get_nullable_type(kind)
        if not isinstance(item, GraphQLObjectType) or item.is_type_of is not None:
            return listed(self._complete(kind, nodes))
        fields = self._selected(item, nodes)
        return listed_objects(fields, nested(fields) if kind is item else required(nested(fields)))

    def _selected(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> Fields:
        return self.fields(kind, [node.selection_set for node in nodes if node.selection_set])


def _arguments(definition: GraphQLField, node: FieldNode) -> tuple[GraphQLField, dict[str, Any]]:
    """Returns the field with the arguments that the node gives a value, and the values of all others."""
    named = {argument.name.value for argument in node.arguments or ()}
    given = {name: each for name, each in definition.args.items() if name in named}
    others = {name: each for name, each in definition.args.items() if name not in named}
    defaults = get_argument_values(GraphQLField(definition.type, others), FieldNode(name=node.name))
    return GraphQLField(definition.type, given), defaults


def _by_name(kind: GraphQLEnumType) -> bool:
    """Returns True if each word of the enum stands for itself."""
    return all(each.value == word for word, each in kind.values.items())
