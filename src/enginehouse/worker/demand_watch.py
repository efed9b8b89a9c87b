"""Tells what runs the engines how many items wait, so that a cluster can grow, and shrink again."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from enginehouse.domain.errors import NotFound, Unavailable
from enginehouse.runtime.loop import Loop
from enginehouse.worker.connection import TokenRefused
from enginehouse.worker.http_source import HttpSource

SECONDS: Final = 5.0


class DemandWatch:
    """Looks at the server every few seconds, for no more than `most` items of an organization and engine."""

    def __init__(
        self, source: HttpSource, *, most: int, wanted: Callable[[Mapping[str, int]], Awaitable[None]]
    ) -> None:
        self._source = source
        self._most = most
        self._wanted = wanted
        self.loop = Loop("demand", self.tick)

    async def tick(self) -> float:
        """The executor knows what waits. Returns the pause."""
        try:
            demand = await self._source.demand(self._most)
        except (TokenRefused, NotFound, Unavailable):
            return SECONDS  # other loops see to it
        await self._wanted(demand)
        return SECONDS
