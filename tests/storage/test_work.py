"""Create, claim, finish, cancel on both databases: what must be true after each."""

import pytest
from tests import make
from tests.storage.verbs import LEASE, Verbs

from enginehouse.domain.artifact import log_key
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Accepted, ItemKey, Lease, Stale
from enginehouse.storage import artifacts
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import cancellation, deletion
from enginehouse.storage.work import claims, job_locks, leases


@pytest.fixture
def bench(database: Database, own_statements: None) -> Verbs:
    return Verbs(database)


async def test_a_created_job_is_whole_and_pending(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.fan_out(3)))
    status, tasks = await bench.statuses(job_id)
    assert status is JobStatus.PENDING
    assert tasks == [TaskStatus.PENDING] * 6
    assert await bench.counts() == {"pending": 1}


async def test_the_fan_out_runs_to_its_end(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.fan_out(3)))
    [ingest] = await bench.claim()
    assert ingest.key.ordinal == 0
    await bench.done(ingest, make.outputs(0, 1))
    [split] = await bench.claim()
    answer = await bench.done(split, make.outputs(1, 4))
    assert isinstance(answer, Accepted)
    assert answer.runnable == 12
    readers = await bench.claim()
    assert make.ordinals(readers) == sorted([2, 3, 4] * 4)
    assert {(lease.source.ordinal, lease.source.part) for lease in readers} == {(1, n) for n in range(4)}
    for lease in readers:
        await bench.done(lease, make.outputs(1, 1))
    [writer] = await bench.claim()
    assert writer.key.ordinal == 5
    assert (await bench.statuses(job_id))[0] is JobStatus.RUNNING
    answer = await bench.done(writer, make.outputs(-1, 1))
    assert isinstance(answer, Accepted)
    assert answer.job_ended
    assert await bench.statuses(job_id) == (JobStatus.COMPLETE, [TaskStatus.COMPLETE] * 6)
    assert await bench.counts() == {"complete": 1}
    assert await bench.claim() == []


async def test_zero_chunks_complete_the_readers_and_release_the_writer(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.fan_out(2)))
    [ingest] = await bench.claim()
    await bench.done(ingest, make.outputs(0, 1))
    [split] = await bench.claim()
    await bench.done(split)
    [writer] = await bench.claim()
    assert writer.key.ordinal == 4
    await bench.done(writer)
    assert (await bench.statuses(job_id))[0] is JobStatus.COMPLETE


async def test_a_failure_for_good_aborts_what_depends_on_it(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.chain(4)))
    [ingest] = await bench.claim()
    await bench.done(ingest, make.outputs(0, 1))
    [second] = await bench.claim()
    await bench.fail(second)
    job = await bench.job(job_id)
    assert job.status is JobStatus.FAILED
    assert [task.status.value for task in job.tasks] == ["complete", "failed", "aborted", "aborted"]
    assert job.tasks[1].failure_reason == "invalid_data"
    assert job.tasks[2].failure_reason == "parent_failed"


async def test_one_given_up_chunk_fails_the_task_and_fences_the_others(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.fan_out(1)))
    [ingest] = await bench.claim()
    await bench.done(ingest, make.outputs(0, 1))
    [split] = await bench.claim()
    await bench.done(split, make.outputs(1, 3))
    first, second, third = await bench.claim()
    await bench.fail(first)
    assert await bench.done(second) == Stale()
    assert await bench.done(third) == Stale()
    status, tasks = await bench.statuses(job_id)
    assert status is JobStatus.FAILED
    assert [task.value for task in tasks] == ["complete", "complete", "failed", "aborted"]


async def test_a_failed_attempt_is_tried_again_and_the_job_may_be_cancelled_meanwhile(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    [lease] = await bench.claim()
    answer = await bench.fail(lease, FailureKind.INTERNAL_ERROR)
    assert isinstance(answer, Accepted)
    assert answer.again_at is not None
    assert await bench.statuses(job_id) == (JobStatus.RUNNING, [TaskStatus.PENDING])
    assert await bench.claim() == []
    [verdict] = await bench.cancel(job_id)
    assert verdict is not None
    assert verdict.done
    assert await bench.statuses(job_id) == (JobStatus.ABORTED, [TaskStatus.ABORTED])


async def test_three_tries_in_all_by_default_and_n_plus_one_when_asked(bench: Verbs) -> None:
    for retries, tries in ((None, 3), (0, 1), (1, 2)):
        [job_id] = await bench.create(make.new_job(make.independent(1, max_retries=retries)))
        seen = 0
        while (await bench.job(job_id)).status is not JobStatus.FAILED:
            await bench.database.write(lambda tx: tx.run("test.all_due"))
            [lease] = await bench.claim()
            await bench.fail(lease, FailureKind.INTERNAL_ERROR)
            seen += 1
        assert seen == tries


async def test_a_vanished_worker_is_charged_apart_and_the_third_time_the_item_is_given_up(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1, max_retries=0)))
    for _ in range(3):
        [lease] = await bench.claim()
        await bench.fail(lease, FailureKind.WORKER_LOST)
    job = await bench.job(job_id)
    assert job.status is JobStatus.FAILED
    assert job.tasks[0].failure_reason == "worker_lost"


@pytest.mark.parametrize("kind", [FailureKind.SERVER_STOPPED, FailureKind.NOT_STARTED])
async def test_what_the_worker_gives_back_is_charged_to_nobody(bench: Verbs, kind: FailureKind) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1, max_retries=0)))
    for _ in range(5):
        [lease] = await bench.claim()
        await bench.fail(lease, kind)
    [lease] = await bench.claim()
    await bench.done(lease)
    assert (await bench.job(job_id)).status is JobStatus.COMPLETE


async def test_a_stale_token_changes_nothing(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    [first] = await bench.claim(lease=0)
    expired = await bench.database.read(lambda tx: leases.expired(tx, limit=10))
    assert expired == [(first.key, first.token, "w")]
    await bench.fail(first, FailureKind.WORKER_LOST)
    [second] = await bench.claim()
    assert second.token > first.token
    before = await bench.job(job_id)
    assert await bench.done(first, make.outputs(-1, 1)) == Stale()
    assert await bench.fail(first) == Stale()
    held = await bench.database.write(lambda tx: leases.heartbeat(tx, [(first.key, first.token)], lease_micros=LEASE))
    assert held == {}
    assert await bench.job(job_id) == before
    assert await bench.database.read(lambda tx: artifacts.of_task(tx, make.ORGANIZATION, job_id)) == ()
    assert isinstance(await bench.done(second), Accepted)
    assert await bench.done(second) == Stale()


async def test_an_item_that_is_leased_or_not_allowed_is_not_leased_whatever_was_read_before(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    [taken] = await bench.claim(1)
    free = ItemKey(job_id, 1 - taken.key.ordinal, taken.key.item)

    async def lease(tx: Tx, key: ItemKey, token_id: str | None) -> list[Lease]:
        jobs = await job_locks.lock(tx, [job_id])
        loaded = await bench.plans.load(tx, job_locks.revisions(jobs.values()))
        return await claims.lease(tx, [key], jobs, loaded, workers={key: "other"}, until=LEASE, token_id=token_id)

    async def leased(key: ItemKey, token_id: str | None = None) -> list[ItemKey]:
        return [one.key for one in await bench.database.write_work(lambda tx: lease(tx, key, token_id))]

    assert await leased(taken.key) == []
    assert await leased(free, "a token that is gone") == []
    assert isinstance(await bench.done(taken), Accepted), "its lease holds"
    assert await leased(free) == [free]


async def test_a_heartbeat_moves_the_end_of_a_lease(bench: Verbs) -> None:
    await bench.create(make.new_job(make.independent(1)))
    [lease] = await bench.claim(lease=0)
    held = await bench.database.write(lambda tx: leases.heartbeat(tx, [(lease.key, lease.token)], lease_micros=LEASE))
    assert held == {(lease.key, lease.token): False}
    assert await bench.database.read(lambda tx: leases.expired(tx, limit=10)) == []


async def test_cancel_before_any_start_leaves_nothing_to_claim(bench: Verbs) -> None:
    [job_id, other] = await bench.create(make.new_job(make.independent(3)), make.new_job(make.independent(1)))
    [verdict] = await bench.cancel(job_id)
    assert verdict == cancellation.CancelOutcome(JobStatus.ABORTED, done=True, refused=False)
    assert {lease.key.job_id for lease in await bench.claim()} == {other}
    job = await bench.job(job_id)
    assert job.aborted_at is not None
    assert {task.status for task in job.tasks} == {TaskStatus.ABORTED}
    assert {task.aborted_at for task in job.tasks} == {job.aborted_at}


async def test_cancel_again_succeeds_and_changes_nothing(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    answers = await bench.cancel(job_id, job_id)
    assert [answer.done for answer in answers if answer] == [True, False]
    before = await bench.job(job_id)
    [again] = await bench.cancel(job_id)
    assert again is not None
    assert (again.done, again.refused) == (False, False)
    assert await bench.job(job_id) == before


async def test_cancel_after_a_start_is_refused(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    [lease] = await bench.claim(limit=1)
    [verdict] = await bench.cancel(job_id)
    assert verdict is not None
    assert verdict.refused
    await bench.done(lease)
    [verdict] = await bench.cancel(job_id)
    assert verdict is not None
    assert verdict.refused


async def test_a_foreign_job_is_not_there_to_cancel(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    assert await bench.cancel(job_id, organization_id=2) == [None]
    assert await bench.cancel(12345) == [None]
    assert (await bench.job(job_id)).status is JobStatus.PENDING


async def test_an_open_barrier_keeps_covered_jobs_from_starting_and_no_others(bench: Verbs) -> None:
    [covered] = await bench.create(make.new_job(make.independent(1)))

    everything = barriers.JobRange(organization_id=make.ORGANIZATION, created_from=0, created_to=2**62)
    await bench.database.write(lambda tx: barriers.accept(tx, everything, include_running=False, created_by=None))
    [later] = await bench.create(make.new_job(make.independent(1)))
    assert [lease.key.job_id for lease in await bench.claim()] == [later]
    assert (await bench.job(covered)).status is JobStatus.ABORTED


async def test_a_standby_runs_only_when_its_principal_fails_and_takes_its_place(bench: Verbs) -> None:
    request = JobRequest(tasks=(TaskRequest(engine_id="noop", standby=TaskRequest(engine_id="noop")),))
    [needed, spared] = await bench.create(make.new_job(request), make.new_job(request))
    for lease in await bench.claim():
        assert lease.key.ordinal == 0
        if lease.key.job_id == needed:
            await bench.fail(lease)
        else:
            await bench.done(lease)
    status, tasks = await bench.statuses(spared)
    assert status is JobStatus.COMPLETE
    assert tasks == [TaskStatus.COMPLETE, TaskStatus.ABORTED]
    [standby] = await bench.claim()
    assert standby.key[:2] == (needed, 1)
    await bench.done(standby)
    assert (await bench.job(needed)).status is JobStatus.COMPLETE


async def test_what_waits_for_a_slot_is_marked_queued(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    assert await bench.database.write(lambda tx: claims.mark_queued(tx, pool="native", limit=10)) == 2
    assert await bench.statuses(job_id) == (JobStatus.QUEUED, [TaskStatus.QUEUED] * 2)
    assert await bench.counts() == {"queued": 1}
    [verdict] = await bench.cancel(job_id)
    assert verdict is not None
    assert verdict.done


async def test_delete_leaves_no_row(bench: Verbs) -> None:
    [job_id] = await bench.create(make.new_job(make.chain(2)))
    [lease] = await bench.claim()
    await bench.done(lease, make.outputs(0, 1))
    assert await bench.database.write(lambda tx: deletion.delete(tx, [job_id], organization_id=2)) is None
    keys = await bench.database.write(lambda tx: deletion.delete(tx, [job_id], organization_id=make.ORGANIZATION))
    assert keys == ["k0", log_key(make.ORGANIZATION, *lease.key, lease.attempt)]
    assert await bench.counts() == {}
    assert await bench.claim() == []
