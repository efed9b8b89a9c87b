"""The operations on jobs: create, get, list, cancel, retry."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from enginehouse.domain import fingerprint as canonical
from enginehouse.domain.errors import InvalidInput, NotFound, PastCancelling, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import job_graphql, parse_schedule
from enginehouse.domain.job import Job, JobFilter, JobRequest, TargetRequest, Task
from enginehouse.domain.planning.additions import as_new
from enginehouse.domain.planning.payloads import TaskPayload, with_payloads
from enginehouse.domain.planning.plan import Planned, planned_again
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.status import JobStatus
from enginehouse.domain.times import graphql_millis
from enginehouse.operations import bounds, engines, idempotency, reuse, targets
from enginehouse.operations import plans as operations_plans
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.job_pages import JobPage, read_alone, read_known
from enginehouse.operations.permission import require, require_for_jobs
from enginehouse.operations.references import Reference, unknown
from enginehouse.storage.database.database import Tx
from enginehouse.storage.idempotency import RequestKey
from enginehouse.storage.jobs import cancellation, plans, queries
from enginehouse.storage.jobs import pages as job_pages
from enginehouse.storage.jobs.cancellation import Cancelling
from enginehouse.storage.jobs.keyed_creation import CreateAnswer
from enginehouse.storage.jobs.new_jobs import Creation, JobOrigin, NewJob
from enginehouse.storage.jobs.reuse import SourceGone
from enginehouse.storage.schedules import schedules


class CreatedJob(msgspec.Struct, frozen=True, gc=False):
    """A job that is now durable, with all its tasks."""

    job_id: int
    target_id: int | None
    warnings: tuple[str, ...] = ()
    replayed: bool = False  # an earlier request with the same idempotency key created it


class CancelAnswer(msgspec.Struct, frozen=True, gc=False):
    """`count` is 1 for the call that cancelled the job, 0 if it was cancelled before.

    `stopping`: how many of its attempts must still stop; the job is aborted when the last one has stopped.
    """

    count: int
    status: JobStatus
    stopping: int = 0


@trail.mutation("createJob", "Job")
async def create(
    house: House,
    principal: Principal,
    requests: Sequence[JobRequest],
    *,
    found: Sequence[Problem] = (),
    key: str | None = None,
    original: Sequence[JobRequest] | None = None,
    references: Sequence[Reference] = (),
) -> list[CreatedJob]:
    """Creates all jobs durably with all their tasks, or none.

    Raises InvalidInput with the problems of all jobs, NotFound for a target that the caller may not read. `found` are
    problems that the entrance has found: they are raised together with the others. A repeated request with the same
    idempotency `key` creates nothing and returns the same answer; a different request with this key raises KeyReused.
    `original` is the client's request, if the entrance has carried out a part of it already. `references` are the ids
    that the jobs only name; an unknown one is a problem.
    """
    require(principal, Role.USER)
    if len(requests) > house.limits.jobs_per_request:
        most = house.limits.jobs_per_request
        raise InvalidInput(f"{len(requests)} given, at most {most} per request. Send them in several.", "jobs")
    request_key = _request_key(principal, requests if original is None else original, key)
    if not found and (answer := await idempotency.earlier(house, request_key, CreateAnswer)) is not None:
        return _created(answer, replayed=True)
    found = [*found, *await unknown(house, principal, references)]
    planned = operations_plans.plan_all(house, principal, requests, found)
    target_ids = await targets.for_jobs(house, principal, requests)
    origins = await _origins(house, principal, requests)
    documents = _documents(planned)
    new = [
        new_job(
            principal,
            planned_job,
            document=documents[id(planned_job.plan)],
            target_id=target_id,
            target=request.target,
            due_at=request.due_at,
            origin=origins.get(n),
        )
        for n, (request, planned_job, target_id) in enumerate(zip(requests, planned, target_ids, strict=True))
    ]
    entries = [trail.entry(principal, "createJob", object_type="Job")] * len(new)
    warnings = [planned_job.warnings for planned_job in planned]
    answer = await house.creates.ask(Creation(new, request_key, entries, warnings, principal.quota))
    if not answer.replayed:
        house.waiting(principal.organization_id, frozenset[str]().union(*[job.beginning.pools for job in new]))
    return _created(answer, replayed=answer.replayed)


def _documents(planned: Sequence[Planned]) -> dict[int, str]:
    """Returns the document of each plan by its identity. Jobs of one shape without payloads have one plan."""
    return {key: plans.encode(plan).decode() for key, plan in {id(each.plan): each.plan for each in planned}.items()}


async def _origins(house: House, principal: Principal, requests: Sequence[JobRequest]) -> dict[int, JobOrigin]:
    """Returns the origins of the jobs that name a scheduled job of the organization; they count as its runs."""
    named = {n: parse_schedule(each.scheduled_job_id) for n, each in enumerate(requests) if each.scheduled_job_id}
    ids = {schedule_id for schedule_id in named.values() if schedule_id is not None}
    if not ids:
        return {}
    schedules_ = await house.database.peek(lambda tx: schedules.by_ids(tx, principal.organization_id, ids))
    own = {each.id for each in schedules_.values() if each.organization_id == principal.organization_id}
    return {n: JobOrigin(scheduled_job_id=schedule_id) for n, schedule_id in named.items() if schedule_id in own}


def _origin_of(old: Job) -> JobOrigin | None:
    """Returns the origin of a retry: the same scheduled job and template, but no slot, because a slot fires once."""
    if old.scheduled_job_id is None and old.template_id is None:
        return None
    return JobOrigin(scheduled_job_id=old.scheduled_job_id, template_id=old.template_id)


async def created_before(
    house: House, principal: Principal, requests: Sequence[JobRequest], key: str | None
) -> list[CreatedJob] | None:
    """Returns the answer of an earlier, same request with this key; None if this is the first. Raises KeyReused."""
    require(principal, Role.USER)
    answer = await idempotency.earlier(house, _request_key(principal, requests, key), CreateAnswer)
    return None if answer is None else _created(answer, replayed=True)


def _request_key(principal: Principal, requests: Sequence[JobRequest], key: str | None) -> RequestKey | None:
    return None if key is None else idempotency.request_key(principal, "createJob", key, canonical.jobs(requests))


def _created(answer: CreateAnswer, *, replayed: bool) -> list[CreatedJob]:
    return [CreatedJob(*ids, warnings, replayed) for ids, warnings in zip(answer.ids, answer.warnings, strict=True)]


def new_job(
    principal: Principal,
    planned: Planned,
    *,
    document: str | None = None,
    target_id: int | None,
    due_at: int | None,
    target: TargetRequest | None = None,
    retry_of: Job | None = None,
    reused: Mapping[int, int] | None = None,
    origin: JobOrigin | None = None,
) -> NewJob:
    """Returns the job to store for a plan. `reused`: complete tasks of `retry_of`, each with the job that ran it."""
    plan, start = planned.plan, planned.beginning
    return NewJob(
        organization_id=principal.organization_id,
        plan=plan,
        document=plans.encode(plan).decode() if document is None else document,
        edges=planned.edges,
        beginning=start,
        runnable=start.ready if reused is None else tuple([n for n in start.ready if n not in reused]),
        total=start.total - len(reused or ()),
        target_id=target_id,
        target=target,
        created_by=principal.user_id,
        due_at=due_at,
        retry_of=None if retry_of is None else retry_of.id,
        root_of=None if retry_of is None else retry_of.root_of or retry_of.id,
        reused=reused,
        origin=origin,
    )


async def status(house: House, principal: Principal, ref: Ref) -> JobStatus:
    """Returns the job's current status. Raises NotFound."""
    require(principal, Role.READER)
    status_ = await house.status_of((ref.number, principal.organization_id))
    if status_ is None:
        raise NotFound("Job", ref.text)
    return status_


async def get(house: House, principal: Principal, ref: Ref) -> Job:
    """Returns the job with its plan and tasks. Raises NotFound."""
    jobs = await get_many(house, principal, [ref.number])
    if ref.number not in jobs:
        raise NotFound("Job", ref.text)
    return jobs[ref.number]


async def get_many(house: House, principal: Principal, job_ids: Sequence[int]) -> dict[int, Job]:
    """Returns those of the jobs that belong to the caller's organization."""
    require_for_jobs(principal, Role.READER, job_ids)
    return await house.database.peek(lambda tx: queries.by_ids(tx, principal.organization_id, job_ids, house.job_views))


async def list_(house: House, principal: Principal, filter_: JobFilter, *, with_count: bool = False) -> JobPage:
    """Returns one page of the organization's jobs, in the requested order. Raises InvalidInput."""
    require(principal, Role.READER)
    if not 1 <= filter_.limit <= house.limits.page_size:
        raise InvalidInput(f"1–{house.limits.page_size}, got {filter_.limit}.", "limit")
    if filter_.offset < 0:
        raise InvalidInput(f"0 or more, got {filter_.offset}.", "offset")

    owner = principal.organization_id
    if with_count and job_pages.is_short(filter_):
        return await house.page_reads.read(owner, filter_)
    if job_pages.is_short(filter_) and (known := await read_known(house.database, owner, filter_, house.job_views)):
        return known
    return await house.database.read(lambda tx: read_alone(tx, owner, filter_, house.job_views, with_count=with_count))


async def task(house: House, principal: Principal, ref: TaskRef) -> tuple[Job, Task]:
    """Returns one task with its job. Raises NotFound."""
    job = (await get_many(house, principal, [ref.job_id])).get(ref.job_id)
    if job is None or ref.ordinal >= len(job.tasks) or job.tasks[ref.ordinal].deleted_at is not None:
        raise NotFound("Task", ref.text)
    return job, job.tasks[ref.ordinal]


async def pages(house: House, principal: Principal, filters: Sequence[JobFilter]) -> dict[JobFilter, tuple[Job, ...]]:
    """Returns several pages from one read. The plans and tasks of all their jobs are read together."""
    require(principal, Role.READER)
    for filter_ in filters:
        bounds.page(filter_.offset, filter_.limit, largest=house.limits.page_size)

    async def read(tx: Tx) -> dict[JobFilter, tuple[Job, ...]]:
        ids = {filter_: await job_pages.page(tx, principal.organization_id, filter_) for filter_ in filters}
        wanted = sorted({i for page in ids.values() for i in page})
        jobs = await queries.by_ids(tx, principal.organization_id, wanted, house.job_views)
        return {filter_: tuple(jobs[i] for i in page if i in jobs) for filter_, page in ids.items()}

    return await house.database.read(read)


@trail.mutation("cancelJob", "Job", names="ref")
async def cancel(house: House, principal: Principal, ref: Ref, *, include_running: bool = False) -> CancelAnswer:
    """Cancels the job: from this commit on none of its tasks starts. Changes nothing if it is cancelled already.

    The job is aborted at once. If tasks run and `include_running` is set, it is aborted when the last one has stopped.
    Raises PastCancelling if a task runs or has ended (with `include_running`: if the job has ended), NotFound.
    """
    require(principal, Role.USER)
    how = "running tasks too" if include_running else None
    entry = trail.entry(principal, "cancelJob", object_type="Job", object_id=ref.number, detail=how)
    cancelling = ((ref.number, principal.organization_id), entry)
    verdict = await (_stop(house, cancelling) if include_running else house.cancels.ask(cancelling))
    if verdict is None:
        raise NotFound("Job", ref.text)
    if verdict.refused:
        raise PastCancelling(_past_cancelling(verdict))
    if verdict.stopping:
        # Every call notifies again, in case a worker missed the first notification.
        house.listeners.stopping([ref.number])
    elif verdict.done:
        house.plans.forget(ref.number)
        house.listeners.cancelled([ref.number])
        house.listeners.ended([ref.number])
    return CancelAnswer(int(verdict.done), verdict.status, verdict.stopping)


async def _stop(house: House, cancelling: Cancelling) -> cancellation.CancelOutcome | None:

    async def stop(tx: Tx) -> cancellation.CancelOutcome | None:
        [verdict] = await cancellation.cancel_recorded(tx, [cancelling], include_running=True)
        return verdict

    verdict = await house.database.write_work(stop)
    house.watches.changed([cancelling[0][0]])
    return verdict


def _past_cancelling(verdict: cancellation.CancelOutcome) -> str:
    if verdict.ended_at is not None:
        when = graphql_millis(verdict.ended_at)
        return f"Job is already {verdict.status} (finished {when}); nothing was cancelled."
    return f"Job is {verdict.status} and one of its tasks has started; nothing was cancelled."


@trail.mutation("retryJob", "Job", names="ref")
async def retry(
    house: House,
    principal: Principal,
    ref: Ref,
    *,
    only_failed: bool = False,
    payloads: Sequence[TaskPayload] = (),
    key: str | None = None,
) -> CreatedJob:
    """Creates a new job that does the same again and records its lineage. The old job does not change, or stop.

    With `only_failed` complete tasks do not run again: the new job reuses their stored outputs. With `payloads` tasks
    get other payloads, and a complete job may be done again too; with both, complete tasks run again if their payload
    is another, or if they may follow such a task. A repeated retry with the same idempotency `key` creates nothing and
    returns the same job. Raises NotRetryable for a complete job (with `only_failed` also if no task failed, or stored
    outputs are gone), NotFound, InvalidInput, KeyReused.
    """
    require(principal, Role.USER)
    said: dict[str, Any] = {"job": ref.number, "only_failed": only_failed}
    said |= {"payloads": [structs.asdict(each) for each in payloads]} if payloads else {}
    request_key = idempotency.request_key(principal, "retryJob", key, said)
    if (answer := await idempotency.earlier(house, request_key, CreateAnswer)) is not None:
        return _created(answer, replayed=True)[0]
    old = await get(house, principal, ref)
    plan, changed = with_payloads(as_new(old.plan), old.id, payloads)
    if not changed:
        reuse.refuse_complete(old)
    reused = await reuse.taken_over(house, old, changed) if only_failed else None
    engines.refuse_withdrawn(
        house, principal, [task.plan.engine_id for task in old.tasks if task.ordinal not in (reused or {})]
    )
    new = new_job(
        principal, planned_again(plan), target_id=old.target_id, due_at=old.due_at, retry_of=old,
        reused=reused, origin=_origin_of(old),
    )  # fmt: skip
    entry = trail.entry(principal, "retryJob", object_type="Job", detail=_retry_words(ref, only_failed, changed))
    try:
        answer = await house.creates.ask(Creation([new], request_key, [entry], None, principal.quota))
    except SourceGone:
        raise NotFound("Job", ref.text) from None
    if not answer.replayed:
        house.waiting(principal.organization_id, new.beginning.pools)
        house.watches.changed([old.id])
    return _created(answer, replayed=answer.replayed)[0]


def _retry_words(ref: Ref, only_failed: bool, changed: frozenset[int]) -> str:
    other = f", other payload for task {', '.join(map(str, sorted(changed)[:20]))}" if changed else ""
    return f"of {job_graphql(ref.number)}{', only what failed' if only_failed else ''}{other}"
