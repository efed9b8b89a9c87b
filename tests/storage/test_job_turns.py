"""The jobs of a lane take turns: a small job does not wait for a large one, and a large one always goes on."""

import pytest
from tests import make
from tests.storage.verbs import Verbs

from enginehouse.domain.fair_order import TASKS_AT_ONCE, TURN_MICROS, turn_at
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.storage.database.database import Database

pytestmark = pytest.mark.usefixtures("own_statements")

LARGE = 40
SMALL = JobRequest(tasks=(TaskRequest(engine_id="read"),))


@pytest.fixture
def verbs(database: Database) -> Verbs:
    return Verbs(database)


async def documents(verbs: Verbs, count: int) -> list[int]:
    """Jobs whose reader has many chunks waiting, all in one lane."""
    jobs = await verbs.create(*(make.new_job(make.fan_out(1, parallel=True)) for _ in range(count)))
    for made in (make.outputs(0, 1), make.outputs(1, LARGE)):
        for lease in await verbs.claim():
            await verbs.done(lease, made)
    return jobs


async def run_one(verbs: Verbs) -> int:
    """One item has run. Returns its job."""
    [lease] = await verbs.claim(1)
    await verbs.done(lease)
    return lease.key.job_id


async def test_a_small_job_waits_for_no_more_than_the_item_that_runs(verbs: Verbs) -> None:
    [large] = await documents(verbs, 1)
    [running] = await verbs.claim(1)
    [small] = await verbs.create(make.new_job(SMALL))
    await verbs.done(running)
    assert [await run_one(verbs) for _ in range(3)] == [small, large, large]


async def test_small_jobs_that_keep_coming_do_not_keep_a_large_one_from_its_turn(verbs: Verbs) -> None:
    [large] = await documents(verbs, 1)
    await run_one(verbs)
    await verbs.database.write(lambda tx: tx.run("test.pass_turns", micros=TURN_MICROS))
    small = await verbs.create(*(make.new_job(SMALL) for _ in range(3)))
    assert [await run_one(verbs) for _ in range(5)] == [large, *small, large]


async def test_large_jobs_take_turns_item_by_item(verbs: Verbs) -> None:
    both = await documents(verbs, 2)
    order = [lease.key.job_id for lease in await verbs.claim(10)]
    assert order == both * 5


async def test_a_job_of_a_few_tasks_runs_whole_before_the_next(verbs: Verbs) -> None:
    first, second = await verbs.create(*(make.new_job(make.independent(TASKS_AT_ONCE)) for _ in range(2)))
    order = [lease.key.job_id for lease in await verbs.claim(2 * TASKS_AT_ONCE)]
    assert order == [first] * TASKS_AT_ONCE + [second] * TASKS_AT_ONCE
    many, few = await verbs.create(*(make.new_job(make.independent(count)) for count in (3 * TASKS_AT_ONCE, 1)))
    order = [lease.key.job_id for lease in await verbs.claim()]
    assert order.index(few) == TASKS_AT_ONCE
    assert order.count(many) == 3 * TASKS_AT_ONCE


def test_every_item_has_its_turn_at_some_time_and_never_before_an_earlier_one_of_its_task() -> None:
    turns = [turn_at(7, 0, item) for item in range(1_000_000)]
    assert turns[0] == 7
    assert turns == sorted(set(turns))
    assert max(turns) < 2**63
