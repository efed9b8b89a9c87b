"""What stops a lane now: weights, limits, pauses, and the number of running attempts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple


class Lane(NamedTuple):
    """The waiting items of one organization for one engine."""

    organization_id: int
    engine_id: str


class Obstacle(StrEnum):
    """Why no item of a lane may start now. The items themselves do not matter."""

    ORGANIZATION_PAUSED = "organization_paused"
    ENGINE_PAUSED = "engine_paused"
    ENGINE_UNAVAILABLE = "engine_unavailable"
    ORGANIZATION_LIMIT = "organization_limit"
    ENGINE_LIMIT = "engine_limit"


@dataclass(frozen=True)
class Quotas:
    """The quotas of the whole server at one moment. Organizations and engines that are not named have the defaults.

    `live` counts the leases by lane. The limits are compared with these counts, so no slot can leak.
    """

    weights: Mapping[int, int] = field(default_factory=dict)
    organization_limits: Mapping[int, int] = field(default_factory=dict)
    engine_limits: Mapping[str, int] = field(default_factory=dict)
    paused_organizations: frozenset[int] = frozenset()
    paused_engines: frozenset[str] = frozenset()
    live: Mapping[Lane, int] = field(default_factory=dict)
    unavailable_engines: frozenset[str] = frozenset()

    @property
    def limited(self) -> bool:
        """True if there is any limit, so that the number of live leases matters."""
        return bool(self.organization_limits or self.engine_limits)

    def weight(self, organization_id: int) -> int:
        return self.weights.get(organization_id, 1)

    def live_of_organization(self, organization_id: int) -> int:
        return self._live_by_organization[organization_id]

    def live_of_engine(self, engine_id: str) -> int:
        return self._live_by_engine[engine_id]

    @cached_property
    def _live_by_organization(self) -> Counter[int]:
        live = Counter[int]()
        for lane, count in self.live.items():
            live[lane.organization_id] += count
        return live

    @cached_property
    def _live_by_engine(self) -> Counter[str]:
        live = Counter[str]()
        for lane, count in self.live.items():
            live[lane.engine_id] += count
        return live


def obstacles(lane: Lane, quotas: Quotas) -> tuple[Obstacle, ...]:
    """Returns every obstacle of the lane now. If it is empty, the lane's first item may start."""
    organization_id, engine_id = lane
    obstacles_ = list[Obstacle]()
    if organization_id in quotas.paused_organizations:
        obstacles_.append(Obstacle.ORGANIZATION_PAUSED)
    if engine_id in quotas.paused_engines:
        obstacles_.append(Obstacle.ENGINE_PAUSED)
    if engine_id in quotas.unavailable_engines:
        obstacles_.append(Obstacle.ENGINE_UNAVAILABLE)
    limit = quotas.organization_limits.get(organization_id)
    if limit is not None and quotas.live_of_organization(organization_id) >= limit:
        obstacles_.append(Obstacle.ORGANIZATION_LIMIT)
    limit = quotas.engine_limits.get(engine_id)
    if limit is not None and quotas.live_of_engine(engine_id) >= limit:
        obstacles_.append(Obstacle.ENGINE_LIMIT)
    return tuple(obstacles_)


def startable(lanes: Iterable[tuple[Lane, int]], quotas: Quotas) -> list[int]:
    """Returns how many of the waiting items of each lane may start now: no more than the limits leave."""
    rooms: dict[int | str, int] = {
        owner: limit - quotas.live_of_organization(owner) for owner, limit in quotas.organization_limits.items()
    }
    rooms |= {engine: limit - quotas.live_of_engine(engine) for engine, limit in quotas.engine_limits.items()}
    found = list[int]()
    for lane, items in lanes:
        limited = [part for part in lane if part in rooms]
        found.append(0 if obstacles(lane, quotas) else min([items, *(rooms[part] for part in limited)]))
        for part in limited:
            rooms[part] -= found[-1]
    return found
