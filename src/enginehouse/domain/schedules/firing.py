"""What a schedule does at a moment: which of its slots fire, which are left out and why, when to look again. Pure.

The caller holds the schedule's row: every slot up to `Decision.decided` has then been fired or recorded as skipped.
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

LOOK_AGAIN: Final = SECOND // 2  # while something waits for a run to end
SHORTEST_RUN: Final = 10 * SECOND  # a continuous schedule does not start more often than this
ON_TIME: Final = 5 * SECOND  # a slot fired within this is not late: a server may have had to take over from another
AT_ONCE: Final = 10_000  # slots looked at in one decision; a longer past is gone through in several
MOST_QUEUED: Final = 1000  # a schedule whose runs take longer than its interval does not queue without end


class Skip(StrEnum):
    """Why a slot was not fired."""

    MISSED = "missed"  # nobody could fire it in time, and the schedule does not catch it up
    OVERLAP = "overlap"  # an earlier run had not ended
    QUEUE_FULL = "queue_full"  # as many slots as may wait did


@dataclass(frozen=True, slots=True)
class Skipped:
    """`count` slots in a row, from `first` to `last`, were left out for one reason."""

    first: int
    last: int
    count: int
    reason: Skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`fire` start now, in order; `queue` wait from now on for the runs before them; `skipped` are left out.

    A slot that waited already is in none of them while it goes on waiting. `stop_runs`: what runs of the schedule is
    stopped first. `decided` is the new cursor, `next_at` when to look again, None when nothing is to come. `over`: a
    `now` has run, and is a `once` from here on.
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
    """A schedule at one moment. `busy`: a run has not ended. `queued`: slots that wait for that, the oldest first.

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
    """The schedule at this moment."""
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
    """The anchor and the cursor of a schedule that is activated or given another timing now.

    No slot is before that moment, whatever the start says. Intervals are counted from the start, else from the `anchor`
    a schedule had before, else from now, and the first of them is then one interval away.
    """
    begin = start if start is not None else anchor if anchor is not None else now
    return begin, max(now, begin - 1)


def first_look(state: ScheduleState) -> int | None:
    """When an active schedule is to be looked at for the first time; None for one that waits for a launch."""
    match state.mode:
        case RunMode.ONCE:
            return None
        case RunMode.NOW | RunMode.CONTINUOUS:
            return state.decided + 1
        case RunMode.RECURRING:
            coming = slots(state.timing, anchor=state.anchor, after=state.decided)
            return _beyond(coming, state.rules, state.schedule_id, state.stop)


def decide(state: ScheduleState, now: int) -> Decision:
    """What the schedule does now, and when it is to be looked at again."""
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
    """One run after the other until the stop, which ends the last one."""
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
    """The slots in (`decided`, now] fire, queue or are left out as the rules say, in their order."""
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
    """The next slots that are due by now, the first `late` of them too late; when the one after them is.

    `late_after`: how many more are too late, where these are not all; counted as far as it matters.
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
        # Slots are decided in their order: one whose jitter is short waits for one before it whose jitter is long.
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
    """The slots that are still wanted, and those that are not. A later missed slot stands for all before it."""
    late, on_time = due.slots[: due.late], due.slots[due.late :]
    kept = max(0, _most_late(rules) - due.late_after)
    if rules.catch_up is CatchUp.LAST and on_time:
        kept = 0
    missed = late[: max(0, len(late) - kept)]
    return [*late[len(missed) :], *on_time], _runs(missed, Skip.MISSED)


def _left_out(queued: Sequence[int], fresh: Sequence[int], fire: Sequence[int]) -> list[Skipped]:
    """Every slot that does not fire. One that waited has a record of its own already, and so stays by itself."""
    alone = [Skipped(slot, slot, 1, Skip.OVERLAP) for slot in queued if slot not in fire]
    return alone + _runs([slot for slot in fresh if slot not in fire], Skip.OVERLAP)


def due_at(slot: int, rules: Rules, schedule_id: int) -> int:
    """When the slot's run starts: the slot itself, or later by a share of the jitter that is always the same for it."""
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
