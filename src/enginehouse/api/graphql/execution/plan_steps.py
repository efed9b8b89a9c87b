"""The steps of a query plan: how the values of a selection come about, and what becomes of them.

A plan has no words for errors: a step that meets one raises, and the library executes the query from the start.
"""

from asyncio import Future, Task, gather
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CoroutineType
from typing import Any, Final, NamedTuple, TypeGuard

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, Undefined, is_iterable
from graphql.type.definition import GraphQLResolveInfoHelpers

from enginehouse.api.graphql.execution.answer_cache import AnswerCache
from enginehouse.api.graphql.execution.plan_input import ArgumentPlan, GivenUpError

AWAITED: Final = frozenset({CoroutineType, Future, Task})
"""The awaitables that our resolvers return. The usual test costs several times as much."""

_LISTS: Final = frozenset({list, tuple})


def is_awaitable(value: Any) -> TypeGuard[Awaitable[Any]]:
    """Returns True for the awaitables that our resolvers return."""
    return value.__class__ in AWAITED


async def _all_of(awaited: Iterable[Awaitable[Any]]) -> list[Any]:
    return await gather(*awaited)


_HELPERS: Final = GraphQLResolveInfoHelpers(gather=_all_of, track=lambda _: None)  # no resolver of ours uses them

Complete = Callable[[Any, "Execution"], Any]
"""Turns what a resolver has returned into the value of the answer."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldStep:
    """A field of an object: its place in a run, its key in the answer, and how its value comes about.

    `resolve` is None for a field that is read from the object by its name. A value of the class `passes` is complete as
    it is, and one among `words` becomes its word; `complete` knows these too, and all others.
    """

    number: int
    key: str
    name: str
    definition: GraphQLField
    arguments: ArgumentPlan
    nodes: list[FieldNode]
    parent: GraphQLObjectType
    resolve: Callable[..., Any] | None
    complete: Complete
    passes: type | None = None
    words: Mapping[Any, str] | None = None


Fields = tuple[tuple[str, int, Callable[..., Any] | None, type | None, Mapping[Any, str] | None, FieldStep], ...]
"""The fields of an object, in the order of the answer. What each value needs stands before the step, to be at hand."""


class AwaitedValue(NamedTuple):
    """A value that must be awaited, and where it goes when it is complete."""

    value: Awaitable[Any]
    complete: Complete
    container: Any  # a dict or a list of the answer
    key: Any


Prepared = tuple[GraphQLResolveInfo[Any], dict[str, Any]]
"""What a resolver gets besides the object."""


class PlannedOperation(NamedTuple):
    """What is the same for all executions of an operation."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]
    operation: OperationDefinitionNode


@dataclass(slots=True)
class Execution:
    """One execution: the arguments and the info of each field that has a resolver, and what is awaited."""

    planned: PlannedOperation
    context: Any
    values: VariableValues
    ready: list[Prepared | None]
    waiting: list[AwaitedValue] = field(default_factory=list)

    def prepare(self, step: FieldStep) -> Prepared:
        """Returns what the resolver of the field gets besides the object. It is the same for all objects of a run."""
        schema, fragments, operation = self.planned
        path = Path(None, step.key, step.parent.name)
        info = GraphQLResolveInfo(
            step.name, step.nodes, step.definition.type, step.parent, path, schema, fragments, None, operation,
            self.values, self.context, is_awaitable, None, _HELPERS,
        )  # fmt: skip
        self.ready[step.number] = made = info, step.arguments.read(self.values)
        return made

    async def all_values(self) -> None:
        """Every value that must be awaited has its place in the answer: level by level, those of a level at once."""
        while self.waiting:
            waiting, self.waiting = self.waiting, []
            for each, value in zip(waiting, await _awaited(waiting), strict=True):
                each.container[each.key] = each.complete(value, self)

    async def settle(self) -> None:
        """What was still to be awaited has ended, however."""
        if self.waiting:
            await gather(*[each.value for each in self.waiting], return_exceptions=True)


async def _awaited(waiting: Sequence[AwaitedValue]) -> Sequence[Any]:
    if len(waiting) == 1:
        return [await waiting[0].value]
    values = await gather(*[each.value for each in waiting], return_exceptions=True)
    for value in values:
        if isinstance(value, BaseException):
            raise value
    return values


def object_of(fields: Fields, source: Any, run: Execution) -> dict[str, Any]:
    """Returns the object of the answer. Values that are awaited have their place in it, and come later."""
    out: dict[str, Any] = {}
    ready = run.ready
    for key, number, resolve, passes, words, step in fields:
        if resolve is None:
            value = _read(source, step, run)
        else:
            info, arguments = ready[number] or run.prepare(step)
            value = resolve(source, info, **arguments) if arguments else resolve(source, info)
        if value.__class__ is passes:
            out[key] = value
        elif words is not None and (word := words.get(value)) is not None:
            out[key] = word
        elif value.__class__ in AWAITED:
            out[key] = None
            run.waiting.append(AwaitedValue(value, step.complete, out, key))
        else:
            out[key] = step.complete(value, run)
    return out


def _read(source: Any, step: FieldStep, run: Execution) -> Any:
    """Returns the value that the object has under the name of the field."""
    name = step.name
    is_mapping = source.__class__ is dict or isinstance(source, Mapping)
    value = source.get(name) if is_mapping else getattr(source, name, None)
    if callable(value):
        info, arguments = run.ready[step.number] or run.prepare(step)
        return value(info, **arguments)
    return value


def required(complete: Complete) -> Complete:
    def complete_required(value: Any, run: Execution) -> Any:
        result = complete(value, run)
        if result is None:
            raise GivenUpError
        return result

    return complete_required


def leaf(coerce: Callable[[Any], Any]) -> Complete:
    def complete_leaf(value: Any, run: Execution) -> Any:
        if value is None:
            return None
        if isinstance(value, Exception):
            raise value
        result = coerce(value)
        if result is None or result is Undefined:
            raise GivenUpError
        return result

    return complete_leaf


def nested(fields: Fields) -> Complete:
    def complete_object(value: Any, run: Execution) -> Any:
        if value is None:
            return None
        if isinstance(value, Exception):
            raise value
        return object_of(fields, value, run)

    return complete_object


def kept(fields: Fields, answers: AnswerCache, usual: type) -> Complete:
    """Completes objects with these fields. The answers about those of the class `usual` are kept, as bytes."""
    complete, selection = nested(fields), answers.number()

    def complete_kept(value: Any, run: Execution) -> Any:
        if value.__class__ is not usual:
            return complete(value, run)
        return answers.find(selection, value) or answers.keep(selection, value, object_of(fields, value, run))

    return complete_kept


def listed(complete: Complete) -> Complete:
    """Completes lists, each item with `complete`."""

    def complete_list(value: Any, run: Execution) -> Any:
        if value is None:
            return None
        out: list[Any] = []
        for item in _items(value):
            _append(out, item, complete, run)
        return out

    return complete_list


def listed_objects(fields: Fields, complete: Complete) -> Complete:
    """Completes lists of objects with these fields, most of which are of one class."""

    def complete_objects(value: Any, run: Execution) -> Any:
        if value is None:
            return None
        out: list[Any] = []
        usual: type | None = None
        for item in _items(value):
            if item.__class__ is usual:
                out.append(object_of(fields, item, run))
                continue
            _append(out, item, complete, run)
            if item is not None and item.__class__ not in AWAITED:
                usual = item.__class__
        return out

    return complete_objects


def _items(value: Any) -> Iterable[Any]:
    if value.__class__ not in _LISTS and not is_iterable(value):
        raise GivenUpError
    return value


def _append(out: list[Any], item: Any, complete: Complete, run: Execution) -> None:
    if item.__class__ in AWAITED:
        run.waiting.append(AwaitedValue(item, complete, out, len(out)))
        out.append(None)
    else:
        out.append(complete(item, run))
