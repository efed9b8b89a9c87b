"""A retry of only the failed tasks: reused tasks are complete and do not count, the others use their outputs."""

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests import make
from tests.storage.working import Worker
from tests.thorough import THOROUGH

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.job import JobRequest
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Done
from enginehouse.operations.house import House
from enginehouse.storage import consistency
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs.reuse import SourceGone

C, P, A = TaskStatus.COMPLETE, TaskStatus.PENDING, TaskStatus.ABORTED
RACES = 60 if THOROUGH else 20


@pytest.fixture
def worker(database: Database, own_statements: None, tmp_path: Path) -> Iterator[Worker]:
    store = DiskStore(tmp_path / "store")
    yield Worker(House.build(database, store))
    store.close()


async def failed_fan_out(worker: Worker, **fields: object) -> int:
    """Ingest, split and two of three readers are complete; the middle reader failed, and the writer with it."""
    [job_id] = await worker.create(make.new_job(make.fan_out(3, **fields)))  # type: ignore[arg-type]
    await worker.work_off(fails=lambda lease: lease.key.ordinal == 3)
    return job_id


async def test_complete_tasks_stand_and_only_the_rest_runs(worker: Worker) -> None:
    old = await failed_fan_out(worker)
    new = await worker.retry_failed(old)
    job = await worker.job(new)
    assert (job.retry_of, job.root_of, job.status) == (old, old, JobStatus.PENDING)
    assert [task.status for task in job.tasks] == [C, C, C, P, C, P]
    assert [task.reused_from for task in job.tasks] == [old, old, old, None, old, None]
    assert [task.items for task in job.tasks] == [0, 0, 0, 3, 0, 0]
    ran = await worker.work_off()
    assert [(lease.key.ordinal, lease.source.part) for lease in ran[:3]] == [(3, 0), (3, 1), (3, 2)]
    assert [lease.key.ordinal for lease in ran[3:]] == [5]
    assert (await worker.job(new)).status is JobStatus.COMPLETE
    whole = await worker.retry_whole(old)
    await worker.work_off()
    assert await worker.said(new) == await worker.said(whole)


async def test_a_child_that_waits_for_its_parents_gets_all_their_chunks_at_once(worker: Worker) -> None:
    old = await failed_fan_out(worker, parents_first=True)
    new = await worker.retry_failed(old)
    assert [task.items for task in (await worker.job(new)).tasks] == [0, 0, 0, 3, 0, 0]


async def test_a_task_that_gathers_is_ready_when_all_it_gathers_is_reused(worker: Worker) -> None:
    [old] = await worker.create(make.new_job(make.fan_out(2)))
    await worker.work_off(fails=lambda lease: lease.key.ordinal == 4)
    new = await worker.retry_failed(old)
    assert [task.status for task in (await worker.job(new)).tasks] == [C, C, C, C, P]
    [writer] = await worker.claim()
    assert writer.key.ordinal == 4
    assert [each.name for each in await worker.inputs(writer)] == ["read"] * 6
    await worker.finish(writer, Done())
    assert (await worker.job(new)).status is JobStatus.COMPLETE


async def test_reused_tasks_are_not_counted_so_the_job_is_fresh(worker: Worker) -> None:
    old = await failed_fan_out(worker)
    new = await worker.retry_failed(old)
    row = await worker.database.read(lambda tx: tx.all("test.job_rows"))
    assert {each[0]: each[4:10] for each in row}[new] == (2, 0, 0, 0, 0, 0)
    assert [verdict.done for verdict in await worker.cancel(new) if verdict] == [True]
    job = await worker.job(new)
    assert [task.status for task in job.tasks] == [C, C, C, A, C, A]
    assert await worker.claim() == []


async def test_a_retry_of_a_retry_names_who_made_the_outputs(worker: Worker) -> None:
    old = await failed_fan_out(worker)
    again = await worker.retry_failed(old)
    await worker.work_off(fails=lambda lease: lease.key.ordinal == 5)
    third = await worker.retry_failed(again)
    job = await worker.job(third)
    assert (job.retry_of, job.root_of) == (again, old)
    assert [task.reused_from for task in job.tasks] == [old, old, old, again, old, None]
    await worker.work_off()
    assert (await worker.job(third)).status is JobStatus.COMPLETE


async def test_a_standby_is_not_reused_and_is_left_out_where_its_principal_is(worker: Worker) -> None:
    [old] = await worker.create(make.new_job(make.standby_chain()))
    await worker.work_off(fails=lambda lease: lease.key.ordinal == 1)
    new = await worker.retry_failed(old)
    assert [task.status for task in (await worker.job(new)).tasks] == [C, P, A]
    [old] = await worker.create(make.new_job(make.standby_chain()))
    await worker.work_off(fails=lambda lease: lease.key.job_id == old and lease.key.ordinal in (0, 1))
    new = await worker.retry_failed(old)
    assert [task.status for task in (await worker.job(new)).tasks] == [P, P, TaskStatus.STANDBY_PENDING]


async def test_what_the_doctor_reads_agrees(worker: Worker) -> None:
    old = await failed_fan_out(worker)
    new = await worker.retry_failed(old)
    assert await worker.database.read(consistency.check_jobs) == (2, [])
    await worker.work_off()
    assert await worker.database.read(consistency.check_jobs) == (2, [])
    await worker.database.write(lambda tx: tx.run("test.count_a_reused_task", id=new))
    [wrong] = (await worker.database.read(consistency.check_jobs))[1]
    assert wrong.job_id == new


# -- the bytes ----------------------------------------------------------------------------------------------


async def test_shared_bytes_go_with_the_last_job_that_names_them(worker: Worker) -> None:
    old = await failed_fan_out(worker)
    shared = {each.key for each in await worker.artifacts(old) if each.ordinal != 3}
    alone = {each.key for each in await worker.artifacts(old)} - shared
    new = await worker.retry_failed(old)
    await worker.work_off()
    third = await worker.retry_whole(old)
    assert set(await worker.delete(old)) == alone
    job = await worker.job(new)
    assert (job.retry_of, job.root_of) == (old, old)
    assert [task.reused_from for task in job.tasks][:3] == [old, old, old]
    assert {each.key for each in await worker.artifacts(new)} > shared
    assert shared < set(await worker.delete(new))
    assert (await worker.job(third)).root_of == old


async def test_jobs_deleted_together_take_the_bytes_they_share_along(worker: Worker) -> None:
    old = await failed_fan_out(worker)
    keys = {each.key for each in await worker.artifacts(old)}
    new = await worker.retry_failed(old)
    assert set(await worker.delete(old, new)) == keys


async def test_of_two_jobs_deleted_at_once_one_removes_what_they_share(worker: Worker) -> None:
    for _ in range(RACES):
        [old] = await worker.create(make.new_job(make.chain(2)))
        await worker.work_off(fails=lambda lease: lease.key.ordinal == 1)
        new = await worker.retry_failed(old)
        [key] = {each.key for each in await worker.artifacts(old)}
        one, other = await asyncio.gather(worker.delete(old), worker.delete(new))
        assert sorted([*one, *other]) == [key]


async def test_a_retry_beside_a_delete_has_its_bytes_or_is_refused(worker: Worker) -> None:
    refused = kept = 0
    for _ in range(RACES):
        [old] = await worker.create(make.new_job(make.chain(2)))
        await worker.work_off(fails=lambda lease: lease.key.ordinal == 1)
        [key] = {each.key for each in await worker.artifacts(old)}
        retry = make.retried(await worker.job(old))
        made, removed = await asyncio.gather(worker.create(retry), worker.delete(old), return_exceptions=True)
        assert not isinstance(removed, BaseException)
        if isinstance(made, BaseException):
            assert isinstance(made, SourceGone)
            assert removed == [key]
            refused += 1
        else:
            assert removed == []
            assert await worker.delete(*made) == [key]
            kept += 1
    assert kept + refused == RACES


async def test_a_retry_beside_a_finish_reuses_whole_outputs_or_none(worker: Worker) -> None:
    for _ in range(RACES):
        [old] = await worker.create(make.new_job(make.independent(2)))
        first, second = await worker.claim()
        await worker.fail(first)
        seen = await worker.job(old)
        _, [new] = await asyncio.gather(
            worker.finish(second, Done(worker.outputs(second, []))), worker.create(make.retried(seen))
        )
        job = await worker.job(new)
        assert [task.status for task in job.tasks] == [P, P]
        await worker.work_off()
        assert (await worker.job(new)).status is JobStatus.COMPLETE


async def test_a_refused_retry_leaves_nothing(worker: Worker) -> None:
    old = await failed_fan_out(worker)
    retry = make.retried(await worker.job(old))
    await worker.delete(old)
    other = make.new_job(make.independent(1))
    with pytest.raises(SourceGone):
        await worker.create(other, retry)
    assert await worker.database.read(lambda tx: tx.all("test.job_rows")) == []


async def test_another_organizations_outputs_are_not_reused(worker: Worker) -> None:
    old = await failed_fan_out(worker)
    with pytest.raises(SourceGone):
        await worker.create(make.retried(await worker.job(old), organization_id=2))


async def test_a_job_without_reuse_costs_no_statement_more(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole retries and new jobs never run the statements of reuse."""
    old = await failed_fan_out(worker)

    async def never(*_: object, **__: object) -> None:
        raise AssertionError("a statement of reuse ran")

    monkeypatch.setattr("enginehouse.storage.jobs.reuse.settle", never)
    await worker.create(make.new_job(make.fan_out(1)))
    await worker.retry_whole(old)


# -- any graph, any failures --------------------------------------------------------------------------------

SHAPES: tuple[Callable[[], JobRequest], ...] = (
    lambda: make.chain(4),
    lambda: make.fan_out(3),
    lambda: make.fan_out(2, parents_first=True),
    lambda: make.fan_out(2, gather_first=False),
    lambda: make.fan_out(2, max_engines=1),
    make.standby_chain,
    lambda: make.independent(4),
)


@pytest.mark.parametrize("seed", range(20 if THOROUGH else 5))
async def test_retried_until_it_is_complete_a_job_says_what_a_whole_run_says(worker: Worker, seed: int) -> None:
    """With any failures, any number of retries, and any cancels or deletes in between."""
    chance = random.Random(seed)
    shape = chance.choice(SHAPES)
    [flawless] = await worker.create(make.new_job(shape()))
    await worker.work_off()
    [current] = await worker.create(make.new_job(shape()))
    ran = 0
    for _ in range(12):
        ran += len(await worker.work_off(lambda _: chance.random() < 0.3))
        job = await worker.job(current)
        if job.status is JobStatus.COMPLETE:
            break
        before, current = current, await worker.retry_failed(current)
        if chance.random() < 0.3:
            await worker.cancel(current)
            current = await worker.retry_failed(current)
        if chance.random() < 0.5:
            await worker.delete(before)
    else:
        await worker.work_off()
    assert (await worker.job(current)).status is JobStatus.COMPLETE
    assert ran
    assert await worker.said(current) == await worker.said(flawless)
    assert await worker.database.read(consistency.check_jobs) == (await _jobs_there(worker), [])


async def _jobs_there(worker: Worker) -> int:
    return len(await worker.database.read(lambda tx: tx.all("test.job_rows")))
