"""The schema: `schema.graphql`, which is the contract, bound to the functions that resolve its fields."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ariadne import make_executable_schema
from graphql import GraphQLSchema

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.execution.scalars import SCALARS
from enginehouse.api.graphql.fields import (
    assets,
    attempts,
    audit,
    bulk_cancels,
    content_templates,
    engine_categories,
    engines,
    events,
    identity,
    job_fields,
    jobs,
    launches,
    pipelines,
    results,
    schedule_fields,
    schedules,
    sources,
    targets,
    task_templates,
    tasks,
    templates,
    why,
)

OPEN: Final = frozenset({"userLogin", "validateToken"})  # the fields that need no token


@cache
def schema() -> GraphQLSchema:
    """Returns the executable schema, which is created once in a process."""
    text = files(__package__).joinpath("schema.graphql").read_text()
    nouns = (
        identity, engines, targets, assets, jobs, bulk_cancels, tasks, attempts, why, events, results, audit,
        templates, task_templates, pipelines, sources, job_fields,
        engine_categories, content_templates, launches, schedules, schedule_fields,
    )  # fmt: skip
    executable = make_executable_schema(text, *SCALARS, *(bindable for noun in nouns for bindable in noun.BINDABLES))
    for root in (executable.query_type, executable.mutation_type):
        for name, field in root.fields.items() if root else ():
            if name not in OPEN and field.resolve is not None:
                field.resolve = _for_callers(field.resolve)
    return executable


def _for_callers(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a resolver that first makes sure that the caller is known."""

    def resolve_for_caller(root: object, info: Info, **arguments: Any) -> Any:
        _ = info.context.principal
        return resolve(root, info, **arguments)

    return resolve_for_caller
