"""Stops of attempts: each happens once, its end is always recorded, and nothing of a late result is left."""

import asyncio
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.runtime.attempts import LEASE, Long, Work, attempt, lease, settle
from tests.runtime.floor import PRINCIPAL, DownError, Floor
from tests.runtime.until import until

from enginehouse.domain.refs import Ref
from enginehouse.operations import jobs
from enginehouse.runtime import worker_slots
from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.heartbeat import Heartbeat


async def stop(floor: Floor, job_id: int) -> None:
    await jobs.cancel(floor.house, PRINCIPAL, Ref.of(job_id), include_running=True)


def attached(floor: Floor, capacity: Capacity) -> Heartbeat:
    """Returns a heartbeat. The capacity gets stops as in a server."""
    floor.house.listeners.stopping = capacity.request_stop_of_jobs
    return Heartbeat(floor.source, capacity, lease_seconds=LEASE)


def kept(floor: Floor) -> list[Path]:
    """Returns the files of jobs in the store, without logs."""
    folder = floor.folder / "store/kept/jobs"
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".log"]


async def test_a_native_engine_is_cancelled_and_the_job_aborted(floor: Floor) -> None:
    async with attempt(floor) as (capacity, long, lease):
        heartbeat = attached(floor, capacity)
        heartbeat.signals.start()
        gate = floor.source.gates["finish"] = asyncio.Event()
        await stop(floor, lease.key.job_id)
        await asyncio.wait_for(long.cancelled.wait(), 10)
        await until(lambda: "stop_signalled" in floor.source.called, "the signal is recorded")
        job = await floor.job(lease.key.job_id)
        assert (job.status, job.stopping) == ("running", 1)
        gate.set()
        await until(lambda: not capacity.running, "the attempt has ended")
        await heartbeat.signals.stop()
    job = await floor.job(lease.key.job_id)
    assert (job.status, job.stopping, job.tasks[0].status) == ("aborted", 0, "aborted")
    [ended] = await floor.attempts(lease.key.job_id)
    assert (ended.outcome, ended.failure_reason) == ("stopped", "stop_requested")
    assert ended.stop_requested_at is not None
    assert ended.stop_signalled_at is not None
    assert ended.stop_requested_at < ended.stop_signalled_at < (ended.ended_at or 0)


async def test_without_a_word_from_this_process_the_heartbeat_stops_what_is_to_stop(floor: Floor) -> None:
    async with attempt(floor, held_for=LEASE / 2) as (capacity, long, lease):
        heartbeat = Heartbeat(floor.source, capacity, lease_seconds=LEASE)
        await stop(floor, lease.key.job_id)
        await settle()
        assert not long.cancelled.is_set()
        await heartbeat.tick()
        await asyncio.wait_for(long.cancelled.wait(), 10)
        [running] = capacity.running.values()
        assert (running.stop_requested, running.lease_lost) == (True, False)


async def test_a_doubt_checks_leases_that_are_fresh(floor: Floor) -> None:
    async with attempt(floor) as (capacity, long, lease):
        heartbeat = Heartbeat(floor.source, capacity, lease_seconds=LEASE)
        await stop(floor, lease.key.job_id)
        await heartbeat.tick()
        assert "heartbeat" not in floor.source.called
        heartbeat.loop.start()
        capacity.doubt()
        await asyncio.wait_for(long.cancelled.wait(), 10)
        await heartbeat.loop.stop()


async def test_an_attempt_whose_lease_was_on_its_way_when_its_job_was_cancelled_is_stopped_too(floor: Floor) -> None:
    long = Long()
    floor.script("scripted", long)
    before = time.monotonic()
    lease = await floor.lease_one()
    capacity = Capacity({"native": 1})
    floor.house.listeners.stopping = capacity.request_stop_of_jobs
    # Without a wake-up the next tick would come in 20 minutes.
    heartbeat = Heartbeat(floor.source, capacity, lease_seconds=3600)
    heartbeat.loop.start()
    await stop(floor, lease.key.job_id)
    capacity.start(lease, "native", floor.runner_of(capacity).run(lease), now=before)
    await until(lambda: not capacity.running, "it has been stopped")
    await heartbeat.loop.stop()
    assert (await floor.job(lease.key.job_id)).status == "aborted"


async def test_a_lease_that_waits_for_a_slot_is_stopped_and_its_engine_never_starts(floor: Floor) -> None:
    async with attempt(floor) as (capacity, _, _):
        attached(floor, capacity)
        waiting = await floor.lease_one()
        capacity.start(waiting, "native", floor.runner_of(capacity).run(waiting), now=time.monotonic())
        await settle()
        await stop(floor, waiting.key.job_id)
        await until(lambda: len(capacity.running) == 1, "it has ended")
        assert (await floor.job(waiting.key.job_id)).status == "aborted"
        [ended] = await floor.attempts(waiting.key.job_id)
        assert (ended.outcome, ended.failure_reason) == ("stopped", "stop_requested")
        assert floor.engines["scripted"].runs == 1


async def test_a_lease_that_gets_no_slot_is_free_for_another_worker(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_slots, "LATE_SECONDS", 0.01)
    async with attempt(floor) as (capacity, _, _):
        waiting = await floor.lease_one()
        capacity.start(waiting, "native", floor.runner_of(capacity).run(waiting), now=time.monotonic())
        await until(lambda: len(capacity.running) == 1, "it was given back")
        [ended] = await floor.attempts(waiting.key.job_id)
        assert (ended.outcome, ended.failure_reason) == ("stopped", "not_started")
        [again] = await floor.claim()
        assert (again.key, again.attempt) == (waiting.key, 2)


async def test_a_result_that_is_ready_when_the_job_is_cancelled_is_refused_recorded_and_removed(floor: Floor) -> None:
    async with attempt(floor) as (capacity, long, lease):
        attached(floor, capacity)
        gate = floor.source.gates["finish"] = asyncio.Event()
        long.gate.set()
        await until(lambda: "finish" in floor.source.called, "the report is under way")
        assert len(kept(floor)) == 1
        await jobs.cancel(floor.house, PRINCIPAL, Ref.of(lease.key.job_id), include_running=True)
        gate.set()
        await until(lambda: not capacity.running, "the attempt has ended")
    assert (await floor.job(lease.key.job_id)).status == "aborted"
    [ended] = await floor.attempts(lease.key.job_id)
    assert (ended.outcome, ended.failure_reason) == ("stopped", "late_result")
    assert kept(floor) == []


async def test_a_repeated_report_of_an_accepted_result_removes_nothing(floor: Floor) -> None:
    async with attempt(floor) as (capacity, long, _):
        long.gate.set()
        await until(lambda: not capacity.running, "the attempt has ended")
        before = kept(floor)
        assert len(before) == 1
        [report] = floor.source.reports
        await floor.source.finish(report)
        assert kept(floor) == before


async def test_what_is_stored_when_the_stop_comes_is_stored_whole_and_then_removed(floor: Floor) -> None:
    storing, go_on = asyncio.Event(), asyncio.Event()
    store = floor.house.store
    put_many = store.put_many

    async def slow(parts: object) -> object:
        storing.set()
        await go_on.wait()
        return await put_many(parts)  # type: ignore[arg-type]

    object.__setattr__(store, "put_many", slow)
    async with attempt(floor) as (capacity, long, lease):
        attached(floor, capacity)
        long.gate.set()
        await asyncio.wait_for(storing.wait(), 10)
        await stop(floor, lease.key.job_id)
        await settle()
        assert capacity.running, "what is being stored belongs to nobody else"
        go_on.set()
        await until(lambda: not capacity.running, "the attempt has ended")
    assert [ended.failure_reason for ended in await floor.attempts(lease.key.job_id)] == ["late_result"]
    assert kept(floor) == []


async def test_a_signal_is_recorded_when_storage_is_back(floor: Floor) -> None:
    floor.source.trouble["stop_signalled"] = [DownError()]
    async with attempt(floor) as (capacity, long, lease):
        heartbeat = attached(floor, capacity)
        floor.source.gates["finish"] = asyncio.Event()
        with capture_logs():
            heartbeat.signals.start()
            await stop(floor, lease.key.job_id)
            await asyncio.wait_for(long.cancelled.wait(), 10)
            await until(lambda: not capacity.stop_signals, "the signal is recorded")
        await heartbeat.signals.stop()
        floor.source.gates["finish"].set()
        await until(lambda: not capacity.running, "the attempt has ended")
    assert floor.source.called.count("stop_signalled") == 2


async def test_an_attempt_is_stopped_once_and_a_lost_one_not_at_all() -> None:
    capacity, works = Capacity({"native": 2}), [Work(), Work()]
    for number, work in enumerate(works):
        capacity.start(lease(number), "native", work.stubborn(), now=0)
    await settle()
    first, second = capacity.running
    capacity.stop([second])
    for _ in range(3):
        capacity.request_stop([first, second])
        await settle()
    cancels, signalled = [work.cancels for work in works], set(capacity.stop_signals)
    for work in works:
        work.gate.set()
    await capacity.drain(10)
    assert cancels == [1, 1]
    assert signalled == {first}


async def test_an_engine_after_a_stop_request_has_its_grace_until_its_lease_is_lost() -> None:
    capacity, work = Capacity({"native": 1}, stop_grace=10.0, grace=1.0), Work()
    capacity.start(lease(1), "native", work.stubborn(), now=0)
    await settle()
    [lease_id] = capacity.running
    assert (capacity.stop_requested(lease_id), capacity.grace_of(lease_id)) == (False, 1.0)
    capacity.request_stop([lease_id])
    await settle()
    requested = (capacity.stop_requested(lease_id), capacity.grace_of(lease_id))
    capacity.stop([lease_id])
    await settle()
    lost = (work.cancels, capacity.grace_of(lease_id))
    work.gate.set()
    await capacity.drain(10)
    assert (requested, lost) == ((True, 10.0), (2, 1.0))
