"""The plans in memory: bounded by bytes, gone when their job ends, and complete whatever is missing."""

from tests import make

from enginehouse.domain.work import Done, Report
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import creation
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims, reports


async def create(database: Database, plans: Plans, count: int) -> list[int]:
    async def work(tx: Tx) -> list[int]:
        made = await creation.create(tx, plans, [make.new_job(make.independent(1)) for _ in range(count)])
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
