"""What may be done with jobs: create, look, list, cancel, retry, delete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from enginehouse.domain import fingerprint as canonical
from enginehouse.domain.errors import InvalidInput, NotFound, PastCancelling, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import job_graphql, parse_schedule
from enginehouse.domain.job import Job, JobFilter, JobRequest, Plan, TargetRequest, Task
from enginehouse.domain.planning.edges import edges_of, initial
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.status import JobStatus
from enginehouse.domain.times import graphql_seconds
from enginehouse.operations import bounds, idempotency, reuse, targets
from enginehouse.operations import plans as operations_plans
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.audit import entries as audit_entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.idempotency import Keyed
from enginehouse.storage.jobs import cancellation, deletion, plans, queries
from enginehouse.storage.jobs.cancellation import Cancelling
from enginehouse.storage.jobs.keyed_creation import Made
from enginehouse.storage.jobs.new_jobs import Creation, JobOrigin, NewJob
from enginehouse.storage.jobs.reuse import SourceGone
from enginehouse.storage.schedules import schedules


@dataclass(frozen=True, slots=True)
class CreatedJob:
    """A job that is now durable, whole and waiting."""

    job_id: int
    target_id: int | None
    warnings: tuple[str, ...] = ()
    replayed: bool = False  # an earlier request with the same idempotency key made it


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """`count` is 1 for the call that cancelled the job, 0 where it had been cancelled before.

    `stopping`: how many of its attempts are still to stop; the job is aborted when the last one has.
    """

    count: int
    status: JobStatus
    stopping: int = 0


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page; `count` is how many match on all pages, where that was asked for."""

    jobs: tuple[Job, ...]
    count: int | None = None


@trail.mutation("createJob", "Job")
async def create(
    house: House,
    principal: Principal,
    requests: Sequence[JobRequest],
    *,
    found: Sequence[Problem] = (),
    key: str | None = None,
    asked: Sequence[JobRequest] | None = None,
) -> list[CreatedJob]:
    """All jobs are durable with all their tasks, or none exists.

    Raises InvalidInput with the problems of all of them, NotFound for a target that is not the caller's. `found` are
    problems the entrance has met already: they are told together with what is wrong besides. The same request with the
    same idempotency `key` makes nothing and is answered the same; another one with it is refused as KeyReused. `asked`
    is what the client asked, where the entrance has done a part of it already.
    """
    require(principal, Role.USER)
    if len(requests) > house.limits.jobs_per_request:
        most = house.limits.jobs_per_request
        raise InvalidInput(f"{len(requests)} given, at most {most} per request. Send them in several.", "jobs")
    keyed = _keyed(principal, requests if asked is None else asked, key)
    if not found and (made := await idempotency.earlier(house, keyed, Made)) is not None:
        return _created(made, replayed=True)
    planned = operations_plans.plan_all(house, principal, requests, found)
    target_ids = await targets.for_jobs(house, principal, requests)
    origins = await _origins(house, principal, requests)
    new = [
        new_job(
            principal,
            each.plan,
            target_id=target_id,
            target=request.target,
            due_at=request.due_at,
            origin=origins.get(n),
        )
        for n, (request, each, target_id) in enumerate(zip(requests, planned, target_ids, strict=True))
    ]
    entries = [trail.entry(principal, "createJob", object_type="Job")] * len(new)
    warnings = [
        each.warnings if n in origins or not requests[n].scheduled_job_id
        else (*each.warnings, f'scheduledJobId: there is no scheduled job "{requests[n].scheduled_job_id}".')
        for n, each in enumerate(planned)
    ]  # fmt: skip
    made = await house.creates.ask(Creation(new, keyed, entries, warnings))
    if not made.replayed:
        house.waiting(principal.organization_id)
    return _created(made, replayed=made.replayed)


async def _origins(house: House, principal: Principal, requests: Sequence[JobRequest]) -> dict[int, JobOrigin]:
    """Where those jobs come from that name a scheduled job of the organization; a job counts as a run of that one.

    A text that names none is only kept: a job is not less of a job because a client kept a number too long.
    """
    named = {n: parse_schedule(each.scheduled_job_id) for n, each in enumerate(requests) if each.scheduled_job_id}
    wanted = {schedule_id for schedule_id in named.values() if schedule_id is not None}
    if not wanted:
        return {}
    found = await house.database.peek(lambda tx: schedules.by_ids(tx, principal.organization_id, wanted))
    own = {each.id for each in found.values() if each.organization_id == principal.organization_id}
    return {n: JobOrigin(scheduled_job_id=schedule_id) for n, schedule_id in named.items() if schedule_id in own}


def _origin_of(old: Job) -> JobOrigin | None:
    """A retry is of the same scheduled job and template, and of no slot: a slot fires once."""
    if old.scheduled_job_id is None and old.template_id is None:
        return None
    return JobOrigin(scheduled_job_id=old.scheduled_job_id, template_id=old.template_id)


async def created_before(
    house: House, principal: Principal, requests: Sequence[JobRequest], key: str | None
) -> list[CreatedJob] | None:
    """What the same request with this key was answered; None where it is the first. Raises KeyReused."""
    require(principal, Role.USER)
    made = await idempotency.earlier(house, _keyed(principal, requests, key), Made)
    return None if made is None else _created(made, replayed=True)


def _keyed(principal: Principal, requests: Sequence[JobRequest], key: str | None) -> Keyed | None:
    return None if key is None else idempotency.keyed(principal, "createJob", key, canonical.jobs(requests))


def _created(made: Made, *, replayed: bool) -> list[CreatedJob]:
    return [CreatedJob(*ids, warnings, replayed) for ids, warnings in zip(made.ids, made.warnings, strict=True)]


def new_job(
    principal: Principal,
    made: Plan,
    *,
    target_id: int | None,
    due_at: int | None,
    target: TargetRequest | None = None,
    retry_of: Job | None = None,
    reused: Mapping[int, int] | None = None,
    origin: JobOrigin | None = None,
) -> NewJob:
    """The job to store for a plan. `reused` names the tasks that stand complete in `retry_of`, and who made that."""
    edges = edges_of(made)
    start = initial(made)
    return NewJob(
        organization_id=principal.organization_id,
        plan=made,
        document=plans.encode(made).decode(),
        edges=edges,
        statuses=start.statuses,
        runnable=frozenset(start.ready if reused is None else set(start.ready) - reused.keys()),
        total=sum(task.standby_for is None for task in made.tasks) - len(reused or ()),
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
    """The job's status now."""
    require(principal, Role.READER)
    found = await house.status_of((ref.number, principal.organization_id))
    if found is None:
        raise NotFound("Job", ref.text)
    return found


async def get(house: House, principal: Principal, ref: Ref) -> Job:
    """The job with its plan and tasks."""
    found = await get_many(house, principal, [ref.number])
    if ref.number not in found:
        raise NotFound("Job", ref.text)
    return found[ref.number]


async def get_many(house: House, principal: Principal, job_ids: Sequence[int]) -> dict[int, Job]:
    """Those of the jobs that are the caller's organization's."""
    require(principal, Role.READER)
    return await house.database.peek(lambda tx: queries.by_ids(tx, principal.organization_id, job_ids))


async def list_(house: House, principal: Principal, wanted: JobFilter, *, with_count: bool = False) -> JobPage:
    """One page of the organization's jobs, in the asked order."""
    require(principal, Role.READER)
    if not 1 <= wanted.limit <= house.limits.page_size:
        raise InvalidInput(f"1–{house.limits.page_size}, got {wanted.limit}.", "limit")
    if wanted.offset < 0:
        raise InvalidInput(f"0 or more, got {wanted.offset}.", "offset")

    async def page(tx: Tx) -> JobPage:
        ids = await queries.page(tx, principal.organization_id, wanted)
        found = await queries.by_ids(tx, principal.organization_id, ids)
        total = await queries.count(tx, principal.organization_id, wanted) if with_count else None
        return JobPage(tuple(found[job_id] for job_id in ids if job_id in found), total)

    return await house.database.read(page)


async def task(house: House, principal: Principal, ref: TaskRef) -> tuple[Job, Task]:
    """One task with the job it is in."""
    found = (await get_many(house, principal, [ref.job_id])).get(ref.job_id)
    if found is None or ref.ordinal >= len(found.tasks):
        raise NotFound("Task", ref.text)
    return found, found.tasks[ref.ordinal]


async def pages(house: House, principal: Principal, wanted: Sequence[JobFilter]) -> dict[JobFilter, tuple[Job, ...]]:
    """Several pages in one look; the plans and tasks of all their jobs are read together."""
    require(principal, Role.READER)
    for each in wanted:
        bounds.page(each.offset, each.limit, largest=house.limits.page_size)

    async def read(tx: Tx) -> dict[JobFilter, tuple[Job, ...]]:
        ids = {each: await queries.page(tx, principal.organization_id, each) for each in wanted}
        found = await queries.by_ids(tx, principal.organization_id, sorted({i for page in ids.values() for i in page}))
        return {each: tuple(found[i] for i in page if i in found) for each, page in ids.items()}

    return await house.database.read(read)


@trail.mutation("cancelJob", "Job", names="ref")
async def cancel(house: House, principal: Principal, ref: Ref, *, include_running: bool = False) -> CancelAnswer:
    """The job is cancelled: from this commit on none of its tasks starts. Nothing changes where it already was.

    It is aborted at once, unless tasks run: then, with `include_running`, when the last of them has been stopped.
    Raises PastCancelling once a task runs or has ended (with `include_running`, once the job has), NotFound.
    """
    require(principal, Role.USER)
    how = "running tasks too" if include_running else None
    done = trail.entry(principal, "cancelJob", object_type="Job", object_id=ref.number, detail=how)
    wanted = ((ref.number, principal.organization_id), done)
    verdict = await (_stop(house, wanted) if include_running else house.cancels.ask(wanted))
    if verdict is None:
        raise NotFound("Job", ref.text)
    if verdict.refused:
        raise PastCancelling(_past_cancelling(verdict))
    if verdict.stopping:
        # Told again by every call: a worker that did not hear the first one has another chance to.
        house.listeners.stopping([ref.number])
    elif verdict.done:
        house.plans.forget(ref.number)
        house.listeners.cancelled([ref.number])
        house.listeners.ended([ref.number])
    return CancelAnswer(int(verdict.done), verdict.status, verdict.stopping)


async def _stop(house: House, wanted: Cancelling) -> cancellation.CancelOutcome | None:

    async def stop(tx: Tx) -> cancellation.CancelOutcome | None:
        [verdict] = await cancellation.cancel_recorded(tx, [wanted], include_running=True)
        return verdict

    verdict = await house.database.write_work(stop)
    house.watches.changed([wanted[0][0]])
    return verdict


def _past_cancelling(verdict: cancellation.CancelOutcome) -> str:
    if verdict.ended_at is not None:
        when = graphql_seconds(verdict.ended_at)
        return f"Job is already {verdict.status} (finished {when}); nothing was cancelled."
    return f"Job is {verdict.status} and one of its tasks has started; nothing was cancelled."


@trail.mutation("retryJob", "Job", names="ref")
async def retry(
    house: House,
    principal: Principal,
    ref: Ref,
    *,
    only_failed: bool = False,
    key: str | None = None,
) -> CreatedJob:
    """A new job does the same again, with its lineage kept; the old one is untouched, and runs on if it was live.

    With `only_failed` the tasks that are complete do not run again: their stored outputs stand in the new job too. The
    same retry with the same idempotency `key` makes nothing and is answered the same job. Raises NotRetryable for a
    complete job and where nothing failed that could be retried alone, NotFound, KeyReused.
    """
    require(principal, Role.USER)
    keyed = idempotency.keyed(principal, "retryJob", key, {"job": ref.number, "only_failed": only_failed})
    if (made := await idempotency.earlier(house, keyed, Made)) is not None:
        return _created(made, replayed=True)[0]
    old = await get(house, principal, ref)
    reuse.refuse_complete(old)
    reused = await reuse.taken_over(house, old) if only_failed else None
    new = new_job(
        principal, old.plan, target_id=old.target_id, due_at=old.due_at, retry_of=old, reused=reused,
        origin=_origin_of(old),
    )  # fmt: skip
    said = f"of {job_graphql(ref.number)}{', only what failed' if only_failed else ''}"
    done = trail.entry(principal, "retryJob", object_type="Job", detail=said)
    try:
        made = await house.creates.ask(Creation([new], keyed, [done]))
    except SourceGone:
        raise NotFound("Job", ref.text) from None
    if not made.replayed:
        house.waiting(principal.organization_id)
        house.watches.changed([old.id])
    return _created(made, replayed=made.replayed)[0]


@trail.mutation("deleteJob", "Job", names="ref")
async def delete(house: House, principal: Principal, ref: Ref) -> None:
    """The job, its tasks, history and outputs are gone; what still ran is fenced and stopped."""
    require(principal, Role.USER)
    done = trail.entry(principal, "deleteJob", object_type="Job", object_id=ref.number)

    async def drop(tx: Tx) -> list[str] | None:
        keys = await deletion.delete(tx, [ref.number], organization_id=principal.organization_id)
        await audit_entries.record(tx, [] if keys is None else [done])
        return keys

    keys = await house.database.write(drop)
    if keys is None:
        raise NotFound("Job", ref.text)
    house.plans.forget(ref.number)
    house.listeners.cancelled([ref.number])
    house.watches.changed([ref.number])
    await house.store.delete(keys)
