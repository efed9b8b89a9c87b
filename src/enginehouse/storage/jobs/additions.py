"""Adds tasks and routes to jobs under way. A job grows under the lock that its claims, reports and cancels take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, assert_never

from msgspec import structs

from enginehouse.domain.errors import InvalidInput, NoMoreTasks, NotFound, Problem, Refusal, excerpt
from enginehouse.domain.event import EventKind
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import Plan, Route
from enginehouse.domain.planning.additions import (
    Addition,
    Grown,
    RouteAddition,
    TaskAddition,
    label,
    refusal,
    with_route,
    with_task,
)
from enginehouse.domain.planning.edges import Edges, edges_of
from enginehouse.domain.settlement import Settlement
from enginehouse.domain.settlement_rows import Missing
from enginehouse.domain.status import JOB_ENDED, JobStatus, TaskStatus
from enginehouse.domain.work import ItemSource
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import counts
from enginehouse.storage.jobs import plans as stored_plans
from enginehouse.storage.jobs.counts import CountChanges
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.pushes import endpoints
from enginehouse.storage.work import job_locks
from enginehouse.storage.work import settlement as work_settlement
from enginehouse.storage.work.job_locks import LockedJob


class GivenId(NamedTuple):
    """An id that a client gave to a task, and the digest of the request that added it."""

    organization_id: int
    given_id: str
    job_id: int
    ordinal: int
    digest: str


_GIVEN: Final = Select("additions.given", GivenId)
_Name = tuple[int, str]


class Added(NamedTuple):
    """The task that was added, or the child of the route. `again`: an earlier, same request has added the task."""

    job_id: int
    ordinal: int
    route: Route | None = None
    again: bool = False


@dataclass(slots=True)
class _Growth:
    """A locked job while additions to it are worked out. `first_new` is the ordinal of the first added task."""

    job: LockedJob
    plan: Plan
    first_new: int
    placed: dict[int, EventKind] = field(default_factory=dict)


class AdditionsOutcome(NamedTuple):
    """What came of each addition, in order, and the organizations of whose jobs something may start now."""

    answers: list[Added | Refusal]
    runnable: bool


async def add(tx: Tx, plans: Plans, additions: Sequence[Addition], *, max_tasks: int) -> AdditionsOutcome:
    """Adds everything that can be added, in order. The answer to each addition that cannot is a Refusal.

    A job that is cancelled or has ended takes nothing. A task that is added to any other job counts in its status from
    this commit on. A task whose given id an earlier, same request has used is not added twice.
    """
    barrier_lock.require_shared(tx)
    names = {(new.organization_id, new.given_id) for new in additions if isinstance(new, TaskAddition) and new.given_id}
    for organization_id in sorted({name[0] for name in names}):
        await tx.lock(f"given task ids {organization_id}")  # before the jobs, as every transaction takes both
    known = {row[:2]: row for row in await _GIVEN.each(tx, sorted(names))} if names else {}
    locked = await job_locks.lock(tx, {new.job_id for new in additions})
    await tx.read_clock()
    loaded = await plans.load(tx, job_locks.revisions(locked.values()))
    jobs = {job_id: _Growth(job, loaded[job_id][0], len(loaded[job_id][0].tasks)) for job_id, job in locked.items()}
    answers, fresh = list[Added | Refusal](), dict[_Name, GivenId]()
    for new in additions:
        try:
            answers.append(await _answer(tx, jobs, new, known, fresh, max_tasks))
        except Refusal as refused:
            answers.append(refused)
    grown = [growth for growth in jobs.values() if growth.placed]
    runnable = await _write(tx, grown) if grown else 0
    await tx.many("additions.give", sorted(fresh.values()))
    return AdditionsOutcome(answers, runnable > 0)


async def given(tx: Tx, organization_id: int, given_id: str) -> tuple[int, int] | None:
    """Returns the job and the ordinal of the organization's task with this given id."""
    rows = await _GIVEN.each(tx, [(organization_id, given_id)])
    return (rows[0].job_id, rows[0].ordinal) if rows else None


async def _answer(
    tx: Tx,
    jobs: dict[int, _Growth],
    new: Addition,
    known_ids: dict[_Name, GivenId],
    fresh: dict[_Name, GivenId],
    max_tasks: int,
) -> Added:
    growth = jobs.get(new.job_id)
    if growth is None or growth.job.organization_id != new.organization_id:
        raise NotFound("Job", job_graphql(new.job_id))
    match new:
        case TaskAddition():
            name = (new.organization_id, new.given_id or "")
            if (known := known_ids.get(name)) is not None and known.job_id == new.job_id and known.digest == new.digest:
                return Added(known.job_id, known.ordinal, again=True)
            _refuse_closed(growth.job, "tasks")
            if known is not None or name in fresh:
                raise InvalidInput(
                    [Problem(f"{new.path}.id", f"duplicate: {excerpt(name[1])} is a task already.", name[1])]
                )
            ordinal = len(growth.plan.tasks)
            if new.task.added_at is None:
                new = structs.replace(new, task=structs.replace(new.task, added_at=tx.now))
            _grow(growth, with_task(growth.plan, new, max_tasks=max_tasks), EventKind.ADDED)
            if new.given_id:
                fresh[name] = GivenId(*name, new.job_id, ordinal, new.digest)
            return Added(new.job_id, ordinal)
        case RouteAddition():
            _refuse_closed(growth.job, "routes")
            grown = with_route(growth.plan, new)
            await _refuse_begun(tx, growth, grown.placed)
            _grow(growth, grown, EventKind.ROUTED)
            return Added(new.job_id, grown.placed[0], grown.route)
        case unknown:
            assert_never(unknown)


def _refuse_closed(job: LockedJob, what: str) -> None:
    status = JobStatus(job.status)
    cancelled = bool(job.cancelled) or (job.halted and status not in JOB_ENDED)
    if (why := refusal(status, cancelled=cancelled, what=what)) is not None:
        raise NoMoreTasks(why)


async def _refuse_begun(tx: Tx, growth: _Growth, ordinals: Sequence[int]) -> None:
    for (ordinal,) in await tx.each("additions.begun", [(growth.job.id, ordinal) for ordinal in ordinals]):
        text = f'Task "{label(growth.plan, ordinal)}" has started; routes into it can no longer be added.'
        raise NoMoreTasks(text)


def _grow(growth: _Growth, grown: Grown, kind: EventKind) -> None:
    growth.plan = grown.plan
    for ordinal in grown.placed:
        growth.placed.setdefault(ordinal, kind)


async def _write(tx: Tx, grown: Sequence[_Growth]) -> int:
    """Stores the plans and the new tasks, and settles what follows. Returns how many items may start now."""
    added = [(each, ordinal) for each in grown for ordinal in range(each.first_new, len(each.plan.tasks))]
    rows = [
        (each.job.id, ordinal, task.engine_id, task.priority, tx.now, each.job.organization_id)
        for each, ordinal in added
        for task in (each.plan.tasks[ordinal],)
    ]
    await tx.many("additions.insert_tasks", rows)
    engines = {(each.job.organization_id, each.plan.tasks[ordinal].engine_id, each.job.id) for each, ordinal in added}
    await tx.many("additions.insert_engines", sorted(engines))
    await stored_plans.replace(tx, [(g.job.id, g.plan, len(g.plan.tasks) - g.first_new) for g in grown])
    await endpoints.insert(tx, [(g.job.id, g.job.organization_id, g.plan.routes) for g in grown])
    await tx.many("work.delete_items_of_tasks", [(g.job.id, o) for g in grown for o in g.placed if o < g.first_new])
    changes = CountChanges()
    runnable = await work_settlement.write(tx, [await _settled(tx, growth) for growth in grown], changes=changes)
    for each in grown:
        _count(changes, each)
    await counts.add(tx, changes)
    return runnable


def _count(changes: CountChanges, growth: _Growth) -> None:
    """Counts the new tasks as what they were inserted as, and the job for engines that it did not name before."""
    organization_id, tasks = growth.job.organization_id, growth.plan.tasks
    known = {task.engine_id for task in tasks[: growth.first_new]}
    for task in tasks[growth.first_new :]:
        changes.tasks[organization_id, task.engine_id, TaskStatus.PENDING.value, "", 0] += 1
        if task.engine_id not in known:
            known.add(task.engine_id)
            changes.engines[organization_id, task.engine_id] += 1


async def _settled(tx: Tx, growth: _Growth) -> Settlement:
    edges = edges_of(growth.plan)
    ordinals = _surroundings(edges, growth.placed)
    chunks: dict[int, list[ItemSource]] = {}
    while True:
        tasks = await work_settlement.task_states(tx, ((growth.job.id, ordinal) for ordinal in ordinals))
        state = job_locks.state(growth.job)
        state.total += len(growth.plan.tasks) - growth.first_new
        settlement = Settlement(state, tasks[growth.job.id], growth.plan, edges, now=tx.now, chunks=chunks)
        settlement.events += [(ordinal, kind, None) for ordinal, kind in growth.placed.items()]
        try:
            settlement.placed(list(growth.placed))
        except Missing as missing:
            ordinals, chunks = await work_settlement.more(tx, growth.job.id, edges, missing, settlement)
        else:
            return settlement


def _surroundings(edges: Edges, placed: Iterable[int]) -> set[int]:
    """Returns the tasks themselves, their parents, and the standbys of these."""
    found = set(placed)
    for ordinal in placed:
        for parent in edges.parents[ordinal]:
            standby: int | None = parent
            while standby is not None:
                found.add(standby)
                standby = edges.standbys[standby]
    return found
