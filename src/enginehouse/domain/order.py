"""Who is next: the order of waiting items, the shares of organizations, and what keeps a lane from being offered. Pure.

A *lane* holds the waiting items of one organization for one engine, in their order: lowest priority number first, then
the earliest due time, then age. Within an organization lanes are merged in that same order; between organizations the
one that has had the least of the slots for its weight comes first, so a priority moves nobody else's work.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

# What starting an attempt costs at least, in seconds of a slot: attempts too short to be seen running still count.
START_SECONDS: Final = 0.01
# How far an organization can fall behind the others and still be owed the difference, in seconds of a slot.
LONGEST_DEBT: Final = 60.0


class Lane(NamedTuple):
    """The waiting items of one organization for one engine."""

    organization_id: int
    engine_id: str


class Waiting(NamedTuple):
    """One item that may start, in the order in which items of an organization start."""

    priority: int
    due_at: int
    job_id: int
    ordinal: int
    item: int


class Obstacle(StrEnum):
    """Why nothing of a lane may start now, whatever its items are."""

    ORGANIZATION_PAUSED = "organization_paused"
    ENGINE_PAUSED = "engine_paused"
    ORGANIZATION_LIMIT = "organization_limit"
    ENGINE_LIMIT = "engine_limit"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is true of the whole house at one moment. Organizations and engines that are not named have the defaults.

    `live` counts the leases by lane: a limit holds against those, so no slot can leak.
    """

    weights: Mapping[int, int] = field(default_factory=dict)
    organization_limits: Mapping[int, int] = field(default_factory=dict)
    engine_limits: Mapping[str, int] = field(default_factory=dict)
    paused_organizations: frozenset[int] = frozenset()
    paused_engines: frozenset[str] = frozenset()
    live: Mapping[Lane, int] = field(default_factory=dict)

    def weight(self, organization_id: int) -> int:
        return self.weights.get(organization_id, 1)

    def live_of_organization(self, organization_id: int) -> int:
        return sum(count for lane, count in self.live.items() if lane.organization_id == organization_id)

    def live_of_engine(self, engine_id: str) -> int:
        return sum(count for lane, count in self.live.items() if lane.engine_id == engine_id)


def obstacles(lane: Lane, standing: Standing) -> tuple[Obstacle, ...]:
    """Everything that keeps the lane from being offered now; empty when its first item is a candidate."""
    organization_id, engine_id = lane
    found = list[Obstacle]()
    if organization_id in standing.paused_organizations:
        found.append(Obstacle.ORGANIZATION_PAUSED)
    if engine_id in standing.paused_engines:
        found.append(Obstacle.ENGINE_PAUSED)
    limit = standing.organization_limits.get(organization_id)
    if limit is not None and standing.live_of_organization(organization_id) >= limit:
        found.append(Obstacle.ORGANIZATION_LIMIT)
    limit = standing.engine_limits.get(engine_id)
    if limit is not None and standing.live_of_engine(engine_id) >= limit:
        found.append(Obstacle.ENGINE_LIMIT)
    return tuple(found)


@dataclass(slots=True)
class Shares:
    """How much of the slots each organization has had for its weight, in seconds of a slot.

    The measure is that of fair queueing: a newcomer starts level with the one that has had least, so it neither waits
    for the others' past nor is owed for the time it was away. Memory only: after a restart all begin level.
    """

    had: dict[int, float] = field(default_factory=dict)

    def advance(self, seconds: float, standing: Standing) -> None:
        """`seconds` have passed in which the live leases ran."""
        for lane, count in standing.live.items():
            organization_id = lane.organization_id
            if organization_id in self.had:
                self.had[organization_id] += seconds * count / standing.weight(organization_id)

    def started(self, organization_id: int, standing: Standing, *, count: int = 1) -> None:
        """`count` attempts of the organization have started."""
        self.had[organization_id] = self.had.get(organization_id, 0.0) + count * START_SECONDS / standing.weight(
            organization_id
        )

    def level(self, organizations: Iterable[int]) -> dict[int, float]:
        """What each of these, and no other, is held to have had. Those that have nothing waiting are forgotten."""
        here = set(organizations)
        known = [self.had[organization_id] for organization_id in here if organization_id in self.had]
        least, most = min(known, default=0.0), max(known, default=0.0)
        floor = max(least, most - LONGEST_DEBT)
        self.had = {organization_id: max(self.had.get(organization_id, floor), floor) for organization_id in here}
        return dict(self.had)


def choose(
    lanes: Mapping[Lane, Sequence[Waiting]], standing: Standing, shares: Shares, *, limit: int
) -> list[tuple[Lane, Waiting]]:
    """Up to `limit` items in the order in which they are to start; each lane's items are given in their own order.

    Nothing is charged: tell `shares` what has really started.
    """
    had = shares.level(lane.organization_id for lane in lanes)
    room = _Room(standing)
    queues: dict[int, list[tuple[Waiting, Lane, int]]] = {}
    for lane, items in lanes.items():
        if items and not obstacles(lane, standing):
            queues.setdefault(lane.organization_id, []).append((items[0], lane, 0))
    running = {organization_id: standing.live_of_organization(organization_id) for organization_id in queues}
    turns = list[tuple[float, float, int]]()
    for organization_id, queue in queues.items():
        heapq.heapify(queue)
        turns.append(
            (had[organization_id], running[organization_id] / standing.weight(organization_id), organization_id)
        )
    heapq.heapify(turns)
    chosen = list[tuple[Lane, Waiting]]()
    while turns and len(chosen) < limit:
        had_so_far, _, organization_id = turns[0]
        found = _next(queues[organization_id], lanes, room)
        if found is None:
            heapq.heappop(turns)
            continue
        chosen.append(found)
        running[organization_id] += 1
        weight = standing.weight(organization_id)
        turn = (had_so_far + START_SECONDS / weight, running[organization_id] / weight, organization_id)
        heapq.heapreplace(turns, turn)
    return chosen


class _Room:
    """What the limits still let through while a choice is made."""

    def __init__(self, standing: Standing) -> None:
        self._organizations = {
            organization_id: most - standing.live_of_organization(organization_id)
            for organization_id, most in standing.organization_limits.items()
        }
        self._engines = {
            engine_id: most - standing.live_of_engine(engine_id) for engine_id, most in standing.engine_limits.items()
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
    queue: list[tuple[Waiting, Lane, int]], lanes: Mapping[Lane, Sequence[Waiting]], room: _Room
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
        else:
            heapq.heappop(queue)
        return lane, item
    return None
