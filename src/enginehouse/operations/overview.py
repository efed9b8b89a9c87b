"""What an organization has now, on one page: jobs by status, what waits, what has failed lately, and the workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import Job, JobFilter
from enginehouse.domain.status import JobStatus
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import pages, queries, statistics
from enginehouse.storage.jobs.statistics import WaitingTasks

_LATELY: Final = 5  # jobs of each short list


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The moment (µs UTC), the number of jobs in each status, the tasks that wait for a worker slot, and short lists.

    `oldest_waiting` are the jobs that wait longest, `failed` those that failed last, `running` the newest that run.
    """

    now: int
    counts: Mapping[JobStatus, int]
    waiting: Sequence[WaitingTasks]
    oldest_waiting: tuple[Job, ...]
    failed: tuple[Job, ...]
    running: tuple[Job, ...]


async def now(house: House, principal: Principal) -> Overview:
    """Returns the overview of the caller's organization, all of one transaction. Raises NotAllowed."""
    require(principal, Role.READER)
    owner = principal.organization_id
    waiting = JobFilter(statuses=(JobStatus.PENDING, JobStatus.QUEUED), descending=False, limit=_LATELY)
    failed = JobFilter(statuses=(JobStatus.FAILED,), order_by="modified_at", limit=_LATELY)
    running = JobFilter(statuses=(JobStatus.RUNNING,), limit=_LATELY)

    async def read(tx: Tx) -> Overview:
        moment = await tx.read_clock()
        counts = {status: await pages.count(tx, owner, JobFilter(statuses=(status,))) for status in JobStatus}
        lists = [await pages.page(tx, owner, filter_) for filter_ in (waiting, failed, running)]
        jobs = await queries.by_ids(tx, owner, sorted({job_id for page in lists for job_id in page}))
        short = [tuple(jobs[job_id] for job_id in page if job_id in jobs) for page in lists]
        return Overview(
            now=moment,
            counts=counts,
            waiting=await statistics.waiting(tx, owner),
            oldest_waiting=short[0],
            failed=short[1],
            running=short[2],
        )

    return await house.database.read(read)
