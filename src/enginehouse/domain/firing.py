"""What a schedule does at a moment: which of its slots fire, which are left out and why, when to look again. Pure.

The caller holds the schedule's row: every slot up to `Decision.decided` has then been fired or recorded as skipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from itertools import islice
from typing import Final

from enginehouse.domain.schedule import CatchUp, Overlap, Rules, Timing
from enginehouse.domain.slots import slots
from enginehouse.domain.times import SECOND

ON_TIME: Final = 5 * SECOND  # a slot fired within this is not late: a server may have had to take over from another
AT_ONCE: Final = 10_000  # slots looked at in one decision; a longer past is gone through in several


class Skip(StrEnum):
    """Why a slot was not fired."""

    MISSED = "missed"  # nobody could fire it in time, and the schedule does not catch it up
    OVERLAP = "overlap"  # an earlier run had not ended


@dataclass(frozen=True, slots=True)
class Skipped:
    """`count` slots in a row, from `first` to `last`, were left out for one reason."""

    first: int
    last: int
    count: int
    reason: Skip


@dataclass(frozen=True, slots=True)
class Decision:
    """`fire` start now, in order; with `replace` the runs before them are stopped. `queue` start when those have ended.

    `next_at` is when to look again, None when no slot is left before the stop.
    """

    fire: tuple[int, ...]
    queue: tuple[int, ...]
    skipped: tuple[Skipped, ...]
    decided: int
    next_at: int | None
    replace: bool = False


def decide(
    timing: Timing,
    rules: Rules,
    *,
    schedule_id: int,
    anchor: int,
    decided: int,
    now: int,
    stop: int | None = None,
    busy: bool = False,
) -> Decision:
    """What is to be done about the slots in (`decided`, `now`], and when the next one is due.

    `busy`: a run of the schedule has not ended. `stop`: the last moment at which a slot may be.
    """
    due, more = list[int](), None
    coming = slots(timing, anchor=anchor, after=decided)
    for slot in islice(coming, AT_ONCE):
        if stop is not None and slot > stop:
            break
        if due_at(slot, rules, schedule_id) > now:
            more = due_at(slot, rules, schedule_id)
            break
        due.append(slot)
    else:
        more = _beyond(coming, rules, schedule_id, stop)
    late = [slot for slot in due if due_at(slot, rules, schedule_id) + ON_TIME < now]
    on_time = due[len(late) :]
    wanted, skipped = _catch_up(late, on_time, rules, more_is_late=more is not None and more + ON_TIME < now)
    fire, queue, replace = wanted, list[int](), False
    match rules.overlap:
        case Overlap.ALLOW:
            pass
        case Overlap.SKIP:
            fire = [] if busy else wanted[:1]
            skipped += _runs([slot for slot in wanted if slot not in fire], Skip.OVERLAP)
        case Overlap.QUEUE:
            fire, queue = ([], wanted) if busy else (wanted[:1], wanted[1:])
        case Overlap.REPLACE:
            fire, replace = wanted[-1:], busy and bool(wanted)
            skipped += _runs(wanted[:-1], Skip.OVERLAP)
    return Decision(
        fire=tuple(fire),
        queue=tuple(queue),
        skipped=tuple(skipped),
        decided=due[-1] if due else decided,
        next_at=more,
        replace=replace,
    )


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


def _catch_up(
    late: list[int], on_time: list[int], rules: Rules, *, more_is_late: bool
) -> tuple[list[int], list[Skipped]]:
    """The slots that are still wanted, and those that are not. A later missed slot stands for all before it."""
    match rules.catch_up:
        case CatchUp.NONE:
            kept = 0
        case CatchUp.LAST:
            kept = 0 if on_time or more_is_late else 1
        case CatchUp.ALL:
            kept = rules.most
    missed = late[: len(late) - kept] if kept else late
    caught = late[len(missed) :]
    return caught + on_time, _runs(missed, Skip.MISSED)


def _runs(left_out: list[int], reason: Skip) -> list[Skipped]:
    if not left_out:
        return []
    return [Skipped(left_out[0], left_out[-1], len(left_out), reason)]
