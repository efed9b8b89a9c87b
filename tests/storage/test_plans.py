"""The plans in memory: bounded by bytes, gone when their job ends, and complete whatever is missing."""

import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from tests import make

from enginehouse.domain.job import JobRequest
from enginehouse.domain.work import Done, Report
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import creation, queries
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.jobs.views import JobViews
from enginehouse.storage.work import claims, reports

ONE: Final = make.independent(1)


async def create(database: Database, plans: Plans, count: int, request_: JobRequest = ONE) -> list[int]:
    async def work(tx: Tx) -> list[int]:
        made = await creation.create(tx, plans, [make.new_job(request_) for _ in range(count)])
        return [job_id for job_id, _ in made]

    return await database.write_work(work)


async def run(database: Database, plans: Plans, count: int) -> list[int]:
    """Up to `count` items are done. Returns their jobs."""

    async def work(tx: Tx) -> list[int]:
        leases = await claims.claim(tx, plans, pool="native", limit=count, worker="w", lease_micros=10**9)
        await reports.finish(tx, plans, [Report(lease.key, lease.token, Done()) for lease in leases])
        return [lease.key.job_id for lease in leases]

    return await database.write_work(work)


async def test_a_plan_is_kept_until_its_job_ends(database: Database) -> None:
    plans = Plans()
    jobs = await create(database, plans, 3)
    assert plans.job_ids == set(jobs)
    ended = await run(database, plans, 2)
    assert plans.job_ids == set(jobs) - set(ended)
    await run(database, plans, 1)
    assert (plans.job_ids, plans.size) == (set(), 0)


async def test_plans_stay_within_their_bytes_and_those_that_run_first_stay(database: Database) -> None:
    measured = Plans()
    await create(database, measured, 1)
    plans = Plans(max_bytes=3 * measured.size)
    jobs = await create(database, plans, 10)
    assert plans.job_ids == set(jobs[:3])
    # More run at once than are kept, so some are read again.
    assert len(await run(database, Plans(max_bytes=1), 1)) == 1
    assert len(await run(database, plans, 20)) == 10
    assert plans.size <= plans.max_bytes


MANY: Final = {
    "one task": make.independent(1),
    "a chain": make.chain(5),
    "tasks that are alike": make.independent(100),
    "a text": make.independent(1, payload={"text": "x" * 8_000}),
    "small values": make.independent(1, payload={"all": [{"n": n, "word": "word"} for n in range(200)]}),
}


@pytest.mark.parametrize("request_", MANY.values(), ids=MANY.keys())
async def test_what_is_kept_takes_no_more_than_two_and_a_half_times_what_is_counted(
    sqlite_database: Database, request_: JobRequest
) -> None:
    """Their bounds are estimates, so that nothing is measured for each job. A server's memory is bounded by them."""
    count, plans, views = 60, Plans(), JobViews()
    ids = await create(sqlite_database, Plans(), count, request_)
    await sqlite_database.read(lambda tx: queries.by_ids(tx, 1, ids[:1], JobViews()))

    async def taken(read: Callable[[Tx], Awaitable[object]]) -> int:
        gc.collect()
        tracemalloc.start()
        try:
            await sqlite_database.read(read)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    assert await taken(lambda tx: queries.by_ids(tx, 1, ids, views)) < 2.5 * views.size
    assert await taken(lambda tx: plans.load(tx, dict.fromkeys(ids, 0))) < 2.5 * plans.size
    assert len(plans.job_ids) == count


def test_the_plan_of_a_job_that_was_never_committed_gives_way_to_the_next_with_its_id() -> None:
    old, new = (make.new_job(make.independent(count)) for count in (1, 2))
    plans = Plans()
    plans.keep_new([(7, old)])
    size = plans.size
    plans.keep_new([(7, new)])
    assert plans._kept[7][0] == new.plan
    plans.max_bytes = size  # there is no room for the old one beside others, so none for the new one
    plans.keep_new([(7, new)])
    assert (plans.job_ids, plans.size) == (set(), 0)
