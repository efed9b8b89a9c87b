"""What an organization has now, on one page: jobs by status, what waits and runs, what has failed lately, and rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.engine import Engine
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job_summary import JobSummary
from enginehouse.domain.status import JobStatus
from enginehouse.operations import engine_numbers, engines, job_rates, organization_feeds, workers
from enginehouse.operations.engines import EngineFilter
from enginehouse.operations.house import House
from enginehouse.operations.job_rates import RatePoint, rates
from enginehouse.operations.permission import require
from enginehouse.operations.workers import WorkerSummary
from enginehouse.storage import workers as stored_workers
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import queries, summaries

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
    workers: WorkerSummary
    oldest_waiting: tuple[JobSummary, ...]
    failed: tuple[JobSummary, ...]
    running: tuple[JobSummary, ...]
    rates: Sequence[RatePoint]


async def now(house: House, principal: Principal) -> Overview:
    """Returns the overview of the caller's organization, all of one transaction. Raises NotAllowed."""
    require(principal, Role.READER)
    owner = principal.organization_id
    shown = await engines.list_(house, principal, EngineFilter(limit=_MOST_ENGINES))

    async def read(tx: Tx) -> Overview:
        moment, counts = await tx.read_clock(), await queries.counts_by_status(tx, owner)
        current = await summaries.current(tx, owner, counts, limit=_LATELY)
        at_work = await engine_numbers.work(tx, owner, house.catalogue.by_id.values())
        waiting = [(engine, at_work[engine.spec.id].waiting) for engine in shown if engine.spec.id in at_work]
        return Overview(
            now=moment,
            counts=organization_feeds.of_each(counts),
            waiting=sorted([pair for pair in waiting if pair[1]], key=lambda pair: (-pair[1], pair[0].spec.name)),
            running_by_pool=engine_numbers.by_pool(house, at_work),
            reasons=engine_numbers.by_reason(await engine_numbers.failures(tx, owner)),
            workers=workers.summary_of(house, await stored_workers.at_work(tx), moment),
            oldest_waiting=current.oldest_waiting,
            failed=current.failed,
            running=current.running,
            rates=await job_rates.read(tx, owner),
        )

    return await house.database.read(read)
