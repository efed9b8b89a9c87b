"""Who is next: the order of waiting items, the shares of organizations, and what keeps a lane from being offered. Pure.

A *lane* holds the waiting items of one organization for one engine, in their order: lowest priority number first, then
the earliest due time, then age. Within an organization lanes are merged in that same order; between organizations the
one that has had the least of the slots for its weight comes first, so a priority moves nobody else's work.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from enginehouse.domain.fair_shares import START_SECONDS, Level
from enginehouse.domain.quotas import Lane, Quotas, obstacles


class Waiting(NamedTuple):
    """One item that may start, in the order in which items of an organization start."""

    priority: int
    due_at: int
    job_id: int
    ordinal: int
    item: int


def turns(lanes: Iterable[Lane], quotas: Quotas, level: Level) -> list[int]:
    """The organizations of the lanes that something may start of, the one whose turn it is first."""
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
    """Up to `limit` items in the order in which they are to start; each lane's items are given in their own order.

    `more`: lanes that go on behind the items given. What comes after those may precede what other lanes of the same
    organization hold, so its turn ends there. Nothing is charged: the shares are told what has really started.
    """
    waiting = {lane: items for lane, items in lanes.items() if items and not obstacles(lane, quotas)}
    if len(waiting) == 1 and not quotas.limited:
        # The common house: one organization, one engine. Nobody to be fair to, nothing to count.
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
    """What the limits still let through while a choice is made."""

    def __init__(self, quotas: Quotas) -> None:
        self._organizations = {
            organization_id: most - quotas.live_of_organization(organization_id)
            for organization_id, most in quotas.organization_limits.items()
        }
        self._engines = {
            engine_id: most - quotas.live_of_engine(engine_id) for engine_id, most in quotas.engine_limits.items()
        }

    def take(self, lane: Lane) -> bool:
        """One more of the lane may start, and is counted."""
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
    """The organization's next item that the limits let through; a lane that has met its limit is left out for good."""
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
