"""Jobs that are kept as they were read: read whole once, read again after a change, and bounded by bytes.

The walks in test_invariants, and every test of storage that reads a job, also check that each change is seen.
"""

import pytest
from tests import make
from tests.storage.verbs import Verbs

from enginehouse.domain.job import Job
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import queries
from enginehouse.storage.jobs.views import JobViews


@pytest.fixture
def verbs(database: Database) -> Verbs:
    return Verbs(database)


async def read(verbs: Verbs, ids: list[int], views: JobViews, organization_id: int = make.ORGANIZATION) -> list[Job]:
    found = await verbs.database.read(lambda tx: queries.by_ids(tx, organization_id, ids, views))
    return [found[job_id] for job_id in ids if job_id in found]


async def test_only_a_job_that_has_changed_is_read_whole_again(verbs: Verbs) -> None:
    views, ids = JobViews(), await verbs.create(*[make.new_job(make.independent(2)) for _ in range(3)])
    before = await read(verbs, ids, views)
    await verbs.cancel(ids[1])
    after = await read(verbs, ids, views)
    assert [new is old for new, old in zip(after, before, strict=True)] == [True, False, True]
    assert after[1] == await verbs.job(ids[1])
    assert after[1] != before[1]


async def test_a_new_retry_of_a_job_is_seen(verbs: Verbs) -> None:
    views, [first] = JobViews(), await verbs.create(make.new_job(make.independent(1)))
    [lease] = await verbs.claim()
    await verbs.fail(lease)
    [failed] = await read(verbs, [first], views)
    [second] = await verbs.create(make.retried(failed))
    [retried] = await read(verbs, [first], views)
    assert (failed.retries, retried.retries) == ((), (second,))
    assert (await read(verbs, [first], views))[0] == retried


async def test_a_kept_job_is_not_found_by_another_organization(verbs: Verbs) -> None:
    views, [job_id] = JobViews(), await verbs.create(make.new_job(make.independent(1)))
    assert await read(verbs, [job_id], views)
    assert await read(verbs, [job_id], views, organization_id=2) == []


async def test_the_jobs_read_last_stay_within_their_bytes(verbs: Verbs) -> None:
    ids = await verbs.create(*[make.new_job(make.independent(1)) for _ in range(4)])
    measured = JobViews()
    await read(verbs, ids[:1], measured)
    views = JobViews(max_bytes=2 * measured.size)
    first, second = await read(verbs, ids[:2], views)
    assert (await read(verbs, ids[:1], views))[0] is first
    await read(verbs, ids[2:3], views)  # takes the place of the second, which was not read since
    assert views.size <= views.max_bytes
    assert (await read(verbs, ids[:1], views))[0] is first
    assert (await read(verbs, ids[1:2], views))[0] is not second
    small = JobViews(max_bytes=measured.size - 1)
    assert await read(verbs, ids[:1], small) == [first]
    assert small.size == 0


async def test_two_writes_of_one_microsecond_are_two_versions_on_postgresql(postgres_database: Database) -> None:
    verbs = Verbs(postgres_database)
    views, [job_id] = JobViews(), await verbs.create(make.new_job(make.independent(1)))

    async def write() -> Job:
        touched = {"id": job_id, "organization_id": make.ORGANIZATION, "now": make.NOW}
        await verbs.database.write(lambda tx: tx.run("task_deletion.touch", **touched))
        return (await read(verbs, [job_id], views))[0]

    first, second = await write(), await write()
    assert (first.modified_at, first) == (second.modified_at, second)
    assert first is not second
