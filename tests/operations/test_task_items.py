"""The items of a task by their status, and the attempts of a whole job, on both databases."""

from typing import Any

import pytest
from tests import make

from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.task_items import ItemCounts, ItemPage, ItemStatus
from enginehouse.domain.work import AttemptPlace, Done, Failed, Lease, Report
from enginehouse.operations import attempts, jobs, task_items, work
from enginehouse.operations.house import House

CALLER, STRANGER = make.principal(), make.principal(organization_id=2)
READ = 2  # the ordinal of the first reader of make.fan_out
DOWN = Failed(FailureKind.INTERNAL_ERROR, "down")


async def claim(house: House, limit: int = 1) -> list[Lease]:
    return await work.claim(house, pool="native", limit=limit, worker="w")


async def report(house: House, lease: Lease, outcome: Done | Failed) -> None:
    await work.finish(house, Report(lease.key, lease.token, outcome))


async def chunked(house: House, chunks: int, **fields: Any) -> int:
    """Returns a job whose reader has so many items."""
    [made] = await jobs.create(house, CALLER, [make.fan_out(1, **fields)])
    for outputs in (make.outputs(0, 1), make.outputs(1, chunks)):
        [lease] = await claim(house, 100)
        await report(house, lease, Done(outputs))
    return made.job_id


async def page(house: House, job_id: int, **wanted: object) -> ItemPage:
    return await task_items.of_task(house, CALLER, TaskRef.of(job_id, READ), **wanted)  # type: ignore[arg-type]


async def test_every_item_has_one_status_and_the_counts_are_those_of_the_pages(ready: House) -> None:
    job_id = await chunked(ready, 7, parallel=True)
    for lease, outcome in zip(await claim(ready, 3), (Done(), DOWN, None), strict=True):
        if outcome is not None:
            await report(ready, lease, outcome)
    found = await page(ready, job_id)
    assert [each.status.value for each in found.items] == ["complete", "waiting", "running"] + ["queued"] * 4
    assert found.counts == ItemCounts(complete=1, waiting=1, running=1, queued=4)
    assert found.counts.total == 7
    for status in ItemStatus:
        some = await page(ready, job_id, status=status)
        assert len(some.items) == found.counts.of(status)
        assert some.counts == found.counts
    _, waiting, running, queued, *_ = found.items
    assert waiting.again_at is not None
    assert (waiting.number, waiting.failure_reason, waiting.failure_message) == (1, "internal_error", "down")
    assert (running.number, running.worker, running.ended_at) == (1, "w", None)
    assert (queued.number, queued.worker, queued.started_at) == (0, None, None)


async def test_pages_go_on_after_the_last_item_until_there_is_no_more(ready: House) -> None:
    job_id = await chunked(ready, 7, parallel=True)
    for lease in await claim(ready, 4):
        await report(ready, lease, Done())
    seen, after = list[int](), task_items.FIRST
    for _ in range(4):
        found = await page(ready, job_id, after=after, limit=2)
        seen += [each.item for each in found.items]
        after = found.next if found.next is not None else 99
    assert (seen, after) == ([0, 1, 2, 3, 4, 5, 6], 99)
    assert [each.item for each in (await page(ready, job_id, status=ItemStatus.QUEUED, limit=2)).items] == [4, 5]


async def test_of_a_task_that_came_to_nothing_what_has_no_result_is_failed_or_aborted(ready: House) -> None:
    job_id = await chunked(ready, 4, parallel=True, max_retries=0)
    first, second = await claim(ready, 2)
    await report(ready, first, Done())
    await report(ready, second, DOWN)
    found = await page(ready, job_id)
    assert found.counts == ItemCounts(complete=1, failed=1, aborted=2)
    assert [(each.item, each.status) for each in found.items] == [(0, ItemStatus.COMPLETE), (1, ItemStatus.FAILED)]


async def test_one_at_a_time_the_others_wait_for_it(ready: House) -> None:
    job_id = await chunked(ready, 3, max_engines=1)
    assert (await page(ready, job_id)).counts == ItemCounts(queued=1, waiting=2)


async def test_an_item_that_ran_twice_is_one_item(ready: House) -> None:
    job_id = await chunked(ready, 1)
    [lease] = await claim(ready)
    await report(ready, lease, DOWN)
    await jobs.cancel(ready, CALLER, Ref.of(job_id), include_running=True)
    found = await page(ready, job_id)
    assert [(each.item, each.number, each.status.value) for each in found.items] == [(0, 1, "failed")]
    assert found.counts == ItemCounts(failed=1)


async def test_what_is_out_of_bounds_is_named_at_once(ready: House) -> None:
    job_id = await chunked(ready, 1)
    with pytest.raises(InvalidInput) as refused:
        await page(ready, job_id, after=-2, limit=0)
    assert [problem.path for problem in refused.value.problems] == ["limit", "after"]


async def test_items_and_attempts_of_another_organization_are_not_there(ready: House) -> None:
    job_id = await chunked(ready, 1)
    for ref in (TaskRef.of(job_id, READ), TaskRef.of(job_id, 99)):
        with pytest.raises(NotFound):
            await task_items.of_task(ready, STRANGER, ref)
    with pytest.raises(NotFound):
        await attempts.of_job(ready, STRANGER, Ref.of(job_id))
    with pytest.raises(NotFound):
        await attempts.newest(ready, STRANGER, TaskRef.of(job_id, 0))


async def test_the_attempts_of_a_job_come_in_order_with_those_that_run(ready: House) -> None:
    job_id = await chunked(ready, 3, parallel=True)
    first, *_ = await claim(ready, 2)
    await report(ready, first, DOWN)
    found = await attempts.of_job(ready, CALLER, Ref.of(job_id))
    places = [at for at, _ in found]
    assert places == [AttemptPlace(0, 0, 1), AttemptPlace(1, 0, 1), AttemptPlace(2, 0, 1), AttemptPlace(2, 1, 1)]
    assert [one.outcome for _, one in found] == ["complete", "complete", "failed", "running"]
    for n, place in enumerate(places):
        rest = await attempts.of_job(ready, CALLER, Ref.of(job_id), after=place)
        assert [at for at, _ in rest] == places[n + 1 :]
        assert len(await attempts.of_job(ready, CALLER, Ref.of(job_id), limit=n + 1)) == n + 1


async def test_the_newest_attempt_is_one_that_runs_or_the_last_that_started(ready: House) -> None:
    [made] = await jobs.create(ready, CALLER, [make.independent(1)])
    ref = TaskRef.of(made.job_id, 0)
    assert await attempts.newest(ready, CALLER, ref) is None
    [lease] = await claim(ready)
    newest = await attempts.newest(ready, CALLER, ref)
    assert newest is not None
    assert (newest.number, newest.outcome) == (1, "running")
    await report(ready, lease, DOWN)
    newest = await attempts.newest(ready, CALLER, ref)
    assert newest is not None
    assert (newest.number, newest.outcome) == (1, "failed")
