"""The job fields: `job`, `jobs`, `createJob`, `cancelJob`, `retryJob`, `pauseJob`, `resumeJob`."""

from dataclasses import dataclass
from typing import Any, Final

from ariadne import MutationType, QueryType
from graphql import FieldNode
from msgspec import structs

from enginehouse.api.graphql import idempotency
from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.fields import paging, targets
from enginehouse.api.graphql.fields.job_filter import job_filter
from enginehouse.api.input import refs
from enginehouse.api.input.jobs import job_request
from enginehouse.api.input.references import references
from enginehouse.domain.errors import InvalidInput, Refusal, Unavailable
from enginehouse.domain.ids import parse_job
from enginehouse.domain.job import Job, JobRequest, Task
from enginehouse.domain.planning.payloads import TaskPayload
from enginehouse.domain.refs import Ref
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.operations import jobs, limits, requeue
from enginehouse.operations.references import refuse_unknown
from enginehouse.operations.targets import take_back

query, mutation = QueryType(), MutationType()

# These fields of a new job are known before it is read.
KNOWN_AT_ONCE: Final = frozenset({"id", "targetId", "warnings", "status", "__typename"})


@dataclass(frozen=True, slots=True)
class UnreadJob:
    """The known fields of a new job of createJob or retryJob, before it is read."""

    id: int
    target_id: int | None
    warnings: tuple[str, ...]
    status: JobStatus = JobStatus.PENDING


@query.field("job")
async def get_job(_: object, info: Info, id: str) -> Job:
    """Returns the job with this id."""
    context = info.context
    return await jobs.get(context.house, context.principal, refs.job(id))


@query.field("jobs")
async def list_jobs(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the organization's jobs, newest first by default."""
    context = info.context
    principal = context.principal
    criteria = await job_filter(context, args)
    if criteria is None:
        return paging.Page((), *paging.bounds(args.get("offset"), args.get("limit"), paging.JOBS))
    page = await jobs.list_(context.house, principal, criteria)
    return paging.Page(page.jobs, criteria.offset, criteria.limit)


@mutation.field("createJob")
async def create(_: object, info: Info, input: dict[str, Any] | None = None, **args: Any) -> Job | UnreadJob:
    """The job is durable and waits for its first task to start."""
    context = info.context
    key = idempotency.key(context, args.get("idempotencyKey"))
    if input is not None and input.get("targetId") is None and (input.get("target") or {}).get("assets"):
        created = await _create_with_assets(context, input, key)
    else:
        named = references("CreateJob", input or {})
        [created] = await jobs.create(context.house, context.principal, [job_request(input)], key=key, references=named)
    return await read_created(context, info, created)


async def _create_with_assets(context: Context, fields: dict[str, Any], key: str | None) -> jobs.CreatedJob:
    """The job exists.

    Its target and the assets are created first, because no task of the job may start without them.
    """
    requests = [_with_assets(job_request(fields), fields["target"]["assets"])]
    if key is not None:
        before = await jobs.created_before(context.house, context.principal, requests, key)
        if before is not None:
            return before[0]
    await refuse_unknown(context.house, context.principal, references("CreateJob", fields))
    target = await targets.make(context, fields["target"], "target.")
    request = job_request({**fields, "target": None, "targetId": str(target.id)})
    try:
        [created] = await jobs.create(context.house, context.principal, [request], key=key, original=requests)
    except Unavailable:
        raise  # the job may have been created
    except Refusal:
        await take_back(context.house, context.principal, target.id)
        raise
    if created.replayed:  # a concurrent request has created the job
        await take_back(context.house, context.principal, target.id)
    return created


def _with_assets(request: JobRequest, assets: Any) -> JobRequest:
    """Returns the whole request, with the assets of its target."""
    if request.target is None:
        return request
    target = structs.replace(request.target, echo={**request.target.echo, "assets": assets})
    return structs.replace(request, target=target)


@mutation.field("cancelJob")
async def cancel(_: object, info: Info, id: str, **args: Any) -> dict[str, Any]:
    """The job is cancelled: none of its tasks starts any more."""
    context = info.context
    if not id:
        raise InvalidInput("required.", "id")
    ref = refs.job(id)
    running = bool(args.get("includeRunning"))
    answer = await jobs.cancel(context.house, context.principal, ref, include_running=running)
    return {"id": refs.job_graphql(ref), "message": "Job cancelled", "stopping": answer.stopping}


@mutation.field("retryJob")
async def retry(_: object, info: Info, id: str, **args: Any) -> Job | UnreadJob:
    """A new job does the same work again."""
    context = info.context
    created = await jobs.retry(
        context.house,
        context.principal,
        refs.job(id),
        only_failed=bool(args.get("onlyFailed")),
        payloads=[
            TaskPayload(task=each["task"], payload=each.get("payload"), payload_text=each.get("payloadString"))
            for each in args.get("payloads") or ()
        ],
        key=idempotency.key(context, args.get("idempotencyKey")),
    )
    return await read_created(context, info, created)


@mutation.field("pauseJob")
async def pause(_: object, info: Info, id: str) -> Job:
    """Nothing more of the job starts."""
    context, ref = info.context, refs.job(id)
    await limits.pause_job(context.house, context.principal, ref)
    return await jobs.get(context.house, context.principal, ref)


@mutation.field("resumeJob")
async def resume(_: object, info: Info, id: str) -> Job:
    """The job is no longer paused."""
    context, ref = info.context, refs.job(id)
    await limits.resume_job(context.house, context.principal, ref)
    return await jobs.get(context.house, context.principal, ref)


@mutation.field("updateJobs")
async def update_jobs(_: object, info: Info, input: dict[str, Any]) -> paging.Page:
    """The jobs are in the queue."""
    context = info.context
    principal = context.principal
    if input.get("status") is None:
        raise InvalidInput("required: queued.", "status")
    named = [_job_ref(text) for text in input.get("ids") or ()]
    await requeue.queue_jobs(context.house, principal, named)
    ids = list(dict.fromkeys(ref.number for ref in named))
    found = await jobs.get_many(context.house, principal, ids)
    return paging.Page([found[job_id] for job_id in ids if job_id in found], 0, len(ids))


def _job_ref(text: str) -> Ref:
    """Returns the job of the id; 0 for a text that is no id, so that it is listed like an unknown one."""
    return Ref(parse_job(text) or 0, text)


async def read_created(context: Context, info: Info, created: jobs.CreatedJob) -> Job | UnreadJob:
    """Returns the new job, and reads it only if the client selects more than is known."""
    context.replayed |= created.replayed
    if selected(info) <= KNOWN_AT_ONCE:
        return UnreadJob(created.job_id, created.target_id, created.warnings)
    job = await jobs.get(context.house, context.principal, Ref.of(created.job_id))
    if not created.replayed:
        job = as_created(job)
    return structs.replace(job, warnings=created.warnings or job.warnings)


def as_created(job: Job) -> Job:
    """Returns the new job as it was created: pending. On an idle server a task may have started in the same commit."""
    if job.started_at is None:
        return job
    fresh: dict[str, Any] = {"status": JobStatus.PENDING, "started_at": None, "completed_at": None}
    tasks = [task if task.started_at is None else _as_created(task) for task in job.tasks]
    return structs.replace(job, **fresh, tasks=tuple(tasks))


def _as_created(task: Task) -> Task:
    return structs.replace(task, status=TaskStatus.PENDING, started_at=None, completed_at=None, attempts=0)


def selected(info: Info) -> set[str]:
    """Returns the names of the selected fields. A fragment counts as "...", which is not a field."""
    sets = (node.selection_set for node in info.field_nodes)
    nodes = [node for selected in sets if selected for node in selected.selections]
    return {node.name.value if isinstance(node, FieldNode) else "..." for node in nodes}


BINDABLES: Final = [query, mutation]
