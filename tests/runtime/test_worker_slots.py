"""The worker slots of a pool, and the leases that wait for one."""

import asyncio

import pytest

from enginehouse.domain.retry import Blame, FailureKind, blame
from enginehouse.engine import EngineFailure
from enginehouse.runtime import report_wait, worker_slots
from enginehouse.runtime.report_wait import ReportWait
from enginehouse.runtime.worker_slots import AHEAD_SECONDS, MOST_AHEAD, WorkerSlots


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def run(slots: WorkerSlots, clock: Clock, seconds: float, times: int = 1) -> None:
    """Engines ran so long, one after the other."""
    for _ in range(times):
        await slots.take("engine")
        clock.now += seconds
        slots.leave("engine")


async def test_a_pool_holds_leases_ahead_as_engines_prove_short() -> None:
    clock = Clock()
    slots = WorkerSlots(2, leases_ahead=True, clock=clock)
    assert slots.free() == 2, "nothing is known of its engines"
    await run(slots, clock, 1.0)  # the first start of a child
    assert slots.free() == 2
    await run(slots, clock, 0.01, times=400)
    assert slots.free() == 2 + int(2 * AHEAD_SECONDS / 0.01)
    await run(slots, clock, 0.000_01, times=200)
    assert slots.free() == 2 + MOST_AHEAD
    await run(slots, clock, 0.2)
    assert slots.free() == 2, "one long run is enough to stop it"


async def test_one_hiccup_among_many_short_runs_changes_little() -> None:
    clock = Clock()
    slots = WorkerSlots(2, leases_ahead=True, clock=clock)
    await run(slots, clock, 0.002, times=400)
    assert slots.free() == 2 + int(2 * AHEAD_SECONDS / 0.002)
    await run(slots, clock, 0.006)
    assert slots.free() > 2 + int(2 * AHEAD_SECONDS / 0.006), "not every run is as long"


async def test_only_a_pool_that_may_holds_leases_ahead() -> None:
    clock = Clock()
    slots = WorkerSlots(2, clock=clock)
    await run(slots, clock, 0.0001, times=100)
    assert slots.free() == 2


async def test_an_engine_that_runs_long_counts_at_once() -> None:
    clock = Clock()
    slots = WorkerSlots(2, leases_ahead=True, clock=clock)
    await run(slots, clock, 0.005, times=200)
    all_quick = slots.free()
    await slots.take("long")
    clock.now += 2 * AHEAD_SECONDS
    assert slots.free() - 2 == (all_quick - 2) // 2
    await slots.take("long too")
    clock.now += 2 * AHEAD_SECONDS
    assert slots.free() == 2


async def test_leases_are_taken_in_portions() -> None:
    clock = Clock()
    slots = WorkerSlots(2, leases_ahead=True, clock=clock)
    await run(slots, clock, 0.005, times=200)
    slots.held = slots.free()
    free = []
    while slots.held > 0:
        slots.held -= 1
        free.append(slots.free())
    assert free[0] == 0
    first = next(number for number in free if number)
    assert first == int(2 * AHEAD_SECONDS / 0.005) // 2
    assert free[-1] == 2 + int(2 * AHEAD_SECONDS / 0.005)


async def test_no_more_engines_run_than_there_are_slots_and_they_take_turns() -> None:
    slots, started = WorkerSlots(2), list[int]()

    async def attempt(number: int) -> None:
        await slots.take(number)
        started.append(number)

    waiting = [asyncio.create_task(attempt(number)) for number in range(5)]
    await asyncio.wait(waiting[:2])
    await asyncio.sleep(0)
    assert started == [0, 1]
    waiting[2].cancel()
    slots.leave(1)
    slots.leave(2)  # it had none
    await asyncio.wait([waiting[3]])
    await asyncio.sleep(0)
    assert started == [0, 1, 3]
    slots.leave(0)
    await asyncio.wait([waiting[4]])
    assert started == [0, 1, 3, 4]


async def test_a_lease_without_a_slot_in_time_is_given_back_and_charged_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_slots, "GIVE_BACK_SECONDS", 0.01)
    clock = Clock()
    slots = WorkerSlots(1, leases_ahead=True, clock=clock)
    await run(slots, clock, 0.0001, times=100)
    assert slots.free() > 1
    await slots.take("long")
    with pytest.raises(EngineFailure) as caught:
        await slots.take("late")
    assert caught.value.kind is FailureKind.NOT_STARTED
    assert blame(caught.value.kind) is Blame.NOBODY
    slots.leave("long")
    assert slots.free() == 1, "engines are not short any more"
    await asyncio.wait_for(slots.take("next"), 10)


async def test_a_pool_that_shrinks_starts_nothing_until_enough_have_ended_and_one_that_grows_starts_what_waits() -> (
    None
):
    slots = WorkerSlots(2)
    await slots.take("a")
    await slots.take("b")
    waiting = asyncio.create_task(slots.take("c"))
    await asyncio.sleep(0)
    slots.resize(1)
    slots.leave("a")
    await asyncio.sleep(0)
    assert not waiting.done(), "b has the only slot"
    slots.leave("b")
    await asyncio.wait_for(waiting, 10)
    late = asyncio.create_task(slots.take("d"))
    await asyncio.sleep(0)
    slots.resize(2)
    await asyncio.wait_for(late, 10)


async def test_a_lease_waits_longer_where_the_slots_became_fewer_after_its_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_slots, "GIVE_BACK_SECONDS", 0.01)
    slots = WorkerSlots(1)
    slots.resize(0)
    waiting = asyncio.create_task(slots.take("a"))
    await asyncio.sleep(0.05)
    slots.resize(1)
    await asyncio.wait_for(waiting, 10)
    monkeypatch.setattr(worker_slots, "LATE_SECONDS", 0.01)
    with pytest.raises(EngineFailure, match="given back"):
        await slots.take("b")


async def test_a_slot_that_was_given_to_a_cancelled_attempt_is_free_again() -> None:
    slots = WorkerSlots(1)
    await slots.take("a")
    given = asyncio.create_task(slots.take("b"))
    await asyncio.sleep(0)
    slots.leave("a")
    given.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given
    slots.leave("b")  # as every attempt does that has ended
    await asyncio.wait_for(slots.take("c"), 10)


async def test_reports_go_together_while_leases_wait_and_at_once_when_none_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What only time would release is never released here.
    monkeypatch.setattr(report_wait, "REPORT_SECONDS", 3600)
    monkeypatch.setattr(worker_slots, "LATE_SECONDS", 3600)
    monkeypatch.setattr(worker_slots, "GIVE_BACK_SECONDS", 3600)
    slots = WorkerSlots(1)
    await slots.take("a")
    await slots.report()  # nothing waits for a slot
    waiting = [asyncio.create_task(slots.take(name)) for name in "bc"]
    await asyncio.sleep(0)
    slots.leave("a")
    reports = [asyncio.create_task(slots.report()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(report.done() for report in reports), "c still waits for a slot"
    slots.leave("b")
    await asyncio.wait_for(asyncio.gather(*waiting, *reports), 10)


async def test_a_report_waits_for_so_many_others_and_no_longer_than_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_wait, "MOST_REPORTS", 3)
    wait = ReportWait()
    await asyncio.wait_for(wait.join(), 10)  # alone
    monkeypatch.setattr(report_wait, "REPORT_SECONDS", 3600)
    left, *others = [asyncio.create_task(wait.join()) for _ in range(3)]
    left.cancel()  # before it has begun to wait
    await asyncio.sleep(0)
    assert not any(each.done() for each in others)
    await asyncio.wait_for(asyncio.gather(wait.join(), *others), 10)
