"""Numbers of jobs, tasks and attempts, each from one statement."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.database.sql import shape
from enginehouse.storage.jobs import pages


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
    parts, params = {"at_once" if step is None else "by_mark"}, dict[str, Any](pages.created(created_from, created_to))
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
