"""The schema: `schema.graphql`, which is the contract, bound to the functions that resolve its fields."""

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ariadne import make_executable_schema
from graphql import GraphQLSchema, OperationType, get_named_type, is_input_object_type

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.execution.answer_cache import AnswerCache
from enginehouse.api.graphql.execution.scalars import SCALARS
from enginehouse.api.graphql.fields import (
    action_templates,
    additions,
    assets,
    attempts,
    audit,
    bulk_acts,
    bulk_cancels,
    content_templates,
    engine_access,
    engine_builds,
    engine_categories,
    engine_changes,
    engines,
    event_definitions,
    event_subscriptions,
    events,
    exports,
    identity,
    job_fields,
    job_pipelines,
    jobs,
    launches,
    organizations,
    overview,
    paging,
    pipelines,
    results,
    schedule_fields,
    schedules,
    single_engine_jobs,
    sources,
    target_fields,
    targets,
    task_notes,
    task_templates,
    task_tokens,
    task_updates,
    tasks,
    templates,
    tokens,
    triggers,
    uploads,
    users,
    why,
)
from enginehouse.api.input.references import references
from enginehouse.domain.errors import NotAllowed
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import Job
from enginehouse.operations.audit import trail
from enginehouse.operations.references import refuse_unknown

# They list unknown references together with what else is wrong.
_WITH_OTHER_PROBLEMS: Final = frozenset(
    {"createExportRequest", "createJob", "createScheduledJob", "updateScheduledJob"}
)
# The fields for which a token for a task is good, if they are about that task, its job or its target.
FOR_TASKS: Final = frozenset({
    "appendWarningToTask", "createTaskLog", "job", "myRights", "task", "temporalDataObject", "updateTask",
    "uploadEngineResult",
})  # fmt: skip
# The fields that need no token: they sign in, or have a token as their argument.
OPEN: Final = frozenset({"refreshToken", "userLogin", "userLogout", "validateToken"})


@cache
def schema() -> GraphQLSchema:
    """Returns the executable schema, which is created once in a process."""
    text = files(__package__).joinpath("schema.graphql").read_text()
    nouns = (
        identity, engines, targets, target_fields, assets, uploads, jobs, bulk_cancels, bulk_acts, tasks, attempts, why,
        events, results, audit, event_subscriptions, event_definitions, action_templates, triggers, tokens, templates,
        task_templates, job_pipelines, sources, job_fields, users, organizations, engine_categories, content_templates,
        task_notes, additions, task_updates, task_tokens, launches, single_engine_jobs, schedules, schedule_fields,
        engine_changes, engine_builds, engine_access, exports, overview, pipelines,
    )  # fmt: skip
    executable = make_executable_schema(text, *SCALARS, *(bindable for noun in nouns for bindable in noun.BINDABLES))
    for root in (executable.query_type, executable.mutation_type):
        for name, field in root.fields.items() if root else ():
            if name not in OPEN and field.resolve is not None:
                field.resolve = _for_callers(field.resolve)
    for name, field in executable.mutation_type.fields.items() if executable.mutation_type else ():
        of_input = get_named_type(field.args["input"].type) if "input" in field.args else None
        if field.resolve is None or not is_input_object_type(of_input) or name in _WITH_OTHER_PROBLEMS | OPEN:
            continue
        field.resolve = _with_references(field.resolve, of_input.name)
    return executable


def answers() -> AnswerCache:
    """Returns a new cache of what plans answer about jobs."""
    fields = {"Job": job_fields.OF_ITSELF, "TaskList": paging.OF_ITSELF, "Task": tasks.OF_ITSELF}
    return AnswerCache({"Job": Job}, fields)


def _for_callers(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a resolver that first makes sure that the caller is known, and may use the field with its token."""

    def resolve_for_caller(root: object, info: Info, **arguments: Any) -> Any:
        principal = info.context.principal
        if principal.task is not None and info.field_name not in FOR_TASKS:
            return _refuse_task_token(info, principal)
        return resolve(root, info, **arguments)

    return resolve_for_caller


async def _refuse_task_token(info: Info, principal: Principal) -> None:
    """Raises NotAllowed, and records a refused mutation like any other."""
    if info.operation.operation is OperationType.MUTATION:
        await info.context.house.refusals.note(trail.entry(principal, info.field_name, success=False))
    raise NotAllowed


def _with_references(resolve: Callable[..., Any], input_name: str) -> Callable[..., Any]:
    """Returns a resolver that first refuses a reference to what the caller may not read."""

    async def resolve_if_known(root: object, info: Info, **arguments: Any) -> Any:
        context = info.context
        named = references(input_name, arguments.get("input") or {})
        await refuse_unknown(context.house, context.principal, named)
        result = resolve(root, info, **arguments)
        return await result if isinstance(result, Awaitable) else result

    return resolve_if_known
