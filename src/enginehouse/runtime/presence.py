"""Tells the source that a worker is there: when it starts, at every beat, and when it leaves."""

from contextlib import suppress

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.work import BEAT_SECONDS
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.source import WorkerOffer, WorkSource


class WorkerPresence:
    """The source knows the worker, its worker slots and its engines from `register` to `leave`."""

    def __init__(self, source: WorkSource, offer: WorkerOffer) -> None:
        self._source = source
        self._offer = offer
        self.loop = Loop("presence", self.tick)

    @property
    def offer(self) -> WorkerOffer:
        """What the worker offers now."""
        return self._offer

    async def change(self, offer: WorkerOffer) -> None:
        """The source knows that the worker offers this from now on."""
        self._offer = offer
        await self._source.beat(offer)

    async def register(self) -> None:
        """The source knows the worker."""
        await self._source.register(self._offer)

    async def tick(self) -> float:
        """The source knows that the worker is still there. Returns the seconds until the next beat."""
        await self._source.beat(self._offer)
        return BEAT_SECONDS

    async def leave(self) -> None:
        """Nobody waits for the worker.

        If the source is not reachable, the missing beats have the same effect a little later.
        """
        with suppress(Unavailable):
            await self._source.leave(self._offer.name)
