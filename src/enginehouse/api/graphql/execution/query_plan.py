"""Executes queries by a plan that is compiled once for each document.

For a query without directives and abstract types everything but the values is known beforehand: which fields each
object has, who resolves them, and what the result of each becomes. The library finds that out again for every object.
(GraphQL specification, §6)

A plan has no words for errors. If anything goes wrong, it gives up, and the library executes the query from the start.
A query changes nothing, so that this is safe, and every answer with an error is the library's own.
"""

from asyncio import Future, Task, gather
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CoroutineType
from typing import Any, Final, NamedTuple, cast

from graphql import (
    DocumentNode,
    Executor,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path, Undefined, is_iterable

AWAITED: Final = frozenset({CoroutineType, Future, Task})
"""The awaitables that our resolvers return. The usual test costs several times as much."""

_MOST_FIELDS: Final = 2_000  # of a plan, which takes about 1 KB for each

Complete = Callable[[Any, "Execution"], Any]
"""Turns what a resolver has returned into the value of the answer."""


class NoPlanError(Exception):
    """The document has something that no plan has."""


class GivenUpError(Exception):
    """The values are not as the schema says. The library says what is wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldStep:
    """A field of an object: its place in a run, its key in the answer, and how its value comes about.

    `resolve` is None for a field that is read from the object by its name.
    """

    number: int
    key: str
    name: str
    definition: GraphQLField
    nodes: list[FieldNode]
    parent: GraphQLObjectType
    resolve: Callable[..., Any] | None
    complete: Complete


Fields = tuple[FieldStep, ...]
"""The fields of an object, in the order of the answer."""


class AwaitedValue(NamedTuple):
    """A value that must be awaited, and where it goes when it is complete."""

    value: Awaitable[Any]
    complete: Complete
    container: Any  # a dict or a list of the answer
    key: Any


@dataclass(slots=True)
class Execution:
    """One execution: the arguments and the info of each field that has a resolver, and what is awaited."""

    executor: Executor[Any]
    ready: list[tuple[GraphQLResolveInfo[Any], dict[str, Any]] | None]
    waiting: list[AwaitedValue] = field(default_factory=list)

    def prepare(self, step: FieldStep) -> tuple[GraphQLResolveInfo[Any], dict[str, Any]]:
        """Returns what the resolver of the field gets besides the object. It is the same for all objects of a run."""
        executor = self.executor
        path = Path(None, step.key, step.parent.name)
        info = executor.build_resolve_info(step.definition, step.nodes, step.parent, path)
        arguments = get_argument_values(step.definition, step.nodes[0], executor.variable_values)
        self.ready[step.number] = made = info, arguments
        return made


class QueryPlan:
    """How a query is answered."""

    def __init__(self, root: Fields, count: int) -> None:
        self._root = root
        self._count = count

    async def execute(self, executor: Executor[Any]) -> dict[str, Any] | None:
        """Returns the data of the answer, None if the library must execute the query. Changes nothing of `executor`."""
        run = Execution(executor, [None] * self._count)
        try:
            data = _object(self._root, executor.root_value, run)
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


def _object(fields: Fields, source: Any, run: Execution) -> dict[str, Any]:
    """Returns the object of the answer. Values that are awaited have their place in it, and come later."""
    out: dict[str, Any] = {}
    for step in fields:
        resolve = step.resolve
        if resolve is None:
            name = step.name
            value = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
            if callable(value):
                info, arguments = run.ready[step.number] or run.prepare(step)
                value = value(info, **arguments)
        else:
            info, arguments = run.ready[step.number] or run.prepare(step)
            value = resolve(source, info, **arguments)
        if value.__class__ in AWAITED:
            out[step.key] = None
            run.waiting.append(AwaitedValue(value, step.complete, out, step.key))
        else:
            out[step.key] = step.complete(value, run)
    return out


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
        return tuple([self._field(parent, key, found) for key, found in nodes.items()])

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
        complete = self._complete(definition.type, nodes)
        return FieldStep(number, key, name, definition, nodes, parent, definition.resolve, complete)

    def _complete(self, kind: GraphQLOutputType, nodes: list[FieldNode]) -> Complete:
        if isinstance(kind, GraphQLNonNull):
            return _required(self._complete(kind.of_type, nodes))
        if isinstance(kind, GraphQLList):
            return _list(self._complete(kind.of_type, nodes))
        if is_leaf_type(kind):
            return _leaf(kind.coerce_output_value)
        if not isinstance(kind, GraphQLObjectType) or kind.is_type_of is not None:
            raise NoPlanError
        return _nested(self.fields(kind, [node.selection_set for node in nodes if node.selection_set]))


def _required(complete: Complete) -> Complete:
    def required(value: Any, run: Execution) -> Any:
        result = complete(value, run)
        if result is None:
            raise GivenUpError
        return result

    return required


def _leaf(coerce: Callable[[Any], Any]) -> Complete:
    def leaf(value: Any, run: Execution) -> Any:
        if value is None:
            return None
        if isinstance(value, Exception):
            raise value
        result = coerce(value)
        if result is None or result is Undefined:
            raise GivenUpError
        return result

    return leaf


def _nested(fields: Fields) -> Complete:
    def nested(value: Any, run: Execution) -> Any:
        if value is None:
            return None
        if isinstance(value, Exception):
            raise value
        return _object(fields, value, run)

    return nested


def _list(complete: Complete) -> Complete:
    def listed(value: Any, run: Execution) -> Any:
        if value is None:
            return None
        if not is_iterable(value):
            raise GivenUpError
        out: list[Any] = []
        for item in cast(Any, value):
            if item.__class__ in AWAITED:
                run.waiting.append(AwaitedValue(item, complete, out, len(out)))
                out.append(None)
            else:
                out.append(complete(item, run))
        return out

    return listed
