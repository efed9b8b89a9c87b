"""Numbers of jobs, tasks and attempts, each from one statement."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.database.sql import shape
from enginehouse.storage.jobs import job_bounds


class JobTally(NamedTuple):
    """How many jobs have this status and mark."""

    status: str
    mark: int
    jobs: int


class BacklogChange(NamedTuple):
    """By how many tasks the backlog of the engine and priority has changed at the mark with this number."""

    engine_id: str
    priority: int
    mark: int
    change: int


class RunningAttempts(NamedTuple):
    """How many attempts of the engine the worker runs."""

    engine_id: str
    worker: str
    attempts: int


class WaitingTasks(NamedTuple):
    """How many tasks of the engine and priority wait for their first attempt."""

    engine_id: str
    priority: int
    tasks: int


class EngineWork(NamedTuple):
    """How many items of the engine wait for a worker slot, 1000 at most, and how many run."""

    engine_id: str
    waiting: int
    running: int


class FailedTask(NamedTuple):
    """A task that has failed for good, and when its job failed."""

    job_id: int
    ordinal: int
    engine_id: str
    reason: str | None
    at: int


class RunningTask(NamedTuple):
    """A task of which a worker runs so many items. `started_at`: the newest of them."""

    worker: str
    job_id: int
    ordinal: int
    engine_id: str
    started_at: int
    items: int


_WORK: Final = Select("statistics.work", EngineWork)
_FAILURES: Final = Select("statistics.failures", FailedTask)
_RUNNING_TASKS: Final = Select("statistics.running_tasks", RunningTask)
_BACKLOG: Final = Select("statistics.backlog", BacklogChange)
_RUNNING: Final = Select("statistics.running", RunningAttempts)
_WAITING: Final = Select("statistics.waiting", WaitingTasks)


async def all_jobs(tx: Tx) -> dict[str, int]:
    """Returns how many jobs of all organizations have each status, from the counts."""
    return {status: int(jobs) for status, jobs in await tx.all("statistics.all_jobs")}


async def jobs(
    tx: Tx,
    organization_id: int,
    *,
    created_from: int,
    created_to: int,
    engine_ids: Sequence[str] | None = None,
    step: int | None = None,
) -> list[JobTally]:
    """Returns how many of the jobs created in the range (µs) each status has; with a `step` also each mark.

    `engine_ids`: only jobs with a task of one of these engines.
    """
    parts, params = (
        {"at_once" if step is None else "by_mark"},
        dict[str, Any](job_bounds.created(created_from, created_to)),
    )
    if step is not None:
        params |= {"first_mark": created_from, "step": step}
    if engine_ids is not None:
        parts.add("of_engines")
        params["engine_ids"] = list(engine_ids)
    rows = await tx.all(shape("statistics.jobs", parts), organization_id=organization_id, **params)
    return [JobTally(*row) for row in rows]


async def backlog(tx: Tx, organization_id: int, *, first: int, last: int, step: int) -> list[BacklogChange]:
    """Returns the changes of the backlog by engine, priority and mark, which are `step` apart from `first` on (µs)."""
    return await _BACKLOG.all(tx, organization_id=organization_id, first=first, last=last, step=step)


async def running(tx: Tx, organization_id: int, *, started_from: int, started_to: int) -> list[RunningAttempts]:
    """Returns the attempts that run now and started in the range (µs)."""
    return await _RUNNING.all(tx, organization_id=organization_id, started_from=started_from, started_to=started_to)


async def waiting(tx: Tx, organization_id: int) -> list[WaitingTasks]:
    """Returns the backlog as it is now."""
    return await _WAITING.all(tx, organization_id=organization_id)


async def work(tx: Tx, organization_id: int, engines: Sequence[tuple[str, str]]) -> dict[str, EngineWork]:
    """Returns what waits and runs of these (pool, engine), by engine; none that has nothing."""
    rows = [(pool, organization_id, engine_id) for pool, engine_id in engines]
    return {row.engine_id: row for row in await _WORK.each(tx, rows) if row.waiting or row.running}


async def failures(tx: Tx, organization_id: int, *, since: int, jobs: int, tasks: int) -> list[FailedTask]:
    """Returns up to `tasks` failed tasks of the up to `jobs` jobs that failed last since then (µs), the last first."""
    return await _FAILURES.all(tx, organization_id=organization_id, since=since, jobs=jobs, tasks=tasks)


async def running_tasks(tx: Tx, organization_id: int, *, limit: int) -> list[RunningTask]:
    """Returns up to `limit` tasks that run now, by worker; those that began last come first."""
    return await _RUNNING_TASKS.all(tx, organization_id=organization_id, limit=limit)
