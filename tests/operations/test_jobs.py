"""The operations on jobs: their guarantees, on both databases."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from uuid import uuid4

import pytest
from msgspec import structs
from tests import make

from enginehouse.domain.artifact import log_key
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, NotRetryable, PastCancelling, Refusal
from enginehouse.domain.identity import Role
from enginehouse.domain.job import JobFilter, JobRequest, TargetRequest, TaskRequest
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import Accepted, Done, Failed, Lease, Report, Stale
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import artifacts, attempts, engines, job_deletion, jobs, maintenance, targets, work
from enginehouse.operations.house import House
from enginehouse.operations.job_pages import JobPage
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage.database.database import Row
from enginehouse.storage.database.postgres_tx import PostgresTx

CALLER = make.principal()
STRANGER = make.principal(organization_id=2)


@pytest.fixture
async def ready(house: House) -> House:
    """A house that knows the engines of the builders."""
    specs = [structs.replace(spec, category_id=CATEGORIES[0].id) for spec in make.ENGINES.values()]
    await engines.register(house, specs, CATEGORIES)
    await organization(house)
    return house


async def organization(house: House, default_retries: int | None = None) -> int:
    made = await house.database.write(
        lambda tx: stored_organizations.create_organization(
            tx, name="one", application_id=str(uuid4()), default_retries=default_retries
        )
    )
    return made.id


async def refused(call: Awaitable[object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await call
    return caught.value


async def claim(house: House) -> list[Lease]:
    return await work.claim(house, pool="native", limit=100, worker="w")


async def test_create_answers_a_whole_pending_job(ready: House) -> None:
    [created] = await jobs.create(ready, CALLER, [make.fan_out(2)])
    job = await jobs.get(ready, CALLER, Ref.of(created.job_id))
    assert job.status is JobStatus.PENDING
    assert len(job.tasks) == 5
    assert job.plan == make.planned(make.fan_out(2))


async def test_many_jobs_are_created_in_order_or_not_at_all(ready: House) -> None:
    created = await jobs.create(ready, CALLER, [make.independent(n + 1) for n in range(5)])
    found = [await jobs.get(ready, CALLER, Ref.of(each.job_id)) for each in created]
    assert [len(job.tasks) for job in found] == [1, 2, 3, 4, 5]
    good, bad = make.independent(1), structs.replace(make.independent(1), tasks=(), prefix="jobs[1].")
    error = await refused(jobs.create(ready, CALLER, [good, bad]))
    assert isinstance(error, InvalidInput)
    assert error.problems[0].path == "jobs[1].tasks"
    page = await jobs.list_(ready, CALLER, JobFilter(), with_count=True)
    assert page.count == 5


async def test_jobs_of_one_shape_keep_their_own_payloads(ready: House) -> None:
    payloads = [None, {"n": 1}, None, {"n": 2}]
    requests = [JobRequest(tasks=(TaskRequest(engine_id="noop", payload=payload),) * 2) for payload in payloads]
    made = await jobs.create(ready, make.principal(), requests)
    ready.plans.max_bytes = 0  # so that they are read from storage
    found = await jobs.get_many(ready, make.principal(), [one.job_id for one in made])
    assert [[task.payload for task in found[one.job_id].plan.tasks] for one in made] == [
        [each] * 2 for each in payloads
    ]


async def test_a_described_target_is_made_with_the_job(ready: House) -> None:
    request = structs.replace(make.independent(1), target=TargetRequest(name="harbour"))
    [created] = await jobs.create(ready, CALLER, [request])
    assert created.target_id is not None
    target = await targets.get(ready, CALLER, Ref.of(created.target_id))
    assert target.name == "harbour"
    assert (await jobs.get(ready, CALLER, Ref.of(created.job_id))).target_id == created.target_id


async def test_a_job_that_is_refused_leaves_no_target(ready: House) -> None:
    request = JobRequest(tasks=(TaskRequest(engine_id="nowhere"),), target=TargetRequest(name="harbour"))
    await refused(jobs.create(ready, CALLER, [request]))
    assert await targets.list_(ready, CALLER) == []


async def test_foreign_and_unknown_jobs_look_the_same(ready: House) -> None:
    [created] = await jobs.create(ready, CALLER, [make.independent(1)])
    for verb in (jobs.status, jobs.get, jobs.cancel, jobs.retry, job_deletion.delete, artifacts.of_job):
        foreign = await refused(verb(ready, STRANGER, Ref(created.job_id, "X")))
        unknown = await refused(verb(ready, STRANGER, Ref(12345, "X")))
        assert type(foreign) is type(unknown) is NotFound
        assert foreign.message == unknown.message == 'Job "X" was not found.'
    for task_verb in (jobs.task, artifacts.of_task, artifacts.logs, attempts.of_task):
        foreign = await refused(task_verb(ready, STRANGER, TaskRef(created.job_id, 0, "X")))
        unknown = await refused(task_verb(ready, STRANGER, TaskRef(12345, 0, "X")))
        assert type(foreign) is type(unknown) is NotFound
        assert foreign.message == unknown.message
    assert await jobs.get_many(ready, STRANGER, [created.job_id]) == {}
    assert (await jobs.list_(ready, STRANGER, JobFilter(), with_count=True)) == JobPage((), 0)
    assert await jobs.status(ready, CALLER, Ref.of(created.job_id)) is JobStatus.PENDING


@pytest.mark.parametrize("verb", ["create", "cancel", "retry", "delete"])
async def test_a_reader_changes_nothing(ready: House, verb: str) -> None:
    [created] = await jobs.create(ready, CALLER, [make.independent(1)])
    reader = make.principal(role=Role.READER)
    calls = {
        "create": jobs.create(ready, reader, [make.independent(1)]),
        "cancel": jobs.cancel(ready, reader, Ref.of(created.job_id)),
        "retry": jobs.retry(ready, reader, Ref.of(created.job_id)),
        "delete": job_deletion.delete(ready, reader, Ref.of(created.job_id)),
    }
    chosen = calls.pop(verb)
    for other in calls.values():
        other.close()
    assert isinstance(await refused(chosen), NotAllowed)
    assert await jobs.status(ready, reader, Ref.of(created.job_id)) is JobStatus.PENDING


async def test_cancel_counts_once(ready: House) -> None:
    [created] = await jobs.create(ready, CALLER, [make.independent(2)])
    assert await jobs.cancel(ready, CALLER, Ref.of(created.job_id)) == jobs.CancelAnswer(1, JobStatus.ABORTED)
    assert await jobs.cancel(ready, CALLER, Ref.of(created.job_id)) == jobs.CancelAnswer(0, JobStatus.ABORTED)
    assert await claim(ready) == []


async def test_cancel_past_the_point_names_the_status(ready: House) -> None:
    [running, ended] = await jobs.create(ready, CALLER, [make.independent(1), make.independent(1)])
    for lease in await claim(ready):
        if lease.key.job_id == ended.job_id:
            await work.finish(ready, Report(lease.key, lease.token, Done()))
    error = await refused(jobs.cancel(ready, CALLER, Ref.of(running.job_id)))
    assert isinstance(error, PastCancelling)
    assert "running" in error.message
    error = await refused(jobs.cancel(ready, CALLER, Ref.of(ended.job_id)))
    assert isinstance(error, PastCancelling)
    assert "complete" in error.message


async def test_retry_is_a_new_job_and_the_old_one_is_untouched(ready: House) -> None:
    request = structs.replace(make.fan_out(2), target=TargetRequest(name="harbour"), due_at=make.NOW - 10**12)
    [created] = await jobs.create(ready, CALLER, [request])
    await jobs.cancel(ready, CALLER, Ref.of(created.job_id))
    old = await jobs.get(ready, CALLER, Ref.of(created.job_id))
    again = await jobs.retry(ready, CALLER, Ref.of(created.job_id))
    new = await jobs.get(ready, CALLER, Ref.of(again.job_id))
    assert new.id != old.id
    assert (new.plan, new.target_id, new.due_at) == (old.plan, old.target_id, old.due_at)
    assert (new.retry_of, new.status) == (old.id, JobStatus.PENDING)
    after = await jobs.get(ready, CALLER, Ref.of(created.job_id))
    assert after == structs.replace(old, retries=(new.id,))


async def test_a_live_job_may_be_retried_and_runs_on(ready: House) -> None:
    [created] = await jobs.create(ready, CALLER, [make.independent(1)])
    [lease] = await claim(ready)
    again = await jobs.retry(ready, CALLER, Ref.of(created.job_id))
    assert again.job_id != created.job_id
    assert isinstance(await work.finish(ready, Report(lease.key, lease.token, Done())), Accepted)
    assert await jobs.status(ready, CALLER, Ref.of(created.job_id)) is JobStatus.COMPLETE


async def test_a_complete_job_is_not_retried(ready: House) -> None:
    [created] = await jobs.create(ready, CALLER, [make.independent(1)])
    [lease] = await claim(ready)
    await work.finish(ready, Report(lease.key, lease.token, Done()))
    error = await refused(jobs.retry(ready, CALLER, Ref.of(created.job_id)))
    assert isinstance(error, NotRetryable)
    assert "complete" in error.message


async def test_delete_fences_what_still_runs(ready: House) -> None:
    [created] = await jobs.create(ready, CALLER, [make.independent(1)])
    [lease] = await claim(ready)
    stopped: list[int] = []
    ready.listeners.cancelled = stopped.extend
    await job_deletion.delete(ready, CALLER, Ref.of(created.job_id))
    assert stopped == [created.job_id]
    assert await work.finish(ready, Report(lease.key, lease.token, Done())) == Stale()
    assert isinstance(await refused(jobs.status(ready, CALLER, Ref.of(created.job_id))), NotFound)


async def test_delete_takes_the_logs_of_every_attempt_along(ready: House) -> None:
    [created, other] = await jobs.create(ready, CALLER, [make.independent(1), make.independent(1)])
    leases = {lease.key.job_id: lease for lease in await claim(ready)}
    lease = leases[created.job_id]
    logs = [log_key(lease.organization_id, *each.key, each.attempt) for each in leases.values()]
    for key in logs:
        await ready.store.put(key, b"it said hello\n")
    await work.finish(ready, Report(lease.key, lease.token, Done()))
    await job_deletion.delete(ready, CALLER, Ref.of(created.job_id))
    kept = log_key(lease.organization_id, *leases[other.job_id].key, 1)
    assert await ready.store.missing(logs) == [key for key in logs if key != kept]
    await job_deletion.delete(ready, CALLER, Ref.of(other.job_id))  # its attempt runs still
    assert await ready.store.missing(logs) == logs


async def test_lists_filter_order_and_page(ready: House) -> None:
    created = await jobs.create(ready, CALLER, [make.independent(1) for _ in range(7)])
    ids = [each.job_id for each in created]
    await jobs.cancel(ready, CALLER, Ref.of(ids[0]))
    await jobs.cancel(ready, CALLER, Ref.of(ids[3]))

    async def listed(**wanted: object) -> list[int]:
        page = await jobs.list_(ready, CALLER, JobFilter(**wanted))  # type: ignore[arg-type]
        return [ids.index(job.id) for job in page.jobs]

    assert await listed() == [6, 5, 4, 3, 2, 1, 0]
    assert await listed(limit=2, offset=1) == [5, 4]
    assert await listed(offset=99) == []
    assert await listed(statuses=(JobStatus.ABORTED,)) == [3, 0]
    assert await listed(statuses=(JobStatus.ABORTED, JobStatus.PENDING), limit=3) == [6, 5, 4]
    assert await listed(ids=(ids[2], ids[5])) == [5, 2]
    assert await listed(descending=False, limit=2) == [0, 1]
    assert await listed(order_by="modified_at", limit=2) == [3, 0]
    assert await listed(engine_ids=("noop",), limit=1) == [6]
    assert await listed(engine_ids=("write",)) == []
    assert await listed(has_target=True) == []
    at = (await jobs.get(ready, CALLER, Ref.of(ids[0]))).created_at
    assert len(await listed(created_from=at, created_to=at)) == 7
    assert await listed(created_from=at + 1) == []
    page = await jobs.list_(ready, CALLER, JobFilter(statuses=(JobStatus.ABORTED,), limit=1), with_count=True)
    assert page.count == 2
    page = await jobs.list_(ready, CALLER, JobFilter(engine_ids=("noop",), limit=1), with_count=True)
    assert page.count == 7
    assert isinstance(await refused(jobs.list_(ready, CALLER, JobFilter(limit=0))), InvalidInput)
    assert isinstance(await refused(jobs.list_(ready, CALLER, JobFilter(offset=-1))), InvalidInput)


async def test_expired_leases_run_again_and_are_accepted_once(ready: House) -> None:
    [created] = await jobs.create(ready, CALLER, [make.independent(1)])
    house = replace(ready, limits=replace(ready.limits, lease_seconds=0.0))
    [first] = await claim(house)
    assert await maintenance.expire_leases(ready) == 1
    [second] = await claim(ready)
    assert await work.finish(ready, Report(first.key, first.token, Done())) == Stale()
    assert isinstance(await work.finish(ready, Report(second.key, second.token, Done())), Accepted)
    history = await attempts.of_task(ready, CALLER, TaskRef.of(created.job_id, 0))
    assert [(attempt.number, attempt.outcome) for attempt in history] == [(1, "lost"), (2, "complete")]


async def test_the_lease_of_a_server_that_died_is_charged_to_nobody(ready: House) -> None:
    """This uses up neither its tries nor its allowed lost workers: the item runs again each time a server returns."""
    await jobs.create(ready, CALLER, [make.independent(1, max_retries=0)])
    dying = replace(ready, limits=replace(ready.limits, lease_seconds=0.0))
    for _ in range(5):
        assert len(await work.claim(dying, pool="native", limit=1, worker=f"{maintenance.SERVER}host:1")) == 1
        assert await maintenance.expire_leases(ready) == 1
    [lease] = await claim(ready)
    assert lease.attempt == 6
    assert isinstance(await work.finish(ready, Report(lease.key, lease.token, Done())), Accepted)


async def test_a_starting_embedded_server_releases_all_leases(ready: House) -> None:
    await jobs.create(ready, CALLER, [make.independent(5, max_retries=0)])
    assert len(await claim(ready)) == 5
    assert await maintenance.release_all_leases(ready, limit=2) == 5
    leases = await claim(ready)
    assert len(leases) == 5
    assert {lease.attempt for lease in leases} == {2}


async def test_retention_drops_what_ended_long_ago_and_nothing_else(ready: House) -> None:
    [ended, live, fresh] = await jobs.create(ready, CALLER, [make.independent(1) for _ in range(3)])
    await jobs.cancel(ready, CALLER, Ref.of(ended.job_id))
    job = await jobs.get(ready, CALLER, Ref.of(ended.job_id))
    keep = ready.limits.retention_seconds * 1_000_000
    assert await maintenance.prune(ready, now=job.modified_at + keep) == 0
    assert await maintenance.prune(ready, now=keep - 1) == 0, "a retention that is longer than there are ids"
    assert await maintenance.prune(ready, now=job.modified_at + keep + 60_000_000) == 1
    assert isinstance(await refused(jobs.status(ready, CALLER, Ref.of(ended.job_id))), NotFound)
    for each in (live, fresh):
        assert await jobs.status(ready, CALLER, Ref.of(each.job_id)) is JobStatus.PENDING


async def test_the_organizations_default_retries_count_where_the_task_says_nothing(ready: House) -> None:
    strict = make.principal(organization_id=await organization(ready, default_retries=0))
    [created] = await jobs.create(ready, strict, [make.independent(1)])
    [lease] = await claim(ready)
    await work.finish(ready, Report(lease.key, lease.token, Failed(FailureKind.INTERNAL_ERROR, "no")))
    assert await jobs.status(ready, strict, Ref.of(created.job_id)) is JobStatus.FAILED


async def test_a_waiting_writer_is_woken_by_what_makes_it_runnable(ready: House) -> None:
    woken: list[str] = []
    ready.listeners.runnable = lambda pools: woken.append("w")
    await jobs.create(ready, CALLER, [make.chain(2)])
    assert woken
    woken.clear()
    [lease] = await claim(ready)
    await work.finish(ready, Report(lease.key, lease.token, Done(make.outputs(0, 1))))
    assert woken


async def test_a_claim_may_begin_before_a_create_is_answered_and_finds_its_tasks(ready: House) -> None:
    claims = list[asyncio.Task[list[Lease]]]()
    ready.listeners.coming = lambda pools: claims.append(asyncio.create_task(claim(ready)))
    [created] = await jobs.create(ready, CALLER, [make.chain(2)])
    [leases] = await asyncio.gather(*claims)
    assert [lease.key.job_id for lease in leases] == [created.job_id]


async def test_an_end_reads_the_clock_of_postgresql_once_after_it_has_locked_its_job(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await jobs.create(ready, CALLER, [make.independent(1)])
    [lease] = await claim(ready)
    if ready.database.dialect == "sqlite":
        return  # it has a clock of its own
    done = list[str]()
    set_now, all_rows = PostgresTx.set_now, PostgresTx.all

    def setting(tx: PostgresTx, micros: int) -> None:
        done.append("clock")
        set_now(tx, micros)

    async def selecting(tx: PostgresTx, statement: str, **params: object) -> list[Row]:
        done.append(statement)
        return await all_rows(tx, statement, **params)

    with monkeypatch.context() as patch:
        patch.setattr(PostgresTx, "set_now", setting)
        patch.setattr(PostgresTx, "all", selecting)
        await work.finish(ready, Report(lease.key, lease.token, Done()))
    assert done[:2] == ["work.lock_jobs", "clock"]
    assert done.count("clock") == 1


async def test_a_create_wakes_the_pools_of_the_tasks_that_can_start(ready: House) -> None:
    woken: list[object] = []
    ready.listeners.runnable = woken.append
    await jobs.create(ready, CALLER, [make.chain(2), make.independent(1)])
    assert woken == [{"native"}]
