"""Chooses which waiting items start next, by the order of items and the shares of organizations. Pure.

A *lane* holds the waiting items of one organization for one engine, in their order: lowest priority number first, then
the earliest due time, then the earliest turn. The first item of a job has its turn when the job is created, each
further item `TURN_MICROS` later. So the jobs of a lane take turns, and a small job does not wait for all items of a
large one. A turn never changes, so every item starts at some time, however many jobs come after it.

Within an organization the lanes are merged in the same order. Between organizations, the one that has used the least
slot time for its weight comes first; so a priority does not affect the work of other organizations.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from enginehouse.domain.fair_shares import START_SECONDS, Level
from enginehouse.domain.quotas import Lane, Quotas, obstacles

TURN_MICROS: Final = 3_600_000_000  # no less than almost any item takes, or a small job waits for several items
TASKS_AT_ONCE: Final = 8  # of a job for one engine; jobs of a few tasks run whole, one after the other


class Waiting(NamedTuple):
    """One item that may start. The tuples sort in the order in which an organization's items start."""

    priority: int
    due_at: int
    turn_at: int
    job_id: int
    ordinal: int
    item: int


def turn_at(job_at: int, place: int, item: int) -> int:
    """Returns when the item has its turn (µs).

    `job_at` is when its job was created, `place` the number of earlier tasks of the job for the same engine.
    """
    return job_at + (place // TASKS_AT_ONCE + item) * TURN_MICROS


def turns(lanes: Iterable[Lane], quotas: Quotas, level: Level) -> list[int]:
    """Returns the organizations that have a lane without an obstacle, in the order of their turns."""
    may_start = {lane.organization_id for lane in lanes if not obstacles(lane, quotas)}
    return sorted(may_start, key=level.of)


def choose(
    lanes: Mapping[Lane, Sequence[Waiting]],
    quotas: Quotas,
    level: Level,
    *,
    limit: int,
    more: Collection[Lane] = (),
) -> list[tuple[Lane, Waiting]]:
    """Returns up to `limit` items in the order in which they start. The items of each lane must be in order.

    `more` are the lanes that have further items in storage. Those may come before items in other lanes of the same
    organization; so its turns end when the known items of such a lane run out. This function charges nothing: the
    shares record only the items that have really started.
    """
    waiting = {lane: items for lane, items in lanes.items() if items and not obstacles(lane, quotas)}
    if len(waiting) == 1 and not quotas.limited:
        # The usual case: one organization, one engine, no limits. Its order is the lane's order.
        [(lane, items)] = waiting.items()
        return [(lane, item) for item in items[:limit]]
    queues = dict[int, list[tuple[Waiting, Lane, int]]]()
    for lane, items in waiting.items():
        queues.setdefault(lane.organization_id, []).append((items[0], lane, 0))
    for queue in queues.values():
        heapq.heapify(queue)
    order = [(*level.of(organization_id), organization_id) for organization_id in queues]
    heapq.heapify(order)
    room = _Room(quotas)
    chosen = list[tuple[Lane, Waiting]]()
    while order and len(chosen) < limit:
        had_so_far, _, organization_id = order[0]
        next_ = _next(queues[organization_id], lanes, room, more)
        if next_ is None:
            heapq.heappop(order)
            continue
        chosen.append(next_)
        after = had_so_far + START_SECONDS / quotas.weight(organization_id)
        heapq.heapreplace(order, (after, level.starts + len(chosen), organization_id))
    return chosen


class _Room:
    """How many more attempts the limits allow during one choice."""

    def __init__(self, quotas: Quotas) -> None:
        self._organizations = {
            organization_id: most - quotas.live_of_organization(organization_id)
            for organization_id, most in quotas.organization_limits.items()
        }
        self._engines = {
            engine_id: most - quotas.live_of_engine(engine_id) for engine_id, most in quotas.engine_limits.items()
        }

    def take(self, lane: Lane) -> bool:
        """True if one more item of the lane may start; it is then counted."""
        if self._organizations.get(lane.organization_id, 1) <= 0 or self._engines.get(lane.engine_id, 1) <= 0:
            return False
        if lane.organization_id in self._organizations:
            self._organizations[lane.organization_id] -= 1
        if lane.engine_id in self._engines:
            self._engines[lane.engine_id] -= 1
        return True


def _next(
    queue: list[tuple[Waiting, Lane, int]],
    lanes: Mapping[Lane, Sequence[Waiting]],
    room: _Room,
    more: Collection[Lane],
) -> tuple[Lane, Waiting] | None:
    """Returns the organization's next item that the limits allow. A lane at its limit is left out of this choice."""
    while queue:
        item, lane, place = queue[0]
        if not room.take(lane):
            heapq.heappop(queue)
            continue
        items = lanes[lane]
        if place + 1 < len(items):
            heapq.heapreplace(queue, (items[place + 1], lane, place + 1))
        elif lane in more:
            queue.clear()
        else:
            heapq.heappop(queue)
        return lane, item
    return None
