"""What an organization has now, on one page: jobs by status, what waits and runs, what has failed lately, and rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.engine import Engine
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import Job, JobFilter
from enginehouse.domain.status import JobStatus
from enginehouse.operations import engine_numbers, engines, job_rates, organization_feeds
from enginehouse.operations.engines import EngineFilter
from enginehouse.operations.house import House
from enginehouse.operations.job_rates import RatePoint, rates
from enginehouse.operations.permission import require
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import pages, queries

__all__ = ["Overview", "now", "rates"]

_LATELY: Final = 5  # jobs of each short list
_MOST_ENGINES: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The moment (µs UTC), the number of jobs in each status, what waits for each engine and runs in each pool.

    `waiting` counts items, up to 1000 of each engine. `reasons`: how many tasks failed within the hour, by reason, of
    the last 200 jobs that failed. `oldest_waiting` are the jobs that wait longest, `failed` those that failed last,
    `running` the newest that run. `rates`: the last hour, minute by minute.
    """

    now: int
    counts: Mapping[JobStatus, int]
    waiting: Sequence[tuple[Engine, int]]
    running_by_pool: Mapping[str, int]
    reasons: Mapping[str, int]
    oldest_waiting: tuple[Job, ...]
    failed: tuple[Job, ...]
    running: tuple[Job, ...]
    rates: Sequence[RatePoint]


async def now(house: House, principal: Principal) -> Overview:
    """Returns the overview of the caller's organization, all of one transaction. Raises NotAllowed."""
    require(principal, Role.READER)
    owner = principal.organization_id
    shown = await engines.list_(house, principal, EngineFilter(limit=_MOST_ENGINES))
    waiting = JobFilter(statuses=(JobStatus.PENDING, JobStatus.QUEUED), descending=False, limit=_LATELY)
    failed = JobFilter(statuses=(JobStatus.FAILED,), order_by="modified_at", limit=_LATELY)
    running = JobFilter(statuses=(JobStatus.RUNNING,), limit=_LATELY)

    async def read(tx: Tx) -> Overview:
        moment = await tx.read_clock()
        lists = [await pages.page(tx, owner, filter_) for filter_ in (waiting, failed, running)]
        jobs = await queries.by_ids(tx, owner, sorted({job_id for page in lists for job_id in page}))
        short = [tuple(jobs[job_id] for job_id in page if job_id in jobs) for page in lists]
        waits = await engine_numbers.waiting(tx, owner, shown)
        return Overview(
            now=moment,
            counts=await organization_feeds.counts(tx, owner),
            waiting=sorted(
                ((engine, waits[engine.spec.id]) for engine in shown if engine.spec.id in waits),
                key=lambda pair: (-pair[1], pair[0].spec.name),
            ),
            running_by_pool=engine_numbers.by_pool(house, await engine_numbers.running(tx, owner)),
            reasons=engine_numbers.by_reason(await engine_numbers.failures(tx, owner)),
            oldest_waiting=short[0],
            failed=short[1],
            running=short[2],
            rates=await job_rates.read(tx, owner),
        )

    return await house.database.read(read)
