"""Tasks that a client puts back into the queue or aborts, on both databases: what must be true after each."""

from collections.abc import AsyncIterator

import pytest
from tests import make
from tests.storage.verbs import Verbs

from enginehouse.domain.errors import Fault, InvalidInput
from enginehouse.domain.event import EventKind
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Lease, Stale
from enginehouse.storage import consistency, events, limits
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import JobRange
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import cancellation, status_check, task_deletion
from enginehouse.storage.jobs.reuse import SourceGone
from enginehouse.storage.work import claims, task_statuses
from enginehouse.storage.work.task_statuses import NamedTask, StatusesOutcome

PENDING, RUNNING, COMPLETE = TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.COMPLETE
FAILED, ABORTED, STANDBY = TaskStatus.FAILED, TaskStatus.ABORTED, TaskStatus.STANDBY_PENDING


class Bench(Verbs):
    """The verbs, and changes of statuses."""

    async def put_back(
        self, *tasks: tuple[int, int], organization_id: int = make.ORGANIZATION, **more: object
    ) -> StatusesOutcome:
        asked = [NamedTask(*task, f"taskIDs[{n}]", str(task)) for n, task in enumerate(tasks)]
        return await self.database.write_work(
            lambda tx: task_statuses.put_back(tx, self.plans, organization_id, asked, **more)  # type: ignore[arg-type]
        )

    async def abort(self, *tasks: tuple[int, int]) -> StatusesOutcome:
        asked = [NamedTask(*task, f"taskIDs[{n}]", str(task)) for n, task in enumerate(tasks)]
        return await self.database.write_work(lambda tx: task_statuses.abort(tx, self.plans, make.ORGANIZATION, asked))

    async def refused(self, *tasks: tuple[int, int], organization_id: int = make.ORGANIZATION) -> list[str]:
        with pytest.raises(InvalidInput) as refused:
            await self.put_back(*tasks, organization_id=organization_id)
        return [problem.message for problem in refused.value.problems]

    async def claim_one(self) -> Lease:
        [lease] = await self.claim()
        return lease

    async def history(self, job_id: int) -> list[tuple[int | None, EventKind]]:
        [head] = (await self.database.read(lambda tx: events.heads(tx, [(job_id, make.ORGANIZATION)]))).values()
        told, _ = await self.database.read(lambda tx: events.page(tx, head, -1, 100))
        return [(event.ordinal, event.kind) for event in told]


@pytest.fixture
async def bench(database: Database, own_statements: None) -> Bench:
    return Bench(database)


@pytest.fixture(autouse=True)
async def consistent(bench: Bench) -> AsyncIterator[None]:
    """Every job of every test agrees with its tasks in the end."""
    yield
    _, found = await bench.database.read(consistency.check_jobs)
    assert found == []


async def test_a_failed_task_and_its_dependants_run_again_and_the_job_completes(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.chain(3)))
    await bench.done(await bench.claim_one(), make.outputs(0, 1))
    await bench.fail(await bench.claim_one())
    assert await bench.statuses(job_id) == (JobStatus.FAILED, [COMPLETE, FAILED, ABORTED])
    outcome = await bench.put_back((job_id, 1))
    assert outcome == StatusesOutcome(((job_id, 1), (job_id, 2)), runnable=1)
    assert await bench.statuses(job_id) == (JobStatus.RUNNING, [COMPLETE, PENDING, PENDING])
    assert await bench.counts() == {"running": 1}
    job = await bench.job(job_id)
    assert (job.completed_at, job.tasks[1].failure_reason, job.tasks[1].completed_at) == (None, None, None)
    assert (job.tasks[2].aborted_at, job.tasks[2].failure_reason) == (None, None)
    again = await bench.claim_one()
    assert (again.key.ordinal, again.attempt) == (1, 2)
    await bench.done(again, make.outputs(0, 1))
    assert (await bench.done(await bench.claim_one())).job_ended
    assert await bench.statuses(job_id) == (JobStatus.COMPLETE, [COMPLETE] * 3)
    assert await bench.counts() == {"complete": 1}
    told = await bench.history(job_id)
    first = told.index((1, EventKind.REQUEUED))
    assert told[first : first + 3] == [
        (1, EventKind.REQUEUED), (2, EventKind.REQUEUED), (None, EventKind.REQUEUED),
    ]  # fmt: skip


async def test_a_task_gets_all_its_tries_again(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1, max_retries=1)))
    for number in (1, 2, 3, 4):
        await bench.database.write(lambda tx: tx.run("test.all_due"))
        lease = await bench.claim_one()
        assert lease.attempt == number
        await bench.fail(lease, FailureKind.API_ERROR)
        if number == 2:
            assert (await bench.statuses(job_id))[0] is JobStatus.FAILED
            await bench.put_back((job_id, 0))
    assert (await bench.statuses(job_id))[0] is JobStatus.FAILED


async def test_chunks_are_worked_on_anew_and_what_came_of_them_is_gone(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.fan_out(1)))
    await bench.done(await bench.claim_one(), make.outputs(0, 1))
    await bench.done(await bench.claim_one(), make.outputs(1, 3))
    leases = await bench.claim()
    assert make.ordinals(leases) == [2, 2, 2]
    await bench.done(leases[0], make.outputs(1, 1))
    await bench.fail(leases[1])
    assert await bench.statuses(job_id) == (JobStatus.FAILED, [COMPLETE, COMPLETE, FAILED, ABORTED])
    outcome = await bench.put_back((job_id, 2))
    assert outcome.runnable == 3
    assert isinstance(await bench.done(leases[2], make.outputs(1, 1)), Stale)
    fresh = await bench.claim()
    assert [(lease.key.ordinal, lease.attempt) for lease in fresh] == [(2, 4)] * 3
    for lease in fresh:
        await bench.done(lease, make.outputs(1, 1))
    writer = await bench.claim_one()
    assert (writer.key.ordinal, writer.attempt) == (3, 1)
    assert (await bench.done(writer)).job_ended
    assert await bench.statuses(job_id) == (JobStatus.COMPLETE, [COMPLETE] * 4)


async def test_a_child_that_had_attempts_counts_on_when_its_parent_comes_again(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.fan_out(1, gather_first=True)))
    await bench.done(await bench.claim_one(), make.outputs(0, 1))
    await bench.done(await bench.claim_one(), make.outputs(1, 2))
    first, second = await bench.claim()
    await bench.done(first, make.outputs(1, 1))
    await bench.fail(second)
    await bench.put_back((job_id, 2))
    first, second = await bench.claim()
    await bench.fail(second)
    await bench.put_back((job_id, 2))
    assert {lease.attempt for lease in await bench.claim()} == {5}


async def test_a_dependant_with_another_parent_that_never_comes_stays_aborted(bench: Bench) -> None:
    tasks = (
        TaskRequest(engine_id="ingest", reference="a", folders=(make.folder("ao", "stream", "output"),)),
        TaskRequest(engine_id="ingest", reference="b", folders=(make.folder("bo", "stream", "output"),)),
        TaskRequest(
            engine_id="stream",
            reference="c",
            folders=(make.folder("c1", "stream", "input"), make.folder("c2", "stream", "input")),
        ),
    )
    [job_id] = await bench.create(
        make.new_job(JobRequest(tasks=tasks, routes=(make.route("ao", "c1"), make.route("bo", "c2"))))
    )
    for lease in await bench.claim():
        await bench.fail(lease)
    assert await bench.refused((job_id, 2)) == [
        'taskIDs[0]: waits for "a", which is failed; name that task too.',
    ]
    assert (await bench.put_back((job_id, 0))).tasks == ((job_id, 0),)
    await bench.done(await bench.claim_one(), make.outputs(0, 1))
    assert await bench.statuses(job_id) == (JobStatus.FAILED, [COMPLETE, FAILED, ABORTED])
    assert (await bench.put_back((job_id, 1), (job_id, 2))).tasks == ((job_id, 1), (job_id, 2))
    await bench.done(await bench.claim_one(), make.outputs(0, 1))
    await bench.done(await bench.claim_one())
    assert (await bench.statuses(job_id))[0] is JobStatus.COMPLETE


async def test_a_standby_stands_by_again_for_a_task_that_runs_again(bench: Bench) -> None:
    request = make.standby_chain()
    first = TaskRequest(engine_id="ingest", reference="z", folders=(make.folder("z", "stream", "output"),))
    principal = TaskRequest(
        engine_id="stream",
        reference="p",
        folders=(make.folder("p", "stream", "input"), make.folder("a", "stream", "output")),
        standby=TaskRequest(engine_id="stream", reference="s"),
    )
    routes = (make.route("z", "p"), *request.routes)
    [job_id] = await bench.create(make.new_job(JobRequest(tasks=(first, principal, request.tasks[1]), routes=routes)))
    plan = (await bench.job(job_id)).plan
    standby = next(n for n, task in enumerate(plan.tasks) if task.standby_for is not None)
    await bench.fail(await bench.claim_one())
    assert (await bench.statuses(job_id))[1][standby] is ABORTED
    assert await bench.refused((job_id, standby)) == [
        'taskIDs[0]: stands by for "p" and was not needed; name that task.'
    ]
    await bench.put_back((job_id, 0))
    assert (await bench.statuses(job_id))[1][standby] is STANDBY
    await bench.done(await bench.claim_one(), make.outputs(0, 1))
    await bench.fail(await bench.claim_one())
    lease = await bench.claim_one()
    assert lease.key.ordinal == standby
    await bench.fail(lease)
    assert (await bench.statuses(job_id))[0] is JobStatus.FAILED
    assert await bench.refused((job_id, 1)) == ['taskIDs[0]: its standby "s" has taken its place; name that task.']
    await bench.put_back((job_id, standby))
    await bench.done(await bench.claim_one(), make.outputs(0, 1))
    await bench.done(await bench.claim_one())
    assert (await bench.statuses(job_id))[0] is JobStatus.COMPLETE


async def test_every_task_that_cannot_run_again_is_named_and_nothing_changes(bench: Bench) -> None:
    one, other, cancelled = await bench.create(
        *(make.new_job(make.independent(3)) for _ in range(2)), make.new_job(make.independent(1))
    )
    await bench.cancel(cancelled)
    leases = [lease for lease in await bench.claim() if lease.key.job_id == one]
    await bench.done(leases[0])
    await bench.fail(leases[1])
    before = await bench.statuses(one), await bench.counts()
    assert await bench.refused((one, 0), (one, 1), (one, 2), (other, 9), (cancelled, 0), (other + 9, 0)) == [
        "taskIDs[0]: is complete; only tasks that failed or were aborted run again.",
        "taskIDs[2]: is running; only tasks that failed or were aborted run again.",
        f'taskIDs[3]: "({other}, 9)" was not found.',
        "taskIDs[4]: its job was cancelled; retryJob creates a new job that does the same.",
        f'taskIDs[5]: "({other + 9}, 0)" was not found.',
    ]
    assert await bench.refused((one, 1), organization_id=2) == [f'taskIDs[0]: "({one}, 1)" was not found.']
    assert (await bench.statuses(one), await bench.counts()) == before
    with pytest.raises(InvalidInput) as refused:
        await bench.put_back((one, 1), withdrawn={"noop"})
    assert refused.value.message == "taskIDs[0]: its engine is no longer available to your organization."
    assert refused.value.problems[0].fault is Fault.WRONG


async def test_a_task_that_waits_already_stays_as_it_is(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    assert await bench.put_back((job_id, 0)) == StatusesOutcome(())
    assert await bench.history(job_id) == [(None, EventKind.CREATED)]


async def test_a_paused_job_takes_its_task_back_and_does_not_start_it(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    lease, _ = await bench.claim()
    await bench.database.write(lambda tx: limits.pause_job(tx, make.ORGANIZATION, job_id))
    await bench.fail(lease)
    await bench.put_back((job_id, 0))
    assert await bench.claim() == []
    await bench.database.write(lambda tx: limits.resume_job(tx, make.ORGANIZATION, job_id))
    assert (await bench.claim_one()).key.ordinal == 0


async def test_a_job_that_runs_again_may_be_cancelled_and_a_bulk_cancel_of_before_does_not_cover_it(
    bench: Bench,
) -> None:
    one, other = await bench.create(*(make.new_job(make.independent(1)) for _ in range(2)))
    for lease in await bench.claim():
        await bench.fail(lease)
    everything = JobRange(organization_id=make.ORGANIZATION, created_from=0, created_to=2**62)
    await bench.database.write(lambda tx: barriers.accept(tx, everything, include_running=False, created_by=None))
    await bench.put_back((one, 0), (other, 0))
    [verdict] = await bench.cancel(one)
    assert verdict is not None
    assert verdict.done
    assert (await bench.claim_one()).key.job_id == other
    assert (await bench.refused((one, 0)))[0].startswith("taskIDs[0]: its job was cancelled;")


async def test_a_bulk_cancel_that_stops_everything_lets_nothing_run_again(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    await bench.fail(await bench.claim_one())
    everything = JobRange(organization_id=make.ORGANIZATION, created_from=0, created_to=2**62)
    await bench.database.write(lambda tx: barriers.accept(tx, everything, include_running=True, created_by=None))
    assert (await bench.refused((job_id, 0)))[0].startswith("taskIDs[0]: a bulk cancel of the time")


# -- aborts -------------------------------------------------------------------------------------------------


async def test_an_aborted_task_takes_its_dependants_with_it_and_the_job_fails(bench: Bench) -> None:
    request = make.chain(3)
    [job_id] = await bench.create(
        make.new_job(JobRequest(tasks=(*request.tasks, TaskRequest(engine_id="noop")), routes=request.routes))
    )
    first, lone = await bench.claim()
    outcome = await bench.abort((job_id, 1))
    assert outcome == StatusesOutcome(((job_id, 1), (job_id, 2)))
    assert [task.failure_reason for task in (await bench.job(job_id)).tasks[1:3]] == ["requested", "parent_failed"]
    await bench.done(lone)
    assert (await bench.done(first, make.outputs(0, 1))).job_ended
    assert await bench.statuses(job_id) == (JobStatus.FAILED, [COMPLETE, ABORTED, ABORTED, COMPLETE])
    assert await bench.abort((job_id, 1)) == StatusesOutcome(())
    await bench.put_back((job_id, 1))
    await bench.done(await bench.claim_one(), make.outputs(0, 1))
    await bench.done(await bench.claim_one())
    assert (await bench.statuses(job_id))[0] is JobStatus.COMPLETE


async def test_an_aborted_task_that_runs_is_fenced_and_the_last_one_ends_the_job(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    lease = await bench.claim_one()
    assert (await bench.abort((job_id, 0))).ended == (job_id,)
    assert isinstance(await bench.done(lease, make.outputs(-1, 1)), Stale)
    assert await bench.statuses(job_id) == (JobStatus.FAILED, [ABORTED])
    assert await bench.counts() == {"failed": 1}
    await bench.put_back((job_id, 0))
    again = await bench.claim_one()
    assert again.attempt == 2
    assert isinstance(await bench.done(lease), Stale)
    assert (await bench.done(again)).job_ended


async def test_a_job_that_never_started_waits_again(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    await bench.database.write_work(lambda tx: claims.mark_queued(tx, pool="native", limit=9))
    await bench.abort((job_id, 0))
    assert await bench.statuses(job_id) == (JobStatus.FAILED, [ABORTED])
    await bench.put_back((job_id, 0))
    assert await bench.statuses(job_id) == (JobStatus.PENDING, [PENDING])
    assert await bench.counts() == {"pending": 1}


async def test_what_has_ended_is_not_aborted(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    done, failed = await bench.claim()
    await bench.done(done)
    await bench.fail(failed)
    with pytest.raises(InvalidInput) as refused:
        await bench.abort((job_id, done.key.ordinal), (job_id, failed.key.ordinal))
    assert [problem.text.partition(";")[0] for problem in refused.value.problems] == ["is complete", "is failed"]


async def test_a_retry_does_not_reuse_a_task_that_was_deleted_meanwhile(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    done, failed = await bench.claim()
    await bench.done(done, make.outputs(-1, 1))
    await bench.fail(failed)
    retry = make.retried(await bench.job(job_id))
    ordinal = done.key.ordinal
    deletion = await bench.database.write_work(lambda tx: task_deletion.delete(tx, make.ORGANIZATION, job_id, ordinal))
    assert deletion is not None
    assert deletion.refused is None
    with pytest.raises(SourceGone):
        await bench.create(retry)
    assert make.retried(await bench.job(job_id)).reused == {}


# -- the check of a job -------------------------------------------------------------------------------------


async def _check(bench: Bench, job_id: int) -> tuple[JobStatus, bool] | None:
    return await bench.database.write_work(lambda tx: status_check.check(tx, bench.plans, make.ORGANIZATION, job_id))


@pytest.mark.parametrize("kind", ["fan-out", "standby", "cancelled", "stopping", "failed"])
async def test_a_check_of_a_sound_job_changes_nothing(bench: Bench, kind: str) -> None:
    request = make.standby_chain() if kind == "standby" else make.fan_out(2)
    [job_id] = await bench.create(make.new_job(request))
    if kind != "cancelled":
        lease = await bench.claim_one()
    match kind:
        case "cancelled":
            await bench.cancel(job_id)
        case "stopping":
            await bench.database.write_work(
                lambda tx: cancellation.cancel(tx, [(job_id, make.ORGANIZATION)], include_running=True)
            )
        case "failed" | "standby":
            await bench.fail(lease)
        case _:
            await bench.done(lease, make.outputs(0, 1))
    before = await bench.job(job_id), await bench.history(job_id)
    assert await _check(bench, job_id) == (before[0].status, False)
    assert (await bench.job(job_id), await bench.history(job_id)) == before
    assert await bench.database.write_work(lambda tx: status_check.check(tx, bench.plans, 2, job_id)) is None


async def test_a_check_mends_a_job_that_contradicts_its_tasks(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.chain(2)))
    await bench.done(await bench.claim_one(), make.outputs(0, 1))
    await bench.database.write(lambda tx: tx.run("test.miscount", id=job_id, status="running", failed=2))
    assert (await bench.database.read(consistency.check_jobs))[1]
    assert await _check(bench, job_id) == (JobStatus.RUNNING, True)
    assert await bench.statuses(job_id) == (JobStatus.RUNNING, [COMPLETE, PENDING])
    assert await bench.counts() == {"running": 1}
    assert await _check(bench, job_id) == (JobStatus.RUNNING, False)
