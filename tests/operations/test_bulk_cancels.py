"""The operation of a bulk cancel: exact at once, settled afterwards by any server."""

import asyncio

import pytest
from msgspec import structs
from tests import make

from enginehouse.domain.errors import InvalidInput, KeyReused, NotAllowed, NotConfirmed, NotFound, Refusal
from enginehouse.domain.identity import Role
from enginehouse.domain.job import JobFilter
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Done, Failed, Lease, Report
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import bulk_cancels, engines, jobs, work
from enginehouse.operations.house import House, Limits

CALLER = make.principal()
STRANGER = make.principal(organization_id=2)
LAST = 2**57


@pytest.fixture
async def ready(house: House) -> House:
    specs = [structs.replace(spec, category_id=CATEGORIES[0].id) for spec in make.ENGINES.values()]
    await engines.register(house, specs, CATEGORIES)
    return house


async def created(house: House, count: int, tasks: int = 1) -> list[int]:
    made = await jobs.create(house, CALLER, [make.independent(tasks) for _ in range(count)])
    return [each.job_id for each in made]


async def claim(house: House, limit: int = 100) -> list[Lease]:
    return await work.claim(house, pool="native", limit=limit, worker="w")


async def settled(house: House, limit: int = 2) -> None:
    """Settles every accepted bulk cancel, in small batches."""
    async with asyncio.timeout(30):
        while await bulk_cancels.apply(house, limit=limit):
            pass


async def statuses(house: House, job_ids: list[int]) -> set[JobStatus]:
    return {await jobs.status(house, CALLER, Ref.of(job_id)) for job_id in job_ids}


async def test_the_answer_counts_and_everything_reads_as_aborted_before_a_row_is_settled(ready: House) -> None:
    ids = await created(ready, 5)
    done = await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST)
    assert (done.count, done.applied, done.applied_at, done.stopping) == (5, 0, None, None)
    assert await statuses(ready, ids) == {JobStatus.ABORTED}
    page = await jobs.list_(ready, CALLER, JobFilter(statuses=(JobStatus.ABORTED,)), with_count=True)
    assert ({job.id for job in page.jobs}, page.count) == (set(ids), 5)
    assert await claim(ready) == []
    again = await jobs.cancel(ready, CALLER, Ref.of(ids[0]))
    assert (again.count, again.status) == (0, JobStatus.ABORTED)
    await jobs.retry(ready, CALLER, Ref.of(ids[0]))
    await settled(ready)
    ended = await bulk_cancels.get(ready, CALLER, Ref.of(done.id))
    assert (ended.count, ended.applied) == (5, 5)
    assert ended.applied_at is not None
    assert await statuses(ready, ids) == {JobStatus.ABORTED}
    assert len(await claim(ready)) == 1


async def test_applying_one_is_asked_for_by_a_signal(ready: House) -> None:
    heard: list[str] = []
    ready.listeners.accepted = lambda: heard.append("accepted")
    await created(ready, 1)
    await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST)
    assert heard == ["accepted"]


async def test_another_server_goes_on_where_one_has_stopped(ready: House) -> None:
    ids = await created(ready, 6)
    done = await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST)
    one_batch_only = ready.database.write
    batches = 0

    async def dying(*args: object, **more: object) -> object:
        nonlocal batches
        batches += 1
        if batches > 1:
            raise ConnectionResetError
        return await one_batch_only(*args, **more)  # type: ignore[arg-type]

    ready.database.write = dying  # type: ignore[method-assign, assignment]
    with pytest.raises(ConnectionResetError):
        await bulk_cancels.apply(ready, limit=2)
    ready.database.write = one_batch_only  # type: ignore[method-assign]
    halfway = await bulk_cancels.get(ready, CALLER, Ref.of(done.id))
    assert (halfway.count, halfway.applied, halfway.applied_at) == (6, 2, None)
    assert await statuses(ready, ids) == {JobStatus.ABORTED}
    other = House.build(ready.database, ready.store)
    await settled(other)
    ended = await bulk_cancels.get(other, CALLER, Ref.of(done.id))
    assert (ended.applied, ended.applied_at is not None) == (6, True)


async def test_one_whose_server_died_before_it_counted_is_counted_by_another(ready: House) -> None:
    ids = await created(ready, 3)
    reading = ready.database.read

    async def dying(work: object) -> object:
        raise ConnectionResetError

    ready.database.read = dying  # type: ignore[method-assign, assignment]
    with pytest.raises(ConnectionResetError):
        await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST)
    ready.database.read = reading  # type: ignore[method-assign]
    assert await statuses(ready, ids) == {JobStatus.ABORTED}
    assert not await bulk_cancels.apply(ready), "whoever accepted it is given the time to count"
    [barrier_id] = [row[0] for row in await ready.database.read(lambda tx: tx.all("bulk_cancels.open"))]
    assert (await bulk_cancels.get(ready, CALLER, Ref.of(barrier_id))).count == 3
    await settled(ready)
    assert (await bulk_cancels.get(ready, CALLER, Ref.of(barrier_id))).applied == 3


async def test_the_same_request_with_its_key_is_done_once_and_answered_as_it_stands(ready: House) -> None:
    await created(ready, 2)
    first = await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST, key="k")
    await settled(ready)
    later = await created(ready, 1)
    again = await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST, key="k")
    assert (again.id, again.count, again.applied) == (first.id, 2, 2)
    assert (first.replayed, again.replayed) == (False, True)
    assert await statuses(ready, later) == {JobStatus.PENDING}
    with pytest.raises(KeyReused):
        await bulk_cancels.cancel(ready, CALLER, created_from=1, created_to=2, key="k")
    together = await asyncio.gather(
        *(bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST, key="other") for _ in range(5))
    )
    assert {(each.id, each.count) for each in together} == {(together[0].id, 1)}


async def test_what_runs_is_left_alone_unless_it_was_asked_for(ready: House) -> None:
    [running] = await created(ready, 1)
    [lease] = await claim(ready)
    waiting = await created(ready, 2)
    plain = await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST)
    assert (plain.count, plain.stopping) == (2, None)
    await settled(ready)
    assert await statuses(ready, [running]) == {JobStatus.RUNNING}
    told: list[int] = []
    ready.listeners.stopping = told.extend
    await created(ready, 1)
    both = await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST, include_running=True)
    assert (both.count, both.stopping) == (1, 1)
    await settled(ready)
    assert told == [running]
    job = await jobs.get(ready, CALLER, Ref.of(running))
    assert (job.status, job.stopping) == (JobStatus.RUNNING, 1)
    await work.finish(ready, Report(lease.key, lease.token, Failed(FailureKind.STOP_REQUESTED, "stopped")))
    assert await statuses(ready, [running, *waiting]) == {JobStatus.ABORTED}
    assert (await bulk_cancels.get(ready, CALLER, Ref.of(both.id))).stopping == 0


async def test_a_result_that_comes_before_the_stop_was_told_does_not_count(ready: House) -> None:
    """The job stops from the commit on, even before the batch that notifies its worker."""
    [job_id] = await created(ready, 1, tasks=2)
    first, _ = await claim(ready)
    await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST, include_running=True)
    await work.finish(ready, Report(first.key, first.token, Done()))
    await settled(ready)
    job = await jobs.get(ready, CALLER, Ref.of(job_id))
    assert TaskStatus.COMPLETE not in {task.status for task in job.tasks}
    assert await claim(ready) == []


async def test_a_preview_counts_the_same_and_changes_nothing(ready: House) -> None:
    ids = await created(ready, 3)
    await claim(ready, 1)
    found = await bulk_cancels.preview(ready, CALLER, created_from=0, created_to=LAST, include_running=True)
    assert (found.count, found.stopping) == (2, 1)
    assert (await bulk_cancels.preview(ready, CALLER, created_from=0, created_to=LAST)).stopping is None
    assert JobStatus.ABORTED not in await statuses(ready, ids)
    done = await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=LAST)
    assert done.count == found.count
    assert (await bulk_cancels.preview(ready, CALLER, created_from=0, created_to=LAST)).count == 0


async def test_many_are_cancelled_only_by_who_knows_how_many(ready: House) -> None:
    careful = House.build(ready.database, ready.store, Limits(unconfirmed_cancels=2))
    await created(ready, 3)
    for confirmed in (None, 2):
        with pytest.raises(NotConfirmed) as refused:
            await bulk_cancels.cancel_if_sure(careful, CALLER, created_from=0, created_to=LAST, confirmed=confirmed)
        assert refused.value.message == "Would cancel 3 jobs; repeat with confirmCount: 3."
    done = await bulk_cancels.cancel_if_sure(careful, CALLER, created_from=0, created_to=LAST, confirmed=3, key="k")
    assert done.count == 3
    await settled(ready)
    await created(ready, 3)
    assert (await bulk_cancels.cancel_if_sure(careful, CALLER, created_from=0, created_to=LAST, key="k")).id == done.id


async def test_who_may_not_and_what_is_not_there_are_refused(ready: House) -> None:
    ids = await created(ready, 1)
    refused: list[tuple[type[Refusal], object]] = [
        (NotAllowed, bulk_cancels.cancel(ready, make.principal(role=Role.READER), created_from=0, created_to=LAST)),
        (InvalidInput, bulk_cancels.cancel(ready, CALLER, created_from=2, created_to=1)),
        (NotFound, bulk_cancels.get(ready, CALLER, Ref.of(12345))),
    ]
    for kind, call in refused:
        with pytest.raises(kind):
            await call  # type: ignore[misc]
    foreign = await bulk_cancels.cancel(ready, STRANGER, created_from=0, created_to=LAST)
    assert foreign.count == 0
    with pytest.raises(NotFound):
        await bulk_cancels.get(ready, CALLER, Ref.of(foreign.id))
    assert await statuses(ready, ids) == {JobStatus.PENDING}
