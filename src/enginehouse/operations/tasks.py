"""The list of an organization's tasks, of all its jobs."""

from dataclasses import dataclass

from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import Job, Task
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.operations import bounds
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import queries, task_pages


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of tasks, each with its job; `count` is how many tasks match on all pages."""

    tasks: tuple[tuple[Job, Task], ...]
    count: int


async def list_(house: House, principal: Principal, filter_: TaskFilter) -> TaskPage:
    """Returns one page of the organization's tasks, in the requested order, from one read. Raises InvalidInput."""
    require(principal, Role.READER)
    bounds.page(filter_.offset, filter_.limit, largest=house.limits.page_size)

    async def read(tx: Tx) -> TaskPage:
        total = await task_pages.count(tx, principal.organization_id, filter_)
        keys = await task_pages.page(tx, principal.organization_id, filter_, total)
        wanted = sorted({job_id for job_id, _ in keys})
        jobs = await queries.by_ids(tx, principal.organization_id, wanted, house.job_views)
        found = tuple((jobs[job_id], jobs[job_id].tasks[ordinal]) for job_id, ordinal in keys)
        return TaskPage(found, total)

    return await house.database.read(read)
