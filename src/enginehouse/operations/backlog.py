"""The backlog: how many tasks wait, and their cancellation."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from enginehouse.domain.errors import NotFound, PastCancelling
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.domain.times import LAST_MOMENT
from enginehouse.operations import bulk_cancels, jobs
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.jobs import statistics, task_pages
from enginehouse.storage.jobs.statistics import WaitingTasks

_MOST_TASKS: Final = 10_000
_AT_ONCE: Final = 500


async def summary(house: House, principal: Principal) -> list[WaitingTasks]:
    """Returns how many tasks of each engine and priority may start and wait for their first attempt."""
    require(principal, Role.READER)
    return await house.database.read(lambda tx: statistics.waiting(tx, principal.organization_id))


@trail.mutation("cancelJobs", "BulkCancel")
async def clear(house: House, principal: Principal, which: TaskFilter, *, key: str | None = None) -> int:
    """Cancels the organization's jobs that wait with such a task. Returns how many. A job that has started goes on.

    With no filter but the creation it is a bulk cancel: one commit, whatever the number of jobs. Every other filter
    cancels the jobs of up to 10 000 tasks, the oldest first, each as `cancelJob`. Raises InvalidInput.
    """
    require(principal, Role.ADMIN)
    if which == TaskFilter(created_from=which.created_from, created_to=which.created_to):
        # A bulk cancel covers only jobs that exist, so no end needs to be now, and a repeated request is the same one.
        first = 0 if which.created_from is None else which.created_from
        last = LAST_MOMENT if which.created_to is None else which.created_to
        cancelled = await bulk_cancels.cancel(house, principal, created_from=first, created_to=last, key=key)
        return cancelled.count
    criteria = replace(which, in_backlog=True, descending=False, limit=_MOST_TASKS)
    keys = await house.database.read(lambda tx: task_pages.page(tx, principal.organization_id, criteria))
    waiting = list(dict.fromkeys(job_id for job_id, _ in keys))
    counts = [
        await _cancel(house, principal, waiting[first : first + _AT_ONCE]) for first in range(0, len(waiting), _AT_ONCE)
    ]
    return sum(counts)


async def _cancel(house: House, principal: Principal, job_ids: Sequence[int]) -> int:
    """Returns how many of the jobs were cancelled: those that have not started meanwhile."""

    async def one(job_id: int) -> int:
        try:
            return (await jobs.cancel(house, principal, Ref.of(job_id))).count
        except (PastCancelling, NotFound):
            return 0

    return sum(await asyncio.gather(*(one(job_id) for job_id in job_ids)))
