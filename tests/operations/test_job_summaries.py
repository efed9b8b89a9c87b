"""A list says of a job what the job itself says, also while a bulk cancel is applied; on both databases."""

from typing import Any

import pytest
from msgspec import structs
from tests import make

from enginehouse.domain.job import Job, JobFilter
from enginehouse.domain.job_summary import JobSummary
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Done, Failed, Report
from enginehouse.operations import bulk_cancels, job_summaries, jobs, limits, overview, task_deletion, work
from enginehouse.operations.house import House
from enginehouse.storage.jobs import summaries

CALLER, STRANGER = make.principal(1), make.principal(2)
FAILED = Failed(FailureKind.INVALID_DATA, "bad", is_final=True)
SIZES = (3, 2, 2, 1, 1, 1)


@pytest.fixture
async def filled(ready: House) -> House:
    """One job is complete but for a deleted task, one has failed, one runs, one is paused, one cancelled, one waits."""
    requests = [structs.replace(make.independent(size), name=f"job {n}") for n, size in enumerate(SIZES)]
    made = [each.job_id for each in await jobs.create(ready, CALLER, requests)]
    await jobs.create(ready, STRANGER, [make.independent(1)])
    await limits.pause_job(ready, CALLER, Ref.of(made[3]))
    await jobs.cancel(ready, CALLER, Ref.of(made[4]))
    for lease in await work.claim(ready, pool="native", limit=100, worker="w"):
        place = made.index(lease.key.job_id) if lease.key.job_id in made else len(made)
        if place < 2 or (place == 2 and lease.key.ordinal == 0):
            await work.finish(ready, Report(lease.key, lease.token, FAILED if place == 1 else Done(())))
    await task_deletion.delete(ready, CALLER, TaskRef.of(made[0], 1))
    [waits] = await jobs.create(ready, CALLER, [make.fan_out()])
    assert waits.job_id
    return ready


def said(job: Job) -> dict[str, Any]:
    """What a list must say of the job."""
    return {
        "id": job.id, "status": job.status, "name": job.plan.name, "created_at": job.created_at,
        "modified_at": job.modified_at, "started_at": job.started_at, "paused_at": job.paused_at,
        "tasks": len(job.shown), "complete": sum(task.status is TaskStatus.COMPLETE for task in job.shown),
        "engine_ids": tuple(sorted({task.plan.engine_id for task in job.shown})),
    }  # fmt: skip


def shown(summary: JobSummary, names: Any) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in names}


@pytest.mark.parametrize("covered", [False, True], ids=["", "while a bulk cancel is applied"])
async def test_it_says_what_the_job_says(filled: House, covered: bool) -> None:
    if covered:
        await bulk_cancels.cancel(filled, CALLER, created_from=0, created_to=2**57)
    for status in (None, *JobStatus):
        wanted = JobFilter(statuses=() if status is None else (status,))
        whole = await jobs.list_(filled, CALLER, wanted, with_count=True)
        page = await job_summaries.page(filled, CALLER, wanted)
        right = [said(job) for job in whole.jobs]
        assert [shown(job, right[0]) for job in page.jobs] == right
        assert page.count == whole.count
    assert {job.status for job in (await job_summaries.page(filled, STRANGER, JobFilter())).jobs} == {JobStatus.RUNNING}


@pytest.mark.parametrize("covered", [False, True], ids=["", "while a bulk cancel is applied"])
async def test_the_overview_has_the_first_jobs_of_each_list(filled: House, covered: bool) -> None:
    if covered:
        await bulk_cancels.cancel(filled, CALLER, created_from=0, created_to=2**57)
    await jobs.create(filled, CALLER, [make.independent(1)] * 6)
    found = await overview.now(filled, CALLER)
    waiting = JobFilter(statuses=(JobStatus.PENDING, JobStatus.QUEUED), descending=False, limit=5)
    lists = {
        found.oldest_waiting: waiting,
        found.running: JobFilter(statuses=(JobStatus.RUNNING,), limit=5),
        found.failed: JobFilter(statuses=(JobStatus.FAILED,), order_by="modified_at", limit=5),
    }
    for page, filter_ in lists.items():
        assert [job.id for job in page] == [job.id for job in (await jobs.list_(filled, CALLER, filter_)).jobs]
    assert len(found.oldest_waiting) == 5
    assert (found.running, found.failed) != ((), ())


async def test_a_job_of_another_organization_has_no_line(filled: House) -> None:
    [own] = (await jobs.list_(filled, STRANGER, JobFilter())).jobs
    foreign = [job.id for job in (await jobs.list_(filled, CALLER, JobFilter())).jobs]
    found = await filled.database.read(lambda tx: summaries.by_ids(tx, STRANGER.organization_id, [own.id, *foreign]))
    assert list(found) == [own.id]
