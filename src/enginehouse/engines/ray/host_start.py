"""Starts a host: it waits until a node has room, takes it, and waits until the host answers.

A warm host that nobody uses holds its resources. Ray would let another one wait for them for ever and say nothing, so
idle hosts go when another finds no room.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final

import structlog
from ray.exceptions import RayError

from enginehouse import __version__
from enginehouse.domain.resources import Resources, sentence
from enginehouse.engines.ray import messages, placement
from enginehouse.engines.ray.cluster import RayCluster
from enginehouse.engines.ray.host import SWEEPS
from enginehouse.engines.ray.messages import HostFacts
from enginehouse.engines.ray.placement import HostPlace

log = structlog.get_logger(__name__)

_LOOK: Final = 0.25  # seconds between two looks for room
_SETTLE: Final = 0.5  # seconds within which a node takes a host for which it has room
_SETTLE_LOOK: Final = 0.02
_NOBODY: Final = "No call waits for the host any more."


class NotStarted(Exception):
    """No host could be had. The message is a sentence. Nothing was handed over."""


class Urgency(Enum):
    """Whether a host is to start: nobody waits for it; only where there is room; or idle hosts make room for it."""

    NONE = "none"
    PATIENT = "patient"
    URGENT = "urgent"


class HostStarts:
    """Starts hosts on the cluster. `idle` returns those that could make room, the first to go first; `evict` ends one,
    and until it has ended it is in `leaving`.

    A host that is not there within `seconds` is given up.
    """

    def __init__(
        self,
        cluster: RayCluster,
        *,
        seconds: float,
        idle: Callable[[], Sequence[HostPlace]],
        leaving: Callable[[], Sequence[HostPlace]],
        evict: Callable[[int], None],
    ) -> None:
        self._cluster = cluster
        self._seconds = seconds
        self._idle = idle
        self._leaving = leaving
        self._evict = evict
        self._placing = asyncio.Lock()  # two starts may see the same room
        self._warned = set[str]()
        self.placed: list[Resources] = []  # what hosts take that do not answer yet

    async def start(self, takes: Resources, urgency: Callable[[], Urgency]) -> tuple[Any, HostFacts]:
        """Returns a host that answers. Raises NotStarted, ClusterAway and RayError."""
        until = time.monotonic() + self._seconds
        handle = await self._place(takes, until, urgency)
        self.placed.append(takes)
        try:
            async with asyncio.timeout(until - time.monotonic()):
                facts = messages.facts(await handle.ready.remote())
            if facts.version != __version__:
                text = f"The node {facts.address} has Enginehouse {facts.version}, and this worker has {__version__}."
                raise NotStarted(text)
        except TimeoutError:
            await self._cluster.kill(handle)
            text = f"A host on the Ray cluster at {self._cluster.address} was not ready within {self._seconds:g} s."
            raise NotStarted(text) from None
        except (RayError, NotStarted):
            await self._cluster.kill(handle)
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._cluster.kill(handle))
            raise
        finally:
            self.placed.remove(takes)
        self._warn(facts)
        return handle, facts

    def lacking(self, takes: Resources) -> str:
        """Returns the sentence for a host that is not there in time."""
        what = sentence(takes, takes.amounts())
        return f"No node of the Ray cluster at {self._cluster.address} had {what} within {self._seconds:g} s."

    async def _place(self, takes: Resources, until: float, urgency: Callable[[], Urgency]) -> Any:
        while True:
            async with self._placing:
                nodes = await self._cluster.nodes()
                if placement.hosts(takes, placement.free(nodes)):
                    return await self._taken(takes)
            match urgency():
                case Urgency.NONE:
                    raise NotStarted(_NOBODY)
                case Urgency.PATIENT:
                    pass
                case Urgency.URGENT:
                    soon = placement.without(nodes, self._leaving())
                    for place in placement.evictions(takes, soon, self._idle()):
                        self._evict(place.key)
            if time.monotonic() >= until:
                raise NotStarted(self.lacking(takes))
            await asyncio.sleep(_LOOK)

    async def _taken(self, takes: Resources) -> Any:
        """Returns a new host. The nodes show that its room is taken, unless somebody else was quicker."""
        handle = await self._cluster.start(takes)
        until = time.monotonic() + _SETTLE
        while time.monotonic() < until and not await self._cluster.is_at_node(handle):  # noqa: ASYNC110 -- no event
            await asyncio.sleep(_SETTLE_LOOK)
        return handle

    def _warn(self, facts: HostFacts) -> None:
        if not facts.sweeps and facts.node not in self._warned:
            self._warned.add(facts.node)
            log.warning("a node may leave processes of engines behind; set to 0:", node=facts.address, setting=SWEEPS)
