"""What jobs did over time: exact over all transactions and writers, in equal parts, kept for two days."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from tests import make

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.times import LAST_MOMENT, SECOND
from enginehouse.domain.totals import JOBS_CREATED
from enginehouse.domain.work import Done, Failed, Outcome, Report
from enginehouse.operations import bulk_cancels, job_rates, jobs, requeue, work
from enginehouse.operations.house import House
from enginehouse.operations.job_rates import KEPT_HOURS, RatePoint
from enginehouse.storage.database.database import Tx

CALLER, STRANGER = make.principal(), make.principal(organization_id=2)
BAD = Failed(FailureKind.INVALID_DATA, "bad", is_final=True)
HOUR = 3_600 * SECOND


def totals(points: Sequence[RatePoint]) -> tuple[int, ...]:
    """Returns the sums: created, started, complete, failed, aborted."""
    return tuple(
        sum(getattr(point, name) for point in points)
        for name in ("created", "started", "complete", "failed", "aborted")
    )


async def run(house: House, *outcomes: Outcome) -> None:
    """The next items have run and ended like this."""
    for lease, outcome in zip(
        await work.claim(house, pool="native", limit=len(outcomes), worker="w"), outcomes, strict=True
    ):
        await work.finish(house, Report(lease.key, lease.token, outcome))


async def test_every_creation_start_and_end_counts_once(ready: House) -> None:
    created = await jobs.create(ready, CALLER, [make.independent(1) for _ in range(6)])
    await run(ready, Done(()), BAD, Failed(FailureKind.INTERNAL_ERROR, "again"))
    await jobs.cancel(ready, CALLER, Ref.of(created[5].job_id))
    await jobs.create(ready, STRANGER, [make.independent(1)])
    assert totals(await job_rates.rates(ready, CALLER)) == (6, 3, 1, 1, 1)
    assert totals(await job_rates.rates(ready, STRANGER)) == (1, 0, 0, 0, 0)
    points = await job_rates.rates(ready, CALLER)
    assert [point.ended for point in points if point.ended] == [3]
    assert len(points) in (61, 62)


async def test_a_bulk_cancel_counts_when_its_rows_are_written(ready: House) -> None:
    await jobs.create(ready, CALLER, [make.independent(1) for _ in range(3)])
    await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST_MOMENT)
    while await bulk_cancels.apply(ready):
        pass
    assert totals(await job_rates.rates(ready, CALLER)) == (3, 0, 0, 0, 3)


async def test_a_job_that_is_put_back_starts_and_ends_once_more(ready: House) -> None:
    [created] = await jobs.create(ready, CALLER, [make.independent(1)])
    await run(ready, BAD)
    await requeue.queue_jobs(ready, CALLER, [Ref.of(created.job_id)])
    await run(ready, Done(()))
    assert totals(await job_rates.rates(ready, CALLER)) == (1, 2, 1, 1, 0)


async def test_concurrent_writers_lose_nothing(ready: House) -> None:
    await asyncio.gather(*(jobs.create(ready, CALLER, [make.independent(1)]) for _ in range(100)))
    assert totals(await job_rates.rates(ready, CALLER))[0] == 100


async def test_what_was_rolled_back_did_not_happen(ready: House) -> None:
    async def fails(tx: Tx) -> None:
        tx.facts.totals.add(JOBS_CREATED)
        raise ValueError("rolled back")

    with pytest.raises(ValueError, match="rolled back"):
        await ready.database.write_work(fails)
    assert (JOBS_CREATED, ()) not in ready.commits.totals.counters


async def test_parts_are_as_long_as_the_step_and_begin_at_its_multiples(ready: House, own_statements: None) -> None:
    await jobs.create(ready, CALLER, [make.independent(1)])
    now = await ready.database.read(lambda tx: tx.read_clock())
    for step, most in ((60, 121), (300, 26), (3_600, 4)):
        points = await job_rates.rates(ready, CALLER, since=now - 2 * HOUR, step=step)
        assert most - 1 <= len(points) <= most
        assert {point.start % (step * SECOND) for point in points} == {0}
        assert {b.start - a.start for a, b in itertools.pairwise(points)} == {step * SECOND}
        assert points[-1].start <= now + SECOND
        assert totals(points)[0] == 1
        assert points[-1].created + points[-2].created == 1


@pytest.mark.parametrize(
    ("step", "hours", "names"),
    [(0, 1, {"step"}), (-60, 1, {"step"}), (61, 1, {"step"}), (60, 24, {"step"}), (90, -1, {"since", "step"})],
)
async def test_what_cannot_be_drawn_is_refused_by_name(ready: House, step: int, hours: int, names: set[str]) -> None:
    now = await ready.database.read(lambda tx: tx.read_clock())
    with pytest.raises(InvalidInput) as refused:
        await job_rates.rates(ready, CALLER, since=now - hours * HOUR, step=step)
    assert {problem.path for problem in refused.value.problems} == names


async def test_numbers_older_than_two_days_are_deleted_an_hour_at_a_time(ready: House, own_statements: None) -> None:
    await jobs.create(ready, CALLER, [make.independent(1)])
    now = await ready.database.read(lambda tx: tx.read_clock())
    minutes = [(now - hours * HOUR) // (60 * SECOND) for hours in (1, KEPT_HOURS + 1, KEPT_HOURS + 9)]

    async def store(tx: Tx) -> None:
        for minute in minutes:
            await tx.run("situation.rate", organization_id=1, minute=minute)

    await ready.database.write(store)
    turns = 0
    while await job_rates.prune(ready, now=now):
        turns += 1
    assert turns >= 1
    kept = await ready.database.read(lambda tx: tx.all("situation.rates"))
    assert len(kept) == 2
    assert totals(await job_rates.rates(ready, CALLER, since=0, step=600))[0] == 2
