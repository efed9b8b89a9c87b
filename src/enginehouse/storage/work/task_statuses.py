"""Sets the statuses of tasks as a client asks: back into the queue, or aborted. All of the tasks, or none."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from enginehouse.domain import requeue
from enginehouse.domain.errors import Fault, InvalidInput, Problem, excerpt
from enginehouse.domain.job import Plan
from enginehouse.domain.planning import pushes
from enginehouse.domain.planning.additions import label
from enginehouse.domain.planning.edges import Edges, edges_of
from enginehouse.domain.requeue import AllTasks
from enginehouse.domain.settlement_rows import Missing, TaskState
from enginehouse.domain.status import JOB_ENDED, TASK, TaskStatus
from enginehouse.domain.task_statuses import StatusSettlement
from enginehouse.domain.work import ItemSource
from enginehouse.storage import assets
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import plans as stored_plans
from enginehouse.storage.jobs.deletion import SHARED_BYTES
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.pushes import endpoints
from enginehouse.storage.work import job_locks
from enginehouse.storage.work import settlement as work_settlement
from enginehouse.storage.work.job_locks import LockedJob


class NamedTask(NamedTuple):
    """A task that a client names: where in its request, and as which text."""

    job_id: int
    ordinal: int
    path: str
    text: str


class NamedJob(NamedTuple):
    """A job that a client names: where in its request."""

    job_id: int
    path: str


class StatusesOutcome(NamedTuple):
    """What a change has done. `tasks` are those whose status it changed, in the order of their keys.

    `ended`: the jobs that have ended by it. `runnable`: how many items may start now. `removed`: the keys of bytes that
    no row names any more.
    """

    tasks: tuple[tuple[int, int], ...]
    ended: tuple[int, ...] = ()
    runnable: int = 0
    removed: tuple[str, ...] = ()


class DeletedOutput(NamedTuple):
    """The key of an output that was deleted, and whether another row may name its bytes."""

    storage_key: str
    shared: int


class _Work(NamedTuple):
    """A locked job with its plan, the state of all its tasks, and those that the client names."""

    job: LockedJob
    plan: Plan
    edges: Edges
    tasks: dict[int, TaskState]
    named: list[NamedTask]
    deleted: frozenset[int]

    @property
    def ordinals(self) -> set[int]:
        return {each.ordinal for each in self.named}

    @property
    def all_tasks(self) -> AllTasks:
        return AllTasks(self.tasks, self.plan, self.edges, self.deleted)


_DELETED: Final = Select("task_statuses.delete_artifacts", DeletedOutput)


async def put_back(
    tx: Tx, plans: Plans, organization_id: int, named: Sequence[NamedTask], withdrawn: Collection[str] = ()
) -> StatusesOutcome:
    """The tasks run again from the beginning, with their dependants. One that waits already stays as it is.

    `withdrawn` are engines that the organization may not use. Attempts stay in the history, and later ones follow their
    numbers; outputs of the earlier run are gone. Raises InvalidInput with the problems of all tasks.
    """
    works, problems = await _works(tx, plans, organization_id, named, "run again")
    chosen = dict[int, list[int]]()
    for work in works:
        again = requeue.returning(work.all_tasks, work.ordinals)
        chosen[work.job.id] = sorted(again)
        for each in work.named:
            why = requeue.obstacle(work.all_tasks, again, each.ordinal)
            if why is None and each.ordinal in again and work.plan.tasks[each.ordinal].engine_id in withdrawn:
                why = _WITHDRAWN
            if why is not None:
                problems.append(_problem(each, why))
    _refuse(problems)
    return await _write_back(tx, organization_id, works, chosen)


async def put_jobs_back(
    tx: Tx, plans: Plans, organization_id: int, named: Sequence[NamedJob], withdrawn: Collection[str] = ()
) -> StatusesOutcome:
    """All failed and aborted tasks of these failed jobs of the organization run again, as with `put_back`.

    Raises InvalidInput with the problems of all jobs.
    """
    found = {work.job.id: work for work in await _read(tx, plans, organization_id, {each.job_id for each in named})}
    problems, chosen = list[Problem](), dict[int, list[int]]()
    for job_id, path in named:
        work = found[job_id]
        if (closed := _closed(work.job, "run again")) is not None:
            problems.append(Problem(path, closed))
            continue
        wanted = requeue.ended(work.all_tasks)
        again = requeue.returning(work.all_tasks, wanted)
        chosen[job_id] = sorted(again)
        if not wanted:
            problems.append(Problem(path, _ALL_DELETED))
        for ordinal in sorted(wanted):
            why = requeue.obstacle(work.all_tasks, again, ordinal)
            if why is None and work.plan.tasks[ordinal].engine_id in withdrawn:
                why = _WITHDRAWN
            if why is not None:
                problems.append(Problem(path, f'its task "{label(work.plan, ordinal)}": {why}'))
    _refuse(problems)
    return await _write_back(tx, organization_id, list(found.values()), chosen)


async def _write_back(
    tx: Tx, organization_id: int, works: Sequence[_Work], chosen: Mapping[int, Sequence[int]]
) -> StatusesOutcome:
    """The chosen tasks of each job are as if they had never run."""
    keys = [(job_id, ordinal) for job_id, ordinals in sorted(chosen.items()) for ordinal in ordinals]
    removed = await _remove_outputs(tx, organization_id, keys, works)
    await tx.many("task_statuses.count_attempts", keys)
    settlements = [
        await _settled(tx, work, partial(StatusSettlement.requeued, ordinals=chosen[work.job.id]))
        for work in works
        if chosen[work.job.id]
    ]
    await endpoints.revive(tx, [each.job.id for each in settlements if each.edges.takes_pushes])
    runnable = await work_settlement.write(tx, settlements)
    return StatusesOutcome(tuple(keys), runnable=runnable, removed=removed)


async def abort(tx: Tx, plans: Plans, organization_id: int, named: Sequence[NamedTask]) -> StatusesOutcome:
    """The tasks are aborted, with their dependants; what runs of them is fenced. An aborted one stays as it is.

    Raises InvalidInput with the problems of all tasks.
    """
    works, problems = await _works(tx, plans, organization_id, named, "aborted")
    for work in works:
        for each in work.named:
            if (why := requeue.end_obstacle(work.tasks[each.ordinal])) is not None:
                problems.append(_problem(each, why))
    _refuse(problems)
    settlements = list[StatusSettlement]()
    for work in works:
        ordinals = sorted(n for n in work.ordinals if work.tasks[n].status is not TaskStatus.ABORTED)
        if ordinals:
            state = job_locks.state(work.job)
            settlement = StatusSettlement(state, work.tasks, work.plan, work.edges, now=tx.now)
            settlement.aborted(ordinals)
            settlements.append(settlement)
    await work_settlement.write(tx, settlements)
    return _outcome(plans, settlements)


async def close(tx: Tx, plans: Plans, organization_id: int, named: Sequence[NamedTask]) -> StatusesOutcome:
    """The tasks take no more pushes, and complete when what was pushed has been worked on. A closed one stays as it is.

    Raises InvalidInput with the problems of all tasks.
    """
    works, problems = await _works(tx, plans, organization_id, named, "completed")
    for work in works:
        for each in work.named:
            if not (work.edges.awaits[each.ordinal] or work.plan.tasks[each.ordinal].pushes_closed):
                problems.append(_problem(each, _NO_PUSHES))
            elif (status := work.tasks[each.ordinal].status) in TASK["requeue"].sources:
                problems.append(_problem(each, f"is {status}, and takes no pushes."))
    _refuse(problems)
    settlements, runnable = list[StatusSettlement](), 0
    for work in works:
        closing = sorted(n for n in _with_standbys(work) if work.edges.awaits[n])
        if closing:
            plan = pushes.closed(work.plan, closing)
            await stored_plans.replace(tx, [(work.job.id, plan, 0)])
            act = partial(StatusSettlement.no_more_pushes, ordinals=closing)
            settlements.append(await _settled(tx, work._replace(plan=plan, edges=edges_of(plan)), act))
    runnable = await work_settlement.write(tx, settlements)
    return _outcome(plans, settlements)._replace(runnable=runnable)


def _with_standbys(work: _Work) -> set[int]:
    """Returns the named tasks and their standbys, which wait with them."""
    found, waiting = set[int](), list(work.ordinals)
    while waiting:
        found.add(ordinal := waiting.pop())
        if (standby := work.edges.standbys[ordinal]) is not None:
            waiting.append(standby)
    return found


def _outcome(plans: Plans, settlements: Sequence[StatusSettlement]) -> StatusesOutcome:
    changed = [(each.job.id, task.ordinal) for each in settlements for task in each.changed]
    ended = tuple(each.job.id for each in settlements if each.job.status in JOB_ENDED)
    for job_id in ended:
        plans.forget(job_id)
    return StatusesOutcome(tuple(sorted(changed)), ended=ended)


async def _works(
    tx: Tx, plans: Plans, organization_id: int, named: Sequence[NamedTask], verb: str
) -> tuple[list[_Work], list[Problem]]:
    """Locks the jobs of the tasks and reads them. The problems are of tasks that are unknown or of cancelled jobs."""
    own = {work.job.id: work for work in await _read(tx, plans, organization_id, {each.job_id for each in named})}
    by_job, problems = defaultdict[int, list[NamedTask]](list), list[Problem]()
    for each in named:
        work = own.get(each.job_id)
        if work is None or each.ordinal not in work.tasks or each.ordinal in work.deleted:
            problems.append(
                Problem(each.path, f"{excerpt(each.text)} was not found.", excerpt(each.text), fault=Fault.UNKNOWN)
            )
        elif (why := _closed(work.job, verb)) is not None:
            problems.append(_problem(each, why))
        else:
            by_job[each.job_id].append(each)
    return [own[job_id]._replace(named=by_job[job_id]) for job_id in sorted(by_job)], problems


async def _read(tx: Tx, plans: Plans, organization_id: int, job_ids: Collection[int]) -> list[_Work]:
    """Locks those of the jobs that the organization has, in key order, and returns them with all their tasks."""
    barrier_lock.require_shared(tx)
    locked = await job_locks.lock(tx, job_ids)
    await tx.read_clock()
    own = {job.id: job for job in locked.values() if job.organization_id == organization_id}
    loaded = await plans.load(tx, job_locks.revisions(own.values()))
    deleted = defaultdict[int, set[int]](set)
    for job_id, ordinal in await tx.all("task_statuses.deleted", ids=sorted(own)):
        deleted[job_id].add(ordinal)
    keys = [(job_id, ordinal) for job_id in own for ordinal in range(len(loaded[job_id][0].tasks))]
    states = await work_settlement.task_states(tx, keys) if keys else {}
    return [
        _Work(own[job_id], *loaded[job_id], states[job_id], [], frozenset(deleted[job_id])) for job_id in sorted(own)
    ]


def _closed(job: LockedJob, verb: str) -> str | None:
    if job.cancelled:
        return f"its job was cancelled; its tasks can no longer be {verb}." if verb == "aborted" else _CANCELLED
    if job.halted:
        return "a bulk cancel of the time in which its job was created is under way; nothing of the job changes now."
    return None


_NO_PUSHES: Final = 'waits for no pushes: its engine reports "complete"; updateTask does, for an engine outside.'
_WITHDRAWN: Final = "its engine is no longer available to your organization."
_ALL_DELETED: Final = (
    "is failed, and its tasks that failed were deleted; retryJob creates a new job that does the same."
)
_CANCELLED: Final = "its job was cancelled; retryJob creates a new job that does the same."


def _problem(task: NamedTask, text: str) -> Problem:
    return Problem(task.path, text, excerpt(task.text))


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise InvalidInput(sorted(problems, key=lambda problem: int(problem.path.partition("[")[2].rstrip("]") or 0)))


async def _remove_outputs(
    tx: Tx, organization_id: int, keys: Sequence[tuple[int, int]], works: Sequence[_Work]
) -> tuple[str, ...]:
    """Deletes what the tasks have put out, with the assets of it. Returns the keys of the bytes that nobody names."""
    targets = {work.job.target_id for work in works if work.job.target_id is not None}
    if targets:
        await assets.lock_targets(tx, targets)
    gone = {row.storage_key: row.shared for row in await _DELETED.each(tx, keys)} if keys else {}
    await tx.many("task_statuses.delete_outputs", keys)
    await tx.many("task_statuses.delete_polls", keys)
    shared = sorted(key for key, is_shared in gone.items() if is_shared)
    if shared:
        await tx.run("task_updates.delete_assets", keys=shared, organization_id=organization_id)
        await tx.lock(SHARED_BYTES)
        for (key,) in await tx.all("assets.named", keys=shared):
            del gone[key]
    return tuple(sorted(gone))


async def _settled(tx: Tx, work: _Work, act: Callable[[StatusSettlement], None]) -> StatusSettlement:
    """Settles what a client wants of the job's tasks. Starts over when chunks are needed."""
    chunks: Mapping[int, list[ItemSource]] = {}
    keys = [(work.job.id, ordinal) for ordinal in work.tasks]
    while True:
        tasks = await work_settlement.task_states(tx, keys)
        state = job_locks.state(work.job)
        settlement = StatusSettlement(state, tasks[work.job.id], work.plan, work.edges, now=tx.now, chunks=dict(chunks))
        try:
            act(settlement)
        except Missing as missing:
            _, chunks = await work_settlement.more(tx, work.job.id, work.edges, missing, settlement)
        else:
            return settlement
