"""Stops of running jobs, on both databases: the rows after a cancel with `include_running`, and what may follow."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from msgspec import structs
from tests import make
from tests.storage.verbs import LEASE, Verbs

from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Accepted, Attempt, AttemptPage, Done, Failed, Lease, NewArtifact, Report, Stale
from enginehouse.storage import artifacts, consistency
from enginehouse.storage import attempts as storage_attempts
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import cancellation, stops
from enginehouse.storage.work import leases as work_leases

RUNNING, ABORTED, COMPLETE = TaskStatus.RUNNING, TaskStatus.ABORTED, TaskStatus.COMPLETE


class Stopping(Verbs):
    """The verbs, and those that stop."""

    async def stop(self, job_id: int, *, organization_id: int = make.ORGANIZATION) -> cancellation.CancelOutcome | None:
        [verdict] = await self.database.write_work(
            lambda tx: cancellation.cancel(tx, [(job_id, organization_id)], include_running=True)
        )
        return verdict

    async def signalled(self, *leases: Lease) -> None:
        told = [(lease.key, lease.token) for lease in leases]
        await self.database.write(lambda tx: stops.signalled(tx, told))

    async def heartbeat(self, *leases: Lease) -> list[bool]:
        held = [(lease.key, lease.token) for lease in leases]
        kept = await self.database.write(lambda tx: work_leases.heartbeat(tx, held, lease_micros=LEASE))
        return [kept[key] for key in held]

    async def attempts(self, job_id: int, ordinal: int = 0) -> list[Attempt]:
        page = AttemptPage(job_id, ordinal, 0, 1_000)
        found = await self.database.read(lambda tx: storage_attempts.attempts(tx, make.ORGANIZATION, [page]))
        return found.get(page, [])

    async def times(self) -> list[tuple[bool, bool]]:
        """For each item, whether a stop was requested and whether its engine got the signal."""
        return [(row[0] is not None, row[1] is not None) for row in await self.rows("test.stop_times")]

    async def sound(self) -> None:
        """No stored status contradicts its tasks."""
        looked, found = await self.database.read(consistency.check_jobs)
        assert looked > 0
        assert found == []


@pytest.fixture
def bench(database: Database, own_statements: None) -> Stopping:
    return Stopping(database)


def stopped(lease: Lease) -> Report:
    return Report(lease.key, lease.token, Failed(FailureKind.STOP_REQUESTED, "stopped"))


def done(lease: Lease, outputs: Sequence[NewArtifact] = ()) -> Report:
    return Report(lease.key, lease.token, Done(tuple(outputs)))


async def test_what_runs_is_asked_to_stop_and_the_rest_never_starts(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(3)))
    [first, second] = await bench.claim(2)
    before = await bench.job(job_id)
    assert await bench.stop(job_id) == cancellation.CancelOutcome(
        JobStatus.RUNNING, done=True, refused=False, stopping=2
    )
    assert await bench.claim() == []
    job = await bench.job(job_id)
    assert (job.status, job.stopping, job.aborted_at) == (JobStatus.RUNNING, 2, None)
    assert job.stop_requested_at is not None
    assert job.stop_requested_at > before.created_at
    assert [task.status for task in job.tasks] == [RUNNING, RUNNING, ABORTED]
    assert job.tasks[2].aborted_at == job.stop_requested_at
    assert await bench.counts() == {"running": 1}
    assert [row[2] for row in await bench.rows("test.item_rows")] == [0, 0], "what had not started has no item"
    assert await bench.heartbeat(first, second) == [True, True]
    await bench.sound()


async def test_the_job_is_aborted_when_the_last_attempt_has_ended_and_not_before(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(3)))
    [first, second] = await bench.claim(2)
    await bench.stop(job_id)
    assert await bench.finish(stopped(first)) == [Accepted(job_ended=False)]
    half = await bench.job(job_id)
    assert (half.status, half.stopping, half.aborted_at) == (JobStatus.RUNNING, 1, None)
    assert [task.status for task in half.tasks] == [ABORTED, RUNNING, ABORTED]
    await bench.sound()
    assert await bench.finish(stopped(second)) == [Accepted(job_ended=True)]
    job = await bench.job(job_id)
    assert (job.status, job.stopping, job.completed_at) == (JobStatus.ABORTED, 0, None)
    assert job.aborted_at is not None
    assert job.aborted_at > (job.stop_requested_at or 0)
    assert job.tasks[1].aborted_at == job.aborted_at
    assert [task.status for task in job.tasks] == [ABORTED] * 3
    assert await bench.counts() == {"aborted": 1}
    await bench.sound()


async def test_several_ends_in_one_transaction_are_counted_once_each(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(3)))
    leases = await bench.claim()
    await bench.stop(job_id)
    answers = await bench.finish(*map(stopped, leases))
    assert answers[2] == Accepted(job_ended=True)
    assert (await bench.job(job_id)).stopping == 0
    assert await bench.finish(stopped(leases[0])) == [Stale()]
    await bench.sound()


async def test_each_attempt_keeps_when_it_was_asked_told_and_had_stopped(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    [lease] = await bench.claim()
    await bench.stop(job_id)
    await bench.signalled(lease)
    await bench.finish(stopped(lease))
    [attempt] = await bench.attempts(job_id)
    assert (attempt.outcome, attempt.failure_reason) == ("stopped", "stop_requested")
    assert attempt.stop_requested_at == (await bench.job(job_id)).stop_requested_at
    assert attempt.stop_signalled_at is not None
    moments = (attempt.started_at, attempt.stop_requested_at, attempt.stop_signalled_at, attempt.ended_at)
    assert all(before < after for before, after in pairwise(each or 0 for each in moments))
    said = [(row[0], row[1]) for row in await bench.rows("test.told")]
    assert said[said.index((-1, "stop_requested")) :] == [
        (-1, "stop_requested"),
        (0, "stop_signalled"),
        (0, "stopped"),
        (0, "aborted"),
        (-1, "aborted"),
    ]


async def test_a_signal_is_recorded_once_and_only_for_what_is_to_stop(bench: Stopping) -> None:
    await bench.create(make.new_job(make.independent(1)), make.new_job(make.independent(1)))
    [lease, other] = await bench.claim()
    await bench.stop(lease.key.job_id)
    stale = Lease(**{name: getattr(lease, name) for name in lease.__struct_fields__} | {"token": lease.token + 99})
    await bench.signalled(stale, other)
    assert await bench.times() == [(True, False), (False, False)]
    await bench.signalled(lease, other)
    assert await bench.times() == [(True, True), (False, False)]
    before = await bench.rows("test.stop_times")
    await bench.signalled(lease)
    assert await bench.rows("test.stop_times") == before


async def test_a_stop_that_was_quicker_than_word_of_its_signal_has_all_its_times(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    [lease] = await bench.claim()
    await bench.stop(job_id)
    await bench.finish(stopped(lease))
    [attempt] = await bench.attempts(job_id)
    assert (attempt.stop_requested_at or 0) < (attempt.stop_signalled_at or 0) <= (attempt.ended_at or 0)


async def test_a_late_result_is_refused_and_recorded(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.fan_out(2)))
    [ingest] = await bench.claim()
    await bench.stop(job_id)
    assert await bench.finish(done(ingest, make.outputs(0, 1))) == [Stale(job_ended=True)]
    [attempt] = await bench.attempts(job_id)
    assert (attempt.outcome, attempt.failure_reason) == ("stopped", "late_result")
    assert "refused" in (attempt.failure_message or "")
    assert attempt.stop_signalled_at is None
    assert await bench.database.read(lambda tx: artifacts.of_task(tx, make.ORGANIZATION, job_id, ordinal=0)) == ()
    assert await bench.claim() == []
    assert (await bench.job(job_id)).status is JobStatus.ABORTED
    await bench.sound()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FailureKind.INTERNAL_ERROR, "internal_error"),
        (FailureKind.WORKER_LOST, "worker_lost"),
        (FailureKind.SERVER_STOPPED, "server_stopped"),
        (FailureKind.STOP_REQUESTED, "stop_requested"),
    ],
)
async def test_however_an_attempt_of_a_cancelled_job_ends_nothing_follows(
    bench: Stopping, kind: FailureKind, reason: str
) -> None:
    [job_id] = await bench.create(make.new_job(make.chain(3, max_retries=5)))
    [lease] = await bench.claim()
    await bench.stop(job_id)
    assert await bench.fail(lease, kind) == Accepted(job_ended=True)
    assert [(ended.outcome, ended.failure_reason) for ended in await bench.attempts(job_id)] == [("stopped", reason)]
    assert await bench.rows("test.item_rows") == []
    assert await bench.statuses(job_id) == (JobStatus.ABORTED, [ABORTED] * 3)
    await bench.sound()


async def test_a_lease_that_runs_out_counts_as_stopped(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    [lease] = await bench.claim(lease=0)
    await bench.stop(job_id)
    late = await bench.database.read(lambda tx: work_leases.expired(tx, limit=10))
    assert [(key, token) for key, token, _ in late] == [(lease.key, lease.token)]
    await bench.fail(lease, FailureKind.WORKER_LOST)
    assert (await bench.job(job_id)).status is JobStatus.ABORTED


async def test_what_had_ended_before_keeps_its_result(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    [first, second] = await bench.claim()
    await bench.done(first, make.outputs(-1, 1))
    await bench.stop(job_id)
    await bench.finish(stopped(second))
    assert await bench.statuses(job_id) == (JobStatus.ABORTED, [COMPLETE, ABORTED])
    assert len(await bench.database.read(lambda tx: artifacts.of_task(tx, make.ORGANIZATION, job_id))) == 1
    await bench.sound()


async def test_chunks_of_one_task_stop_one_by_one(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.fan_out(1)))
    [ingest] = await bench.claim()
    await bench.done(ingest, make.outputs(0, 1))
    [split] = [lease for lease in await bench.claim() if lease.key.ordinal == 1]
    await bench.done(split, make.outputs(1, 4))
    leases = await bench.claim(3)
    assert {lease.key.ordinal for lease in leases} == {2}
    verdict = await bench.stop(job_id)
    assert verdict is not None
    assert verdict.stopping == 3
    for left, lease in zip((2, 1, 0), leases, strict=True):
        await bench.finish(stopped(lease))
        job = await bench.job(job_id)
        assert (job.stopping, job.tasks[2].status) == (left, RUNNING if left else ABORTED)
        await bench.sound()


async def test_without_the_flag_a_job_that_runs_is_refused_and_unchanged(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    [lease] = await bench.claim(1)
    before = await bench.job(job_id)
    assert await bench.cancel(job_id) == [cancellation.CancelOutcome(JobStatus.RUNNING, done=False, refused=True)]
    assert await bench.job(job_id) == before
    assert await bench.heartbeat(lease) == [False]


async def test_a_job_that_may_still_be_cancelled_is_aborted_at_once(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    assert await bench.stop(job_id) == cancellation.CancelOutcome(JobStatus.ABORTED, done=True, refused=False)
    job = await bench.job(job_id)
    assert (job.status, job.stop_requested_at, job.stopping) == (JobStatus.ABORTED, None, 0)


async def test_a_job_between_two_attempts_is_aborted_at_once(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    [lease] = await bench.claim(1)
    await bench.done(lease)
    assert await bench.stop(job_id) == cancellation.CancelOutcome(JobStatus.ABORTED, done=True, refused=False)
    job = await bench.job(job_id)
    assert (job.status, job.aborted_at, job.stopping) == (JobStatus.ABORTED, job.stop_requested_at, 0)
    assert await bench.statuses(job_id) == (JobStatus.ABORTED, [COMPLETE, ABORTED])
    await bench.sound()


async def test_an_ended_job_is_refused_and_an_aborted_one_is_cancelled_already(bench: Stopping) -> None:
    complete, cancelled = await bench.create(make.new_job(make.independent(1)), make.new_job(make.independent(1)))
    await bench.cancel(cancelled)
    [lease] = await bench.claim()
    await bench.done(lease)
    refused = await bench.stop(complete)
    assert refused is not None
    assert (refused.refused, refused.done, refused.status) == (True, False, JobStatus.COMPLETE)
    assert await bench.stop(cancelled) == cancellation.CancelOutcome(JobStatus.ABORTED, done=False, refused=False)


async def test_a_second_cancel_of_a_stopping_job_changes_nothing(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    await bench.claim()
    first = await bench.stop(job_id)
    assert first is not None
    before = await bench.job(job_id)
    assert await bench.stop(job_id) == structs.replace(first, done=False)
    assert await bench.cancel(job_id) == [structs.replace(first, done=False)]
    assert await bench.job(job_id) == before


async def test_a_foreign_job_is_unknown_and_untouched(bench: Stopping) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    [lease] = await bench.claim()
    assert await bench.stop(job_id, organization_id=2) is None
    assert await bench.heartbeat(lease) == [False]
    assert (await bench.job(job_id)).status is JobStatus.RUNNING


async def test_a_batch_is_stopped_together_and_each_job_is_told_its_own_number(bench: Stopping) -> None:
    ids = await bench.create(*(make.new_job(make.independent(n)) for n in (1, 2, 3)))
    await bench.claim(5)
    verdicts = await bench.database.write_work(
        lambda tx: cancellation.cancel(tx, [(job_id, make.ORGANIZATION) for job_id in ids], include_running=True)
    )
    assert [verdict and verdict.stopping for verdict in verdicts] == [1, 2, 2]
    assert await bench.counts() == {"running": 3}
    assert await bench.claim() == []
    await bench.sound()
