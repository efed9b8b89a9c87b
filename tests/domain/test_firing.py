"""What a schedule decides: every slot fires, queues or is skipped once, under any rules and at any times."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enginehouse.domain.schedules import firing
from enginehouse.domain.schedules.calendar import slots
from enginehouse.domain.schedules.firing import (
    LOOK_AGAIN,
    MOST_QUEUED,
    ON_TIME,
    SHORTEST_RUN,
    Decision,
    ScheduleState,
    Skip,
    decide,
    due_at,
    first_look,
    placed,
)
from enginehouse.domain.schedules.timing import CatchUp, Overlap, Recurring, Rules, RunMode, Timing, Unit, Weekly
from enginehouse.domain.times import SECOND

NOW = 1_790_000_000 * SECOND
MINUTE = 60 * SECOND


def every(seconds: int) -> Timing:
    return Timing(recurring=(Recurring(Unit.SECONDS, seconds),))


def standing(timing: Timing, *, since: int = 0, mode: RunMode = RunMode.RECURRING, **more: object) -> ScheduleState:
    """A schedule that was activated `since` µs ago and has made no decision yet."""
    anchor, decided = placed(None, NOW - since)
    known: dict[str, object] = {"rules": Rules(), **more}
    return ScheduleState(schedule_id=100_001, mode=mode, timing=timing, anchor=anchor, decided=decided, **known)  # type: ignore[arg-type]


def between(schedule: ScheduleState, first: int, last: int) -> list[int]:
    """The schedule's slots in (first, last]."""
    coming = slots(schedule.timing, anchor=schedule.anchor, after=first)
    return list(takewhile(lambda slot: slot <= last, coming))


# -- a whole life ---------------------------------------------------------------------------------------------


@dataclass
class Life:
    """A schedule with the records that storage keeps: only the record of a queued slot may change."""

    now: ScheduleState
    next_at: int | None
    fired: list[int] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    expected: list[int] = field(default_factory=list)

    def look(self, moment: int, *, busy: bool) -> Decision:
        looked = replace(self.now, busy=busy, queued=tuple(self.queued))
        decision = decide(looked, moment)
        self.fired += decision.fire
        fresh = between(self.now, self.now.decided, decision.decided)
        waited = set(self.queued)
        self.queued = [slot for slot in self.queued if slot not in decision.fire] + list(decision.queue)
        for left_out in decision.skipped:
            covered = [slot for slot in fresh if left_out.first <= slot <= left_out.last and slot not in decision.fire]
            if left_out.first in waited:
                assert left_out.count == 1
                covered = [left_out.first]
                self.queued.remove(left_out.first)
            assert len(covered) == left_out.count
            self.skipped += covered
        self.expected += fresh
        self.now = replace(self.now, decided=decision.decided, launched=self.now.launched + len(decision.fire))
        self.next_at = decision.next_at
        return decision


timings = st.one_of(
    st.builds(every, st.integers(1, 300)),
    st.builds(lambda a, b: Timing(recurring=(Recurring(Unit.SECONDS, a), Recurring(Unit.SECONDS, b))),
              st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 */2 * * *"]).map(lambda line: Timing(cron=line)),
    st.just(Timing(weekly=(Weekly(None, 3600), Weekly(2, 1800)), zone="Europe/Prague")),
)  # fmt: skip
rules = st.builds(
    Rules,
    overlap=st.sampled_from(list(Overlap)),
    catch_up=st.sampled_from(list(CatchUp)),
    most=st.integers(1, 40),
    jitter_seconds=st.one_of(st.just(0), st.integers(1, 200)),
)
# How much too late the next decision comes, whether a run goes on, and whether the schedule is paused before it.
lateness = st.one_of(st.integers(0, 2 * SECOND), st.integers(0, 20 * MINUTE))
looks = st.lists(st.tuples(lateness, st.booleans(), st.sampled_from((True, *(False,) * 12))), min_size=1, max_size=25)


@settings(max_examples=300)
@given(
    timings, rules, looks, st.one_of(st.none(), st.integers(1, 3 * 3600).map(lambda seconds: NOW + seconds * SECOND))
)
def test_every_slot_is_told_of_once(
    timing: Timing, rules: Rules, looks: Sequence[tuple[int, bool, bool]], stop: int | None
) -> None:
    schedule = standing(timing, rules=rules, stop=stop)
    life = Life(schedule, first_look(schedule))
    moment = NOW
    for late, busy, paused in looks:
        if life.next_at is None:
            break
        moment = max(moment, life.next_at) + late
        if paused:
            # There are no slots while it is paused: it continues at the first one after its activation.
            anchor, decided = placed(None, moment, anchor=life.now.anchor)
            life.now = replace(life.now, anchor=anchor, decided=decided)
            life.next_at = first_look(life.now)
            continue
        decision = life.look(moment, busy=busy)
        check_overlap(decision, rules.overlap, busy=busy)
        assert decision.decided <= moment
        assert all(due_at(slot, rules, schedule.schedule_id) <= moment for slot in decision.fire)
        assert decision.next_at is None or decision.next_at > moment
    told = life.fired + life.queued + life.skipped
    assert sorted(told) == life.expected
    assert len(set(told)) == len(told)
    if rules.overlap is Overlap.ALLOW:
        assert life.fired == sorted(life.fired)


def check_overlap(decision: Decision, overlap: Overlap, *, busy: bool) -> None:
    match overlap:
        case Overlap.ALLOW:
            assert not decision.queue
            assert not decision.stop_runs
        case Overlap.SKIP | Overlap.QUEUE:
            assert len(decision.fire) <= (0 if busy else 1)
            assert not decision.stop_runs
        case Overlap.REPLACE:
            assert len(decision.fire) <= 1
            assert decision.stop_runs == (busy and bool(decision.fire))
    assert overlap is Overlap.QUEUE or not decision.queue


@given(timings, rules, st.integers(0, ON_TIME))
def test_a_slot_within_the_time_of_a_takeover_is_never_missed(timing: Timing, rules: Rules, late: int) -> None:
    schedule = standing(timing, rules=replace_overlap(rules))
    first = first_look(schedule)
    assert first is not None
    decision = decide(schedule, first + late)
    assert decision.skipped == ()
    assert len(decision.fire) >= 1


def replace_overlap(rules: Rules) -> Rules:
    return Rules(catch_up=rules.catch_up, most=rules.most, jitter_seconds=rules.jitter_seconds)


# -- what was missed ------------------------------------------------------------------------------------------


def test_a_slot_is_late_after_the_time_of_a_takeover_and_not_before() -> None:
    schedule = standing(every(3600), rules=Rules(catch_up=CatchUp.NONE))
    slot = NOW + 3600 * SECOND
    assert decide(schedule, slot + ON_TIME).fire == (slot,)
    late = decide(schedule, slot + ON_TIME + 1)
    assert late.fire == ()
    assert [(run.first, run.last, run.count, run.reason) for run in late.skipped] == [(slot, slot, 1, Skip.MISSED)]


def test_the_last_missed_slot_is_not_caught_up_when_a_later_one_is_in_time() -> None:
    schedule = standing(every(10), since=100 * SECOND)
    decision = decide(schedule, NOW)
    assert decision.fire == (NOW,)
    assert [run.count for run in decision.skipped] == [9]


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision handles at most ten slots."""
    monkeypatch.setattr(firing, "AT_ONCE", 10)


@pytest.mark.usefixtures("short_rounds")
@given(st.integers(1, 120), st.integers(1, 25), st.sampled_from(list(CatchUp)))
def test_a_past_of_several_rounds_is_caught_up_as_in_one(missed: int, most: int, catch_up: CatchUp) -> None:
    """In any number of rounds, no more than `most` slots are caught up, and they are the last ones."""
    schedule = standing(every(60), since=missed * MINUTE + 30 * SECOND, rules=Rules(catch_up=catch_up, most=most))
    life = Life(schedule, first_look(schedule))
    while life.next_at is not None and life.next_at <= NOW:
        life.look(NOW, busy=False)
    keep = {CatchUp.NONE: 0, CatchUp.LAST: 1, CatchUp.ALL: most}[catch_up]
    assert life.expected == between(schedule, schedule.decided, NOW)
    assert life.fired == life.expected[-keep:][: keep or 0]


# -- waiting for a run ----------------------------------------------------------------------------------------


def test_what_waits_is_told_of_when_it_begins_to_and_not_again() -> None:
    schedule = standing(every(10), rules=Rules(overlap=Overlap.QUEUE))
    first, second = NOW + 10 * SECOND, NOW + 20 * SECOND
    assert decide(replace(schedule, busy=True), first).queue == (first,)
    again = decide(replace(schedule, busy=True, decided=first, queued=(first,)), second)
    assert again.queue == (second,)
    assert again.next_at == second + LOOK_AGAIN
    ended = decide(replace(schedule, decided=second, queued=(first, second)), second + LOOK_AGAIN)
    assert (ended.fire, ended.queue, ended.skipped) == ((first,), (), ())


def test_a_full_queue_takes_no_more_and_says_so() -> None:
    waiting = tuple(range(NOW - MOST_QUEUED, NOW))
    schedule = standing(every(10), rules=Rules(overlap=Overlap.QUEUE), busy=True, queued=waiting)
    decision = decide(schedule, NOW + 10 * SECOND)
    assert (decision.fire, decision.queue) == ((), ())
    assert [(run.count, run.reason) for run in decision.skipped] == [(1, Skip.QUEUE_FULL)]


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.REPLACE])
def test_slots_that_waited_under_another_rule_are_left_out_one_by_one(overlap: Overlap) -> None:
    """Each already has its own record, so none may be merged into the range of another."""
    waiting = (NOW - 30 * SECOND, NOW - 20 * SECOND, NOW - 10 * SECOND)
    schedule = standing(every(1000), rules=Rules(overlap=overlap), queued=waiting)
    decision = decide(schedule, NOW)
    assert len(decision.fire) == 1
    assert {run.first for run in decision.skipped} | set(decision.fire) == set(waiting)
    assert all(run.count == 1 and run.first == run.last for run in decision.skipped)


# -- jitter ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**17), st.integers(1, 3600), st.integers(1, 10**9))
def test_jitter_is_the_same_for_a_slot_whoever_asks(slot: int, seconds: int, schedule_id: int) -> None:
    moment = due_at(slot, Rules(jitter_seconds=seconds), schedule_id)
    assert moment == due_at(slot, Rules(jitter_seconds=seconds), schedule_id)
    assert slot <= moment < slot + seconds * SECOND


def test_jitter_spreads_the_slots_of_schedules_that_are_due_together() -> None:
    moments = {due_at(NOW, Rules(jitter_seconds=60), schedule_id) // SECOND for schedule_id in range(1000)}
    assert len(moments) == 60


# -- the other modes ------------------------------------------------------------------------------------------


def test_once_never_starts_by_itself() -> None:
    schedule = standing(Timing(), mode=RunMode.ONCE)
    assert first_look(schedule) is None
    assert decide(schedule, NOW + MINUTE) == Decision(decided=schedule.decided, next_at=None)


def test_now_starts_once_and_is_over_when_its_run_has_ended() -> None:
    schedule = standing(Timing(), mode=RunMode.NOW)
    assert first_look(schedule) == NOW + 1
    assert decide(schedule, NOW + 1).fire == (NOW + 1,)
    running = decide(replace(schedule, launched=1, busy=True), NOW + MINUTE)
    assert (running.fire, running.over, running.next_at) == ((), False, NOW + MINUTE + LOOK_AGAIN)
    ended = decide(replace(schedule, launched=1), NOW + MINUTE)
    assert (ended.fire, ended.over, ended.next_at) == ((), True, None)


def test_a_continuous_schedule_does_not_spin_on_runs_that_end_at_once() -> None:
    schedule = standing(Timing(), mode=RunMode.CONTINUOUS, launched=1)
    assert decide(schedule, NOW + SHORTEST_RUN - 1).fire == ()
    assert decide(schedule, NOW + SHORTEST_RUN - 1).next_at == NOW + SHORTEST_RUN
    assert decide(schedule, NOW + SHORTEST_RUN).fire == (NOW + SHORTEST_RUN,)


# -- activation -----------------------------------------------------------------------------------------------


@given(timings, st.one_of(st.none(), st.integers(-3600, 3600).map(lambda seconds: NOW + seconds * SECOND)))
def test_no_slot_is_before_the_activation_nor_before_the_start(timing: Timing, start: int | None) -> None:
    anchor, decided = placed(start, NOW)
    schedule = replace(standing(timing), anchor=anchor, decided=decided)
    first = next(slots(timing, anchor=anchor, after=decided))
    assert first > NOW
    assert start is None or first >= start
    assert first_look(schedule) == first
