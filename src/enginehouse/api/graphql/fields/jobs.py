"""The job fields: `job`, `jobs`, `createJob`, `cancelJob`, `retryJob`, and what a Job shows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType
from graphql import FieldNode
from msgspec import structs

from enginehouse.api.graphql import idempotency
from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.execution.scalars import Moment
from enginehouse.api.graphql.fields import paging, targets
from enginehouse.api.input.jobs import job_request
from enginehouse.api.spelling import optional
from enginehouse.domain.errors import InvalidInput, NotFound, Refusal, Unavailable
from enginehouse.domain.ids import job_graphql, parse_job, parse_schedule, task_graphql
from enginehouse.domain.job import Job, JobFilter, JobRequest, Route, Task
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.times import graphql_seconds
from enginehouse.operations import engines, jobs, limits
from enginehouse.operations.targets import take_back

query, mutation, job_type = QueryType(), MutationType(), ObjectType("Job")

# The filter has no `aborted`; there the word for a cancelled job is `cancelled` (graphql-contract §4.1).
_FILTER: Final = {"cancelled": JobStatus.ABORTED}
# These fields of a new job are known without reading it again.
KNOWN_AT_ONCE: Final = frozenset({"id", "targetId", "warnings", "status", "__typename"})


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job as createJob and retryJob know it before it is read."""

    id: int
    target_id: int | None
    warnings: tuple[str, ...]
    status: JobStatus = JobStatus.PENDING


def job_id_of(text: str, object_type: str = "Job") -> int:
    """The job with this id in either spelling. Raises NotFound for what is no job's id."""
    job_id = parse_job(text)
    if job_id is None:
        raise NotFound(object_type, text)
    return job_id


@query.field("job")
async def one(_: object, info: Info, id: str) -> Job:
    """The job with this id."""
    context = info.context
    return await jobs.get(context.house, context.principal, job_id_of(id), id)


@query.field("jobs")
async def many(_: object, info: Info, **given: Any) -> paging.Page:
    """A page of the organization's jobs, newest first where no order is asked for."""
    context = info.context
    principal = context.principal
    wanted = await job_filter(context, given)
    if wanted is None:
        return paging.Page((), *paging.bounds(given.get("offset"), given.get("limit"), paging.JOBS))
    found = await jobs.list_(context.house, principal, wanted)
    return paging.Page(found.jobs, wanted.offset, wanted.limit)


@mutation.field("createJob")
async def create(_: object, info: Info, input: dict[str, Any] | None = None, **given: Any) -> Job | NewJob:
    """The job is durable and waits for its first task to start."""
    context = info.context
    key = idempotency.key(context, given.get("idempotencyKey"))
    if input is not None and input.get("targetId") is None and (input.get("target") or {}).get("assets"):
        created = await _create_with_assets(context, input, key)
    else:
        [created] = await jobs.create(context.house, context.principal, [job_request(input)], key=key)
    return await _shown(context, info, created)


async def _create_with_assets(context: Context, given: dict[str, Any], key: str | None) -> jobs.CreatedJob:
    """The target is made first with its assets, which no task of the job may start without."""
    asked = [_with_assets(job_request(given), given["target"]["assets"])]
    if key is not None:
        before = await jobs.created_before(context.house, context.principal, asked, key)
        if before is not None:
            return before[0]
    target = await targets.make(context, given["target"], "target.")
    request = job_request({**given, "target": None, "targetId": str(target.id)})
    try:
        [created] = await jobs.create(context.house, context.principal, [request], key=key, asked=asked)
    except Unavailable:
        raise  # the job may have been made
    except Refusal:
        await take_back(context.house, context.principal, target.id)
        raise
    if created.replayed:  # by a request that was sent at the same time
        await take_back(context.house, context.principal, target.id)
    return created


def _with_assets(request: JobRequest, assets: Any) -> JobRequest:
    """All that is asked: the assets of the target, too."""
    if request.target is None:
        return request
    target = structs.replace(request.target, echo={**request.target.echo, "assets": assets})
    return replace(request, target=target)


@mutation.field("cancelJob")
async def cancel(_: object, info: Info, id: str, **given: Any) -> dict[str, Any]:
    """The job is cancelled: none of its tasks starts any more."""
    context = info.context
    if not id:
        raise InvalidInput("required.", "id")
    job_id = job_id_of(id)
    running = bool(given.get("includeRunning"))
    answer = await jobs.cancel(context.house, context.principal, job_id, id, include_running=running)
    return {"id": job_graphql(job_id), "message": "Job cancelled", "stopping": answer.stopping}


@mutation.field("retryJob")
async def retry(_: object, info: Info, id: str, **given: Any) -> Job | NewJob:
    """A new job does the same again."""
    context = info.context
    created = await jobs.retry(
        context.house,
        context.principal,
        job_id_of(id),
        id,
        only_failed=bool(given.get("onlyFailed")),
        key=idempotency.key(context, given.get("idempotencyKey")),
    )
    return await _shown(context, info, created)


@mutation.field("pauseJob")
async def pause(_: object, info: Info, id: str) -> Job:
    """Nothing more of the job starts."""
    context, job_id = info.context, job_id_of(id)
    await limits.pause_job(context.house, context.principal, job_id, id)
    return await jobs.get(context.house, context.principal, job_id, id)


@mutation.field("resumeJob")
async def resume(_: object, info: Info, id: str) -> Job:
    """The job goes on."""
    context, job_id = info.context, job_id_of(id)
    await limits.resume_job(context.house, context.principal, job_id, id)
    return await jobs.get(context.house, context.principal, job_id, id)


async def _shown(context: Context, info: Info, created: jobs.CreatedJob) -> Job | NewJob:
    context.replayed |= created.replayed
    if selected(info) <= KNOWN_AT_ONCE:
        return NewJob(created.job_id, created.target_id, created.warnings)
    job = await jobs.get(context.house, context.principal, created.job_id)
    return replace(job, warnings=created.warnings or job.warnings)


def selected(info: Info) -> set[str]:
    """The names of the selected fields; a fragment counts as a name that is no field's."""
    sets = (node.selection_set for node in info.field_nodes)
    nodes = [node for selected in sets if selected for node in selected.selections]
    return {node.name.value if isinstance(node, FieldNode) else "..." for node in nodes}


async def job_filter(context: Context, given: dict[str, Any]) -> JobFilter | None:
    """The filter that the arguments of a list of jobs describe; None when no job can pass it."""
    offset, limit = paging.bounds(given.get("offset"), given.get("limit"), paging.JOBS)
    ids = None if given.get("id") is None else tuple(filter(None, [parse_job(given["id"])]))
    target_id = _target(given.get("targetId"))
    schedule_ids = _schedule_ids(given.get("scheduledJobIds"))
    if target_id == 0 or () in (ids, schedule_ids):
        return None
    wanted_engines = await _engine_ids(context, given)
    if wanted_engines == ():
        return None
    order: dict[str, str] = next(iter(given.get("orderBy") or ()), {})
    return JobFilter(
        statuses=tuple(_FILTER.get(word) or JobStatus(word) for word in given.get("status") or ()),
        ids=ids,
        target_id=target_id,
        has_target=given.get("hasTargetTDO"),
        engine_ids=wanted_engines or (),
        schedule_ids=schedule_ids,
        has_schedule=given.get("hasScheduledJobId"),
        **_dates(given.get("dateTimeFilter") or ()),
        order_by="modified_at" if order.get("field") == "modifiedDateTime" else "created_at",
        descending=order.get("direction", "desc") != "asc",
        offset=offset,
        limit=limit,
    )


def _schedule_ids(texts: Sequence[str] | None) -> tuple[int, ...] | None:
    return None if texts is None else tuple(filter(None, map(parse_schedule, texts)))


def _target(text: str | None) -> int | None:
    """The target's id; 0, which is no target's, for a text that is none."""
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


async def _engine_ids(context: Context, given: dict[str, Any]) -> tuple[str, ...] | None:
    """The engines of which a job must have one; None when any will do."""
    ids, categories = given.get("engineIds"), given.get("engineCategoryIds")
    if ids is None and categories is None:
        return None
    house, principal = context.house, context.principal
    wanted: set[str] | None = None
    if ids is not None:
        wanted = {engine.spec.id for engine in (engines.find(house, principal, name) for name in ids) if engine}
    if categories is not None:
        page = engines.EngineFilter(categories=tuple(categories) or ("",), limit=house.limits.page_size)
        inside = {engine.spec.id for engine in await engines.list_(house, principal, page)}
        wanted = inside if wanted is None else wanted & inside
    return tuple(sorted(wanted or ()))


def _dates(filters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The narrowest bounds over all filters. An upper bound without a fraction covers its whole second."""
    bounds: dict[str, int | None] = dict.fromkeys(("created_from", "created_to", "modified_from", "modified_to"))
    for one_filter in filters:
        prefix = "created" if one_filter["field"] == "createdDateTime" else "modified"
        first: Moment | None = one_filter.get("fromDateTime")
        last: Moment | None = one_filter.get("toDateTime")
        if first is not None:
            bounds[f"{prefix}_from"] = max(int(first), bounds[f"{prefix}_from"] or 0)
        if last is not None:
            given = bounds[f"{prefix}_to"]
            bounds[f"{prefix}_to"] = last.last if given is None else min(last.last, given)
    return bounds


# -- what a Job shows ---------------------------------------------------------------------------------------


@job_type.field("tasks")
def tasks_of(job: Job, info: Info, **given: Any) -> paging.Page:
    """The job's tasks in their order; a cancelled task is found by `cancelled` and by `aborted`."""
    found: Iterable[Task] = job.tasks
    statuses, wanted, target = given.get("status"), given.get("id"), given.get("targetId")
    if statuses is not None:
        words = {TaskStatus.ABORTED if word == "cancelled" else word for word in statuses}
        found = (task for task in found if task.status in words)
    if wanted is not None:
        found = (task for task in found if wanted == task_graphql(task.job_id, task.ordinal))
    if (target is not None and str(job.target_id) not in target) or given.get("hasSourceAsset"):
        found = ()
    info.context.jobs.prime(job.id, job)
    chosen = found if isinstance(found, tuple) else tuple(found)
    return paging.page(chosen, given.get("offset"), given.get("limit"), paging.TASKS)


@job_type.field("target")
def target_of(job: Job, info: Info) -> Any:
    """What the job is about."""
    return optional(info.context.targets.load, job.target_id)


@job_type.field("applicationId")
async def application_of(job: Job, info: Info) -> str:
    """The application id of the organization."""
    _, organization = await info.context.me()
    return organization.application_id


@job_type.field("routes")
def routes_of(job: Job, _: Info) -> list[dict[str, Any]]:
    """The routes as they were given; those that the server made for a plain list of tasks are not shown."""
    return [] if job.plan.legacy else [_route(job, route) for route in job.plan.routes if not route.standby]


def _route(job: Job, route: Route) -> dict[str, Any]:
    return {
        "parentIoFolderReferenceId": _reference(job, route.parent, route.parent_folder),
        "childIoFolderReferenceId": _reference(job, route.child, route.child_folder),
        "options": route.options,
    }


def _reference(job: Job, ordinal: int, folder: int) -> str | None:
    return None if ordinal < 0 else job.plan.tasks[ordinal].folders[folder].reference


job_type.set_field("id", lambda job, _: job_graphql(job.id))
job_type.set_field("status", lambda job, _: job.status)
job_type.set_field("name", lambda job, _: job.plan.name)
job_type.set_field("createdDateTime", lambda job, _: graphql_seconds(job.created_at))
job_type.set_field("modifiedDateTime", lambda job, _: graphql_seconds(job.modified_at))
job_type.set_field("createdBy", lambda job, _: job.created_by)
job_type.set_field("targetId", lambda job, _: job.target_id)
job_type.set_field("clusterId", lambda job, _: job.plan.echo.get("clusterId"))
job_type.set_field("jobConfig", lambda job, _: job.plan.echo.get("jobConfig"))
job_type.set_field("warnings", lambda job, _: list(job.warnings))
job_type.set_field("stopRequestedDateTime", lambda job, _: optional(graphql_seconds, job.stop_requested_at))
job_type.set_field("paused", lambda job, _: job.paused_at is not None)
job_type.set_field("stopping", lambda job, _: job.stopping)
job_type.set_field("retryOf", lambda job, _: optional(job_graphql, job.retry_of))
job_type.set_field("rootJobId", lambda job, _: optional(job_graphql, job.root_of))
job_type.set_field("retries", lambda job, _: [job_graphql(retry) for retry in job.retries])

BINDABLES: Final = [query, mutation, job_type]
