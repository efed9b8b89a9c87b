"""A retry with a concurrent cancel, stop or lost lease: the new job is whole, and the old job does not affect it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import make
from tests.storage.working import Worker
from tests.thorough import THOROUGH

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Failed
from enginehouse.operations.house import House
from enginehouse.storage import consistency
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import cancellation

JOBS = 150
RACES = 40 if THOROUGH else 15


@pytest.fixture
def worker(database: Database, own_statements: None, tmp_path: Path) -> Iterator[Worker]:
    store = DiskStore(tmp_path / "store")
    yield Worker(House.build(database, store))
    store.close()


async def _number(worker: Worker, statement: str) -> int:
    row = await worker.database.read(lambda tx: tx.one(f"test.{statement}"))
    assert row is not None
    return int(row[0])


async def test_a_retry_beside_a_cancel_and_a_claim(worker: Worker) -> None:
    """All three work on the same jobs: each job has one whole retry, and a cancelled job has not started."""
    old = await worker.create(*(make.new_job(make.independent(2)) for _ in range(JOBS)))
    retries = dict[int, int]()
    cancelled = set[int]()

    async def retry() -> None:
        for job_id in old:
            retries[job_id] = await worker.retry_whole(job_id)

    async def cancel() -> None:
        for job_id in reversed(old):
            [verdict] = await worker.cancel(job_id)
            if verdict is not None and verdict.done:
                cancelled.add(job_id)

    async def claim() -> None:
        for _ in range(JOBS):
            await worker.claim(1)

    await asyncio.gather(retry(), cancel(), claim())
    assert cancelled, "the cancels never won: the race says nothing"
    assert len(set(retries.values())) == JOBS
    assert await _number(worker, "starts_of_cancelled_jobs") == 0
    assert await _number(worker, "cancelled_jobs") == len(cancelled)
    for before, after in retries.items():
        job = await worker.job(after)
        assert (job.retry_of, len(job.tasks)) == (before, 2)
        assert job.status in (JobStatus.PENDING, JobStatus.RUNNING)
        assert ((await worker.job(before)).status is JobStatus.ABORTED) == (before in cancelled)
    assert await worker.database.read(consistency.check_jobs) == (2 * JOBS, [])


async def test_a_retry_beside_a_cancel_that_stops_what_runs(worker: Worker) -> None:
    """One task is complete, one failed, one is stopped meanwhile: the new job reuses the first and runs the rest."""
    for _ in range(RACES):
        [old] = await worker.create(make.new_job(make.independent(3)))
        first, second, third = await worker.claim()
        await worker.run(first)
        await worker.fail(second)
        retry = make.retried(await worker.job(old))
        [new], [verdict] = await asyncio.gather(
            worker.create(retry),
            worker.database.write_work(
                lambda tx, job=old: cancellation.cancel(tx, [(job, make.ORGANIZATION)], include_running=True)  # type: ignore[misc]
            ),
        )
        assert verdict is not None
        assert verdict.done
        await worker.finish(third, Failed(FailureKind.STOP_REQUESTED, "stopped"))
        assert (await worker.job(old)).status is JobStatus.ABORTED
        job = await worker.job(new)
        assert job.status is JobStatus.PENDING
        assert [task.status for task in job.tasks] == [TaskStatus.COMPLETE, TaskStatus.PENDING, TaskStatus.PENDING]
        assert [lease.key.ordinal for lease in await worker.work_off()] == [1, 2]
        assert (await worker.job(new)).status is JobStatus.COMPLETE


async def test_a_retry_beside_a_lost_lease(worker: Worker) -> None:
    """The old job's lost attempt may run again during the retry; both jobs run to their ends."""
    for _ in range(RACES):
        [old] = await worker.create(make.new_job(make.independent(1)))
        [lease] = await worker.claim()
        retry = make.retried(await worker.job(old), only_failed=False)
        [new], _ = await asyncio.gather(
            worker.create(retry), worker.finish(lease, Failed(FailureKind.WORKER_LOST, "gone"))
        )
        assert {lease.key.job_id for lease in await worker.work_off()} == {old, new}
        for job_id in (old, new):
            assert (await worker.job(job_id)).status is JobStatus.COMPLETE


async def test_two_retries_at_once_share_what_both_reuse(worker: Worker) -> None:
    for _ in range(RACES):
        [old] = await worker.create(make.new_job(make.chain(2)))
        await worker.work_off(fails=lambda lease: lease.key.ordinal == 1)
        retry = make.retried(await worker.job(old))
        [one], [other] = await asyncio.gather(worker.create(retry), worker.create(retry))
        [key] = {each.key for each in await worker.artifacts(old)}
        assert await worker.delete(old) == []
        removed, kept = await asyncio.gather(worker.delete(one), worker.delete(other))
        assert [*removed, *kept] == [key]
