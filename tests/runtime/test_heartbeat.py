"""The heartbeat: leases of running attempts are extended, and an attempt that has lost its lease is stopped."""

import asyncio
import time

from structlog.testing import capture_logs
from tests.runtime.attempts import LEASE, attempt
from tests.runtime.floor import PRINCIPAL, DownError, Floor
from tests.runtime.until import until

from enginehouse.domain.refs import Ref
from enginehouse.operations import job_deletion, maintenance, work
from enginehouse.runtime.heartbeat import Heartbeat

SECONDS = 2.0  # of a lease that a slow machine extends in time


async def _lease_until(floor: Floor) -> int:
    return int((await floor.house.database.read(lambda tx: tx.all("work.all_leases", limit=1)))[0][3])


async def test_a_long_attempt_keeps_its_lease_beyond_its_length(floor: Floor) -> None:
    object.__setattr__(floor.house.limits, "lease_seconds", SECONDS)
    async with attempt(floor) as (capacity, long, lease):
        heartbeat = Heartbeat(floor.source, capacity, lease_seconds=SECONDS)
        heartbeat.loop.start()
        heartbeat.fence.start()
        lost = 0

        async def longer_than_it() -> bool:
            nonlocal lost
            lost += await maintenance.expire_leases(floor.house)
            return time.monotonic() > deadline

        deadline = time.monotonic() + 1.5 * SECONDS
        await until(longer_than_it, "the first lease would be over")
        assert lost == 0
        long.gate.set()
        await until(lambda: not capacity.running, "the attempt has ended")
        await heartbeat.loop.stop()
        await heartbeat.fence.stop()
    job = await floor.job(lease.key.job_id)
    assert job.status == "complete"
    assert job.tasks[0].attempts == 1


async def test_without_a_heartbeat_the_lease_runs_out(floor: Floor) -> None:
    object.__setattr__(floor.house.limits, "lease_seconds", 0.1)
    async with attempt(floor) as (_, _, lease):

        async def expired() -> bool:
            return await maintenance.expire_leases(floor.house) == 1

        await until(expired, "the lease has run out")
    [ended] = await floor.attempts(lease.key.job_id)
    assert (ended.outcome, ended.failure_reason) == ("lost", "worker_lost")


async def test_a_tick_asks_only_for_leases_it_has_not_just_taken(floor: Floor) -> None:
    async with attempt(floor) as (capacity, _, _):
        await Heartbeat(floor.source, capacity, lease_seconds=LEASE).tick()
        assert "heartbeat" not in floor.source.called


async def test_a_kept_lease_counts_from_before_the_call(floor: Floor) -> None:
    async with attempt(floor, held_for=LEASE / 3) as (capacity, _, _):
        answer = floor.source.gates["heartbeat"] = asyncio.Event()
        ticking = asyncio.create_task(Heartbeat(floor.source, capacity, lease_seconds=LEASE).tick())
        await until(lambda: "heartbeat" in floor.source.called, "the call is under way")
        before = time.monotonic()
        answer.set()
        await ticking
        [running] = capacity.running.values()
        assert before - LEASE / 6 < running.lease_seen_at <= before


async def test_an_attempt_whose_job_was_deleted_is_stopped(floor: Floor) -> None:
    async with attempt(floor, held_for=LEASE / 2) as (capacity, long, lease):
        await job_deletion.delete(floor.house, PRINCIPAL, Ref.of(lease.key.job_id))
        await Heartbeat(floor.source, capacity, lease_seconds=LEASE).tick()
        await asyncio.wait_for(long.cancelled.wait(), 10)
        await until(lambda: not capacity.running, "its slot is free")


async def test_an_attempt_that_another_has_replaced_is_stopped_and_its_result_refused(floor: Floor) -> None:
    async with attempt(floor, held_for=LEASE / 2) as (capacity, long, lease):
        await maintenance.release_all_leases(floor.house)
        [other] = await floor.claim()
        await Heartbeat(floor.source, capacity, lease_seconds=LEASE).tick()
        await asyncio.wait_for(long.cancelled.wait(), 10)
        await until(lambda: not capacity.running, "its slot is free")
        assert await work.heartbeat(floor.house, [(other.key, other.token)]) == {(other.key, other.token): False}
    assert [ended.outcome for ended in await floor.attempts(lease.key.job_id)] == ["stopped", "running"]


async def test_without_an_answer_from_storage_an_attempt_is_stopped_before_its_lease_ends(floor: Floor) -> None:
    floor.source.trouble["heartbeat"] = [DownError() for _ in range(10_000)]
    lease_seconds = 1.0
    async with attempt(floor) as (capacity, long, lease):
        heartbeat = Heartbeat(floor.source, capacity, lease_seconds=lease_seconds)
        with capture_logs():
            heartbeat.loop.start()
            heartbeat.fence.start()
            await asyncio.wait_for(long.cancelled.wait(), 10)
            await until(lambda: not capacity.running, "its slot is free")
            await heartbeat.loop.stop()
            await heartbeat.fence.stop()
    # The lease was still valid, so the source accepts its return, and the attempt does not count.
    [ended] = await floor.attempts(lease.key.job_id)
    assert (ended.outcome, ended.failure_reason) == ("stopped", "server_stopped")


async def test_the_fence_stops_at_four_fifths_of_a_lease_and_not_before(floor: Floor) -> None:
    async with attempt(floor, held_for=LEASE * 0.7) as (capacity, long, _):
        heartbeat = Heartbeat(floor.source, capacity, lease_seconds=LEASE)
        await heartbeat.fence_tick()
        assert [running.lease_lost for running in capacity.running.values()] == [False]
        [running] = capacity.running.values()
        running.lease_seen_at -= LEASE * 0.11
        await heartbeat.fence_tick()
        await asyncio.wait_for(long.cancelled.wait(), 10)
