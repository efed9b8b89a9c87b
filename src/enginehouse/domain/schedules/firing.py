"""Decides what a schedule does now: which slots fire, which are skipped and why, and when to look again. Pure.

The caller holds the lock on the schedule's row. After a decision, every slot up to `Decision.decided` has fired, waits,
or is recorded as skipped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from enginehouse.domain.schedules.calendar import slots
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import CatchUp, Overlap, Rules, RunMode, Timing
from enginehouse.domain.times import SECOND

LOOK_AGAIN: Final = SECOND // 2  # the interval while something waits for a run to end
SHORTEST_RUN: Final = 10 * SECOND  # a continuous schedule does not start more often than this
ON_TIME: Final = 5 * SECOND  # a slot that fires within this is not late: one server may take over from another
AT_ONCE: Final = 10_000  # slots in one decision; a longer backlog takes several decisions
MOST_QUEUED: Final = 1000  # bounds the queue of a schedule whose runs take longer than its interval


class Skip(StrEnum):
    """Why a slot did not fire."""

    MISSED = "missed"  # no server fired it in time, and the schedule does not catch up with it
    OVERLAP = "overlap"  # an earlier run had not ended
    QUEUE_FULL = "queue_full"  # the queue already held as many slots as it may


@dataclass(frozen=True, slots=True)
class Skipped:
    """`count` slots in a row, from `first` to `last`, were skipped for one reason."""

    first: int
    last: int
    count: int
    reason: Skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The slots in `fire` start now, in order; those in `queue` begin to wait for earlier runs; `skipped` do not run.

    A slot that already waited, and still waits, is in none of them. `stop_runs`: the runs of the schedule are stopped
    first. `decided` is the new cursor. `next_at` is when to look again; None if nothing comes. `over`: the run of a
    `now` schedule has ended, so that it becomes `once`.
    """

    fire: tuple[int, ...] = ()
    queue: tuple[int, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    stop_runs: bool = False
    decided: int
    next_at: int | None
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleState:
    """A schedule at one moment. `busy`: a run has not ended. `queued`: slots that wait for a run, the oldest first.

    `launched`: how many slots have fired since it was activated or changed.
    """

    schedule_id: int
    mode: RunMode
    timing: Timing
    rules: Rules
    anchor: int
    decided: int
    stop: int | None = None
    launched: int = 0
    busy: bool = False
    queued: tuple[int, ...] = ()


def state_of(schedule: Schedule, *, busy: bool = False, queued: Sequence[int] = ()) -> ScheduleState:
    """Returns the state of a schedule."""
    return ScheduleState(
        schedule_id=schedule.id,
        mode=schedule.run_mode,
        timing=schedule.timing,
        rules=schedule.rules,
        anchor=schedule.anchor,
        decided=schedule.decided,
        stop=schedule.stop_at,
        launched=schedule.launched,
        busy=busy,
        queued=tuple(queued),
    )


def placed(start: int | None, now: int, *, anchor: int | None = None) -> tuple[int, int]:
    """Returns the anchor and the cursor of a schedule that is activated, or gets another timing, now.

    No slot is before now, even if the start is earlier. Intervals count from the start, else from the `anchor` that the
    schedule had before, else from now; from now, the first slot is one interval away.
    """
    begin = start if start is not None else anchor if anchor is not None else now
    return begin, max(now, begin - 1)


def first_look(state: ScheduleState) -> int | None:
    """Returns when to look at an active schedule for the first time; None if it only waits for a launch."""
    match state.mode:
        case RunMode.ONCE:
            return None
        case RunMode.NOW | RunMode.CONTINUOUS:
            return state.decided + 1
        case RunMode.RECURRING:
            coming = slots(state.timing, anchor=state.anchor, after=state.decided)
            return _beyond(coming, state.rules, state.schedule_id, state.stop)


def decide(state: ScheduleState, now: int) -> Decision:
    """Returns what the schedule does now, and when to look at it again."""
    match state.mode:
        case RunMode.ONCE:
            return Decision(decided=state.decided, next_at=None)
        case RunMode.NOW if not state.launched:
            return Decision(fire=(now,), decided=now, next_at=now + LOOK_AGAIN)
        case RunMode.NOW:
            again = now + LOOK_AGAIN if state.busy else None
            return Decision(decided=state.decided, next_at=again, over=not state.busy)
        case RunMode.CONTINUOUS:
            return _continuous(state, now)
        case RunMode.RECURRING:
            return _recurring(state, now)


def _continuous(state: ScheduleState, now: int) -> Decision:
    """Starts one run after the other until the stop time, which also stops the last run."""
    if state.stop is not None and now >= state.stop:
        return Decision(stop_runs=state.busy, decided=now, next_at=None)
    if state.busy:
        return Decision(decided=state.decided, next_at=_until(state.stop, now + LOOK_AGAIN))
    if state.launched and now < (again := state.decided + SHORTEST_RUN):
        return Decision(decided=state.decided, next_at=_until(state.stop, again))
    return Decision(fire=(now,), decided=now, next_at=_until(state.stop, now + LOOK_AGAIN))


def _until(stop: int | None, moment: int) -> int:
    return moment if stop is None else min(stop, moment)


def _recurring(state: ScheduleState, now: int) -> Decision:
    """Decides the slots in (`decided`, now] in their order: by the rules each one fires, queues or is skipped."""
    due = _due(state, now)
    fresh, skipped = _catch_up(due, state.rules)
    fire, queue, stop_runs = [*state.queued, *fresh], list[int](), False
    match state.rules.overlap:
        case Overlap.ALLOW:
            pass
        case Overlap.SKIP:
            fire = [] if state.busy else fire[:1]
            skipped += _left_out(state.queued, fresh, fire)
        case Overlap.QUEUE:
            fire = [] if state.busy else fire[:1]
            free = max(0, MOST_QUEUED - len(state.queued))
            queue = [slot for slot in fresh if slot not in fire]
            skipped += _runs(queue[free:], Skip.QUEUE_FULL)
            queue = queue[:free]
        case Overlap.REPLACE:
            fire = fire[-1:]
            skipped += _left_out(state.queued, fresh, fire)
            stop_runs = state.busy and bool(fire)
    waiting = state.rules.overlap is Overlap.QUEUE and len(state.queued) + len(queue) > len(fire)
    return Decision(
        fire=tuple(fire),
        queue=tuple(queue),
        skipped=tuple(skipped),
        stop_runs=stop_runs,
        decided=due.slots[-1] if due.slots else state.decided,
        next_at=min(now + LOOK_AGAIN, due.following or now + LOOK_AGAIN) if waiting else due.following,
    )


@dataclass(slots=True)
class _Due:
    """The next slots that are due by now; the first `late` of them are too late. `following`: when the next one is.

    `late_after`: how many further slots are too late, if `slots` does not hold all. It counts only as far as needed.
    """

    slots: list[int] = field(default_factory=list)
    late: int = 0
    late_after: int = 0
    following: int | None = None


def _due(state: ScheduleState, now: int) -> _Due:
    due = _Due()
    moment = 0
    for slot in slots(state.timing, anchor=state.anchor, after=state.decided):
        if state.stop is not None and slot > state.stop:
            break
        # Slots are decided in their order: a slot with a short jitter waits for an earlier slot with a long one.
        moment = max(moment, due_at(slot, state.rules, state.schedule_id))
        is_late = moment + ON_TIME < now
        if moment <= now and len(due.slots) < AT_ONCE:
            due.slots.append(slot)
            due.late += is_late
            continue
        if due.following is None:
            due.following = moment
        if not is_late or due.late_after >= _most_late(state.rules):
            break
        due.late_after += 1
    return due


def _most_late(rules: Rules) -> int:
    match rules.catch_up:
        case CatchUp.NONE:
            return 0
        case CatchUp.LAST:
            return 1
        case CatchUp.ALL:
            return rules.most


def _catch_up(due: _Due, rules: Rules) -> tuple[list[int], list[Skipped]]:
    """Returns the slots to keep, and those skipped as missed. A late slot is kept unless later ones replace it."""
    late, on_time = due.slots[: due.late], due.slots[due.late :]
    kept = max(0, _most_late(rules) - due.late_after)
    if rules.catch_up is CatchUp.LAST and on_time:
        kept = 0
    missed = late[: max(0, len(late) - kept)]
    return [*late[len(missed) :], *on_time], _runs(missed, Skip.MISSED)


def _left_out(queued: Sequence[int], fresh: Sequence[int], fire: Sequence[int]) -> list[Skipped]:
    """Returns every slot that does not fire. A slot that waited already has its own record, so it stays separate."""
    alone = [Skipped(slot, slot, 1, Skip.OVERLAP) for slot in queued if slot not in fire]
    return alone + _runs([slot for slot in fresh if slot not in fire], Skip.OVERLAP)


def due_at(slot: int, rules: Rules, schedule_id: int) -> int:
    """Returns when the slot's run starts: at the slot, or later by a part of the jitter, always the same for a slot."""
    if not rules.jitter_seconds:
        return slot
    seed = blake2b(f"{schedule_id}/{slot}".encode(), digest_size=8).digest()
    return slot + int.from_bytes(seed, "big") % (rules.jitter_seconds * SECOND)


def _beyond(coming: Iterator[int], rules: Rules, schedule_id: int, stop: int | None) -> int | None:
    following = next(coming, None)
    if following is None or (stop is not None and following > stop):
        return None
    return due_at(following, rules, schedule_id)


def _runs(left_out: Sequence[int], reason: Skip) -> list[Skipped]:
    if not left_out:
        return []
    return [Skipped(left_out[0], left_out[-1], len(left_out), reason)]
