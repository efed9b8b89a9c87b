"""Executes mutations by a plan: one field of the root after the other.

A mutation must not be executed twice. Where its plan gives up, the library goes on at that field, with what the
resolver of the field has returned or raised already. Below the root nothing changes anything, so that the library may
read it again; the fields before it are done. Every answer with an error is the library's own.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import CoroutineType, NoneType
from typing import Any, Final, NamedTuple

from graphql import Executor, GraphQLObjectType, GraphQLResolveInfo
from graphql.pyutils import Path

from enginehouse.api.graphql.execution.plan_input import NoPlanError, VariablePlan
from enginehouse.api.graphql.execution.plan_steps import (
    AWAITED,
    Execution,
    Fields,
    FieldStep,
    PlannedOperation,
    is_awaitable,
)

_PLAIN: Final = frozenset({str, int, bool, NoneType, dict, list, tuple})  # they need no slow test


class Outcome(NamedTuple):
    """What a resolver has returned, or the error that it has raised."""

    value: Any
    error: Exception | None = None

    def again(self) -> Any:
        """Returns the value, or raises the error."""
        if self.error is not None:
            raise self.error
        return self.value


class Stopped(NamedTuple):
    """Where a plan has given up: the data of the fields before, and the outcome of this one if it was called."""

    data: dict[str, Any]
    key: str
    outcome: Outcome | None


class MutationPlan:
    """How a mutation is answered."""

    def __init__(self, planned: PlannedOperation, variables: VariablePlan, root: Fields, count: int) -> None:
        self._planned = planned
        self._variables = variables
        self._count = count
        self._steps = [(step, _resolver(step)) for *_, step in root]

    async def execute(
        self, context: Any, variables: Mapping[str, Any], literals: Mapping[str, Any]
    ) -> dict[str, Any] | Stopped | None:
        """Returns the data of the answer. None means that nothing is executed yet, and the library must do it."""
        try:
            values = self._variables.read(variables, literals)
        except Exception:
            return None
        run = Execution(self._planned, context, values, [None] * self._count)
        data: dict[str, Any] = {}
        for step, resolve in self._steps:
            try:
                info, arguments = run.prepare(step)
            except Exception:
                return Stopped(data, step.key, None)
            try:
                value = resolve(None, info, **arguments)
                if value.__class__ in AWAITED:
                    value = await value
            except Exception as error:
                return Stopped(data, step.key, Outcome(None, error))
            try:
                _refuse_single_use(value)
                data[step.key] = step.complete(value, run)
                await run.all_values()
            except Exception:
                await run.settle()
                data.pop(step.key, None)
                return Stopped(data, step.key, Outcome(value))
        return data


def _resolver(step: FieldStep) -> Callable[..., Any]:
    if step.resolve is None:
        raise NoPlanError
    return step.resolve


def _refuse_single_use(value: Any) -> None:
    """The library may read the value after the plan. Raises NoPlanError if a part of it can be read only once."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else (value,)
    for part in parts:
        if part.__class__ not in _PLAIN and isinstance(part, CoroutineType | Iterator):
            raise NoPlanError


class RestOfMutation(Executor[Any]):
    """The library, from the field on at which a plan has given up."""

    stopped: Stopped

    def execute_fields_serially(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Returns the data, with that of the fields that are done."""
        done = self.stopped.data
        left = {key: fields for key, fields in grouped_field_set.items() if key not in done}
        rest: Any = super().execute_fields_serially(parent_type, source_value, path, left, position_context)
        return _joined(done, rest) if is_awaitable(rest) else done | rest


async def _joined(done: dict[str, Any], rest: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return done | await rest


def replay(stopped: Stopped) -> Callable[..., Any]:
    """Returns the middleware that gives the library the outcome of the field that was called already."""

    def resolve_again(resolve: Callable[..., Any], source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if info.path.prev is None and info.path.key == stopped.key and stopped.outcome is not None:
            return stopped.outcome.again()
        return resolve(source, info, **arguments)

    return resolve_again
