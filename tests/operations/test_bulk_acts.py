"""Acts on many jobs by a rule: planned exactly, done once to each job by any server, and taken back."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests import make

from enginehouse.domain.audit import AuditFilter
from enginehouse.domain.bulk_acts import Act, SkipReason
from enginehouse.domain.errors import (
    CapacityExceeded,
    InvalidInput,
    KeyReused,
    NotAllowed,
    NotConfirmed,
    NotFound,
)
from enginehouse.domain.identity import Role
from enginehouse.domain.job import JobFilter
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import Done, Failed, Lease, Report
from enginehouse.operations import bulk_act_batches, bulk_acts, jobs, limits, work
from enginehouse.operations.bulk_acts import BulkAct
from enginehouse.operations.house import House, Limits
from enginehouse.storage.audit import entries
from enginehouse.storage.bulk_acts import batches, changes
from enginehouse.storage.database.database import Tx

CALLER = make.principal()
STRANGER = make.principal(organization_id=2)
FAILED_ONES = JobFilter(statuses=(JobStatus.FAILED,))


async def created(house: House, count: int, tasks: int = 1) -> list[int]:
    made = await jobs.create(house, CALLER, [make.independent(tasks, max_retries=0) for _ in range(count)])
    return [each.job_id for each in made]


async def claim(house: House, limit: int = 100) -> list[Lease]:
    return await work.claim(house, pool="native", limit=limit, worker="w")


async def failed(house: House, count: int, kind: FailureKind = FailureKind.INVALID_DATA) -> list[int]:
    """Jobs of one task that have failed. Nothing else may wait."""
    ids = await created(house, count)
    for lease in await claim(house, count):
        await work.finish(house, Report(lease.key, lease.token, Failed(kind, "no")))
    return ids


async def carried_out(house: House) -> None:
    async with asyncio.timeout(30):
        while await bulk_act_batches.apply(house):
            pass


async def done(house: House, act: Act, rule: JobFilter) -> BulkAct:
    started = await bulk_acts.start(house, CALLER, act, rule)
    await carried_out(house)
    return await bulk_acts.get(house, CALLER, Ref.of(started.id))


async def statuses(house: House, ids: Sequence[int]) -> list[JobStatus]:
    return [await jobs.status(house, CALLER, Ref.of(job_id)) for job_id in ids]


def skips(act: BulkAct) -> dict[SkipReason, int]:
    return {row.reason: row.jobs for row in act.skips}


@pytest.fixture
async def mixed(ready: House) -> dict[str, int]:
    """One job of each kind that acts tell apart."""
    [lost] = await failed(ready, 1)
    complete, running, stopping = await created(ready, 3)
    leases = {lease.key.job_id: lease for lease in await claim(ready)}
    await work.finish(ready, Report(leases[complete].key, leases[complete].token, Done()))
    await jobs.cancel(ready, CALLER, Ref.of(stopping), include_running=True)
    waiting, paused, cancelled = await created(ready, 3)
    await limits.pause_job(ready, CALLER, Ref.of(paused))
    await jobs.cancel(ready, CALLER, Ref.of(cancelled))
    return {
        "failed": lost, "complete": complete, "running": running, "stopping": stopping, "waiting": waiting,
        "paused": paused, "cancelled": cancelled,
    }  # fmt: skip


CHANGED = {
    Act.CANCEL: {"waiting", "paused"},
    Act.STOP: {"waiting", "paused", "running"},
    Act.RETRY: {"failed"},
    Act.PAUSE: {"waiting", "running"},
    Act.RESUME: {"paused"},
}


@pytest.mark.parametrize("act", list(Act))
async def test_a_plan_foretells_exactly_what_the_act_does(ready: House, mixed: dict[str, int], act: Act) -> None:
    rule = JobFilter(ids=tuple(mixed.values()))
    before = await statuses(ready, list(mixed.values()))
    plan = await bulk_acts.plan(ready, CALLER, act, rule)
    assert (plan.forecast.matched, plan.forecast.changes) == (len(mixed), len(CHANGED[act]))
    assert {job.id for job, reason in plan.sample if reason is None} == {mixed[name] for name in CHANGED[act]}
    assert await statuses(ready, list(mixed.values())) == before, "a plan changes nothing"
    ended = await done(ready, act, rule)
    assert (ended.matched, ended.applied, ended.skipped, ended.left) == (7, len(CHANGED[act]), 7 - len(CHANGED[act]), 0)
    assert skips(ended) == {row.reason: row.jobs for row in plan.forecast.skips}
    assert {row.example for row in ended.skips} <= set(mixed.values())
    assert ended.ended_at is not None


async def test_failed_jobs_run_again_under_their_ids_and_no_other_job_does(ready: House) -> None:
    lost = await failed(ready, 3)
    fetched = await failed(ready, 2, FailureKind.URL_NOT_FOUND)
    rule = JobFilter(failure_reasons=("invalid_data",))
    ended = await done(ready, Act.RETRY, rule)
    assert (ended.matched, ended.applied, ended.undo) == (3, 3, Act.CANCEL)
    again = await claim(ready)
    assert sorted(lease.key.job_id for lease in again) == lost
    for lease in again:
        await work.finish(ready, Report(lease.key, lease.token, Done()))
    assert set(await statuses(ready, lost)) == {JobStatus.COMPLETE}
    assert set(await statuses(ready, fetched)) == {JobStatus.FAILED}


async def test_a_job_created_or_failed_after_the_act_was_accepted_is_not_touched(ready: House) -> None:
    lost = await failed(ready, 2)
    await created(ready, 1)
    [lease] = await claim(ready)
    act = await bulk_acts.start(ready, CALLER, Act.RETRY, FAILED_ONES)
    await work.finish(ready, Report(lease.key, lease.token, Failed(FailureKind.INVALID_DATA, "no")))
    await carried_out(ready)
    assert (await bulk_acts.get(ready, CALLER, Ref.of(act.id))).applied == 2
    assert await statuses(ready, [*lost, lease.key.job_id]) == [JobStatus.RUNNING, JobStatus.RUNNING, JobStatus.FAILED]


async def test_a_job_that_fails_again_while_the_act_goes_on_has_its_turn_once(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(batches.SIZES, Act.RETRY, 1)
    await failed(ready, 2)
    act = await bulk_acts.start(ready, CALLER, Act.RETRY, FAILED_ONES)
    await bulk_act_batches.apply(ready)
    [lease] = await claim(ready)
    await work.finish(ready, Report(lease.key, lease.token, Failed(FailureKind.INVALID_DATA, "again")))
    await carried_out(ready)
    assert (await bulk_acts.get(ready, CALLER, Ref.of(act.id))).applied == 2
    assert len(await claim(ready)) == 1, "only the other one"


async def test_another_server_goes_on_where_one_has_stopped(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(batches.SIZES, Act.PAUSE, 2)
    ids = await created(ready, 5)
    act = await bulk_acts.start(ready, CALLER, Act.PAUSE, JobFilter(ids=tuple(ids)))
    assert (act.applied, act.left, act.ended_at) == (0, 5, None)
    await bulk_act_batches.apply(ready)
    halfway = await bulk_acts.get(ready, CALLER, Ref.of(act.id))
    assert (halfway.applied, halfway.left, halfway.ended_at) == (2, 3, None)
    await carried_out(House.build(ready.database, ready.store))
    ended = await bulk_acts.get(ready, CALLER, Ref.of(act.id))
    assert (ended.applied, ended.left, ended.ended_at is not None) == (5, 0, True)
    assert await claim(ready) == []


async def test_servers_that_carry_it_out_together_give_each_job_one_turn(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(batches.SIZES, Act.PAUSE, 3)
    ids = await created(ready, 40)
    act = await bulk_acts.start(ready, CALLER, Act.PAUSE, JobFilter(ids=tuple(ids)))
    houses = [ready, *(House.build(ready.database, ready.store) for _ in range(3))]
    await asyncio.gather(*(carried_out(each) for each in houses))
    await carried_out(ready)
    ended = await bulk_acts.get(ready, CALLER, Ref.of(act.id))
    assert (ended.applied, ended.skipped, ended.left) == (40, 0, 0)


async def test_one_job_that_cannot_be_changed_does_not_hold_up_the_others(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await created(ready, 3)
    real = changes.change

    async def faulty(tx: Tx, act: Act, plans: object, organization_id: int, chosen: list[int], gone: object) -> object:
        result = await real(tx, act, plans, organization_id, chosen, gone)  # type: ignore[arg-type]
        if ids[2] in chosen:
            raise ZeroDivisionError
        return result

    monkeypatch.setattr(changes, "change", faulty)
    ended = await done(ready, Act.PAUSE, JobFilter(ids=tuple(ids)))
    assert (ended.applied, skips(ended)) == (2, {SkipReason.ERROR: 1})
    assert [row.example for row in ended.skips] == [ids[2]]
    assert {lease.key.job_id for lease in await claim(ready)} == {ids[2]}


async def test_a_pause_is_taken_back_for_exactly_the_jobs_that_it_has_paused(ready: House) -> None:
    before, *others = await created(ready, 4)
    await limits.pause_job(ready, CALLER, Ref.of(before))
    act = await done(ready, Act.PAUSE, JobFilter(created_from=0))
    assert (act.applied, act.undo, skips(act)) == (3, Act.RESUME, {SkipReason.PAUSED: 1})
    undo = await bulk_acts.undo(ready, CALLER, Ref.of(act.id))
    assert (undo.act, undo.matched, undo.undo_of, undo.undo) == (Act.RESUME, 3, act.id, None)
    assert (await bulk_acts.undo(ready, CALLER, Ref.of(act.id))).id == undo.id, "once"
    await carried_out(ready)
    assert {lease.key.job_id for lease in await claim(ready)} == set(others)
    assert (await bulk_acts.get(ready, CALLER, Ref.of(act.id))).undone_by == undo.id
    with pytest.raises(InvalidInput):
        await bulk_acts.undo(ready, CALLER, Ref.of(undo.id))


async def test_an_act_under_way_goes_no_further_when_it_is_taken_back(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(batches.SIZES, Act.PAUSE, 2)
    ids = await created(ready, 5)
    act = await bulk_acts.start(ready, CALLER, Act.PAUSE, JobFilter(ids=tuple(ids)))
    await bulk_act_batches.apply(ready)
    undo = await bulk_acts.undo(ready, CALLER, Ref.of(act.id))
    assert undo.matched == 2
    await carried_out(ready)
    ended = await bulk_acts.get(ready, CALLER, Ref.of(act.id))
    assert (ended.applied, ended.left, ended.ended_at is not None) == (2, 3, True)
    assert len(await claim(ready)) == 5


async def test_a_retry_is_taken_back_by_a_cancel_and_a_cancel_by_nothing(ready: House) -> None:
    lost = await failed(ready, 2)
    act = await done(ready, Act.RETRY, FAILED_ONES)
    [lease] = await claim(ready, 1)
    await bulk_acts.undo(ready, CALLER, Ref.of(act.id))
    await carried_out(ready)
    assert sorted(await statuses(ready, lost)) == [JobStatus.ABORTED, JobStatus.RUNNING]
    assert lease.key.job_id in lost
    cancel = await done(ready, Act.CANCEL, JobFilter(ids=tuple(lost)))
    with pytest.raises(InvalidInput) as refused:
        await bulk_acts.undo(ready, CALLER, Ref.of(cancel.id))
    assert refused.value.message == "A cancel cannot be undone: what it has ended does not run again."


async def test_a_cancel_of_a_range_of_time_is_a_bulk_cancel(ready: House) -> None:
    ids = await created(ready, 3)
    act = await bulk_acts.start(ready, CALLER, Act.CANCEL, JobFilter(created_from=0, created_to=2**51), key="k")
    assert set(await statuses(ready, ids)) == {JobStatus.ABORTED}, "at once, before a row is updated"
    assert (act.matched, act.applied, act.ended_at, act.undo) == (3, 0, None, None)
    again = await bulk_acts.start(ready, CALLER, Act.CANCEL, JobFilter(created_from=0, created_to=2**51), key="k")
    assert (again.id, again.replayed) == (act.id, True)
    assert not await bulk_act_batches.apply(ready), "its barrier carries it out"


async def test_many_are_changed_only_by_who_knows_how_many(ready: House) -> None:
    careful = House.build(ready.database, ready.store, Limits(unconfirmed_cancels=2))
    await failed(ready, 3)
    for confirmed in (None, 2):
        with pytest.raises(NotConfirmed) as refused:
            await bulk_acts.start(careful, CALLER, Act.RETRY, FAILED_ONES, confirmed=confirmed)
        assert refused.value.message == "Would retry 3 jobs; repeat with confirmCount: 3."
    assert (await bulk_acts.start(careful, CALLER, Act.RETRY, FAILED_ONES, confirmed=3)).matched == 3


async def test_the_same_request_with_its_key_is_done_once(ready: House) -> None:
    await failed(ready, 2)
    first = await bulk_acts.start(ready, CALLER, Act.RETRY, FAILED_ONES, key="k")
    again = await bulk_acts.start(ready, CALLER, Act.RETRY, FAILED_ONES, key="k")
    assert (again.id, first.replayed, again.replayed) == (first.id, False, True)
    with pytest.raises(KeyReused):
        await bulk_acts.start(ready, CALLER, Act.PAUSE, FAILED_ONES, key="k")
    assert len(await bulk_acts.list_(ready, CALLER)) == 1


async def test_one_audit_row_tells_of_the_whole_act(ready: House) -> None:
    await failed(ready, 2)
    act = await bulk_acts.start(ready, CALLER, Act.RETRY, FAILED_ONES)
    await carried_out(ready)
    rows = await ready.database.read(lambda tx: entries.page(tx, [1], AuditFilter()))
    told = [(row.object_type, row.object_id, row.detail) for row in rows if row.event == "actOnJobs"]
    assert told == [("BulkAct", str(act.id), "retry 2 jobs: status failed")]


async def test_who_may_not_and_what_is_foreign_or_wrong_is_refused(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await created(ready, 2)
    act = await bulk_acts.start(ready, CALLER, Act.PAUSE, JobFilter(ids=tuple(ids)))
    reader = make.principal(role=Role.READER)
    for call in (
        bulk_acts.plan(ready, reader, Act.PAUSE, FAILED_ONES),
        bulk_acts.start(ready, reader, Act.PAUSE, FAILED_ONES),
        bulk_acts.undo(ready, reader, Ref.of(act.id)),
    ):
        with pytest.raises(NotAllowed):
            await call
    for missing in (act.id, 77):
        for foreign in (
            bulk_acts.get(ready, STRANGER, Ref.of(missing)),
            bulk_acts.undo(ready, STRANGER, Ref.of(missing)),
        ):
            with pytest.raises(NotFound):
                await foreign
    assert await bulk_acts.list_(ready, STRANGER) == []
    assert (await bulk_acts.plan(ready, STRANGER, Act.PAUSE, JobFilter(ids=tuple(ids)))).forecast.matched == 0
    wrong = JobFilter(created_from=2, created_to=1, failure_reasons=("odd",))
    with pytest.raises(InvalidInput) as refused:
        await bulk_acts.start(ready, CALLER, Act.PAUSE, wrong)
    assert [problem.path for problem in refused.value.problems] == ["rule.createdBefore", "rule.failures[0]"]
    with pytest.raises(InvalidInput):
        await bulk_acts.plan(ready, CALLER, Act.PAUSE, JobFilter(order_by="modified_at"))
    monkeypatch.setattr(bulk_acts, "MOST", 1)
    monkeypatch.setattr(bulk_acts, "_READ_AT_ONCE", 1)
    with pytest.raises(CapacityExceeded):
        await bulk_acts.start(ready, CALLER, Act.PAUSE, JobFilter(ids=tuple(ids)))


async def test_an_old_act_is_deleted_with_everything_of_it(ready: House) -> None:
    old = House.build(ready.database, ready.store, replace(ready.limits, retention_seconds=0))
    await created(ready, 3)
    await done(ready, Act.PAUSE, JobFilter(created_from=0))
    kept = await bulk_acts.start(ready, CALLER, Act.RESUME, JobFilter(paused=True))
    for _ in range(5):
        await bulk_acts.prune(old, now=make.NOW * 2, limit=10)
    assert [act.id for act in await bulk_acts.list_(ready, CALLER)] == [kept.id], "one that goes on stays"
