"""A worker says that it is there: when it starts, at every beat, and when it leaves."""

from contextlib import suppress

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.work import BEAT_SECONDS
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.source import WorkerOffer, WorkSource


class WorkerPresence:
    """The worker is known to its source with its worker slots and engines from `register` to `leave`."""

    def __init__(self, source: WorkSource, offer: WorkerOffer) -> None:
        self._source = source
        self._offer = offer
        self.loop = Loop("presence", self.tick)

    async def register(self) -> None:
        """The source knows the worker."""
        await self._source.register(self._offer)

    async def tick(self) -> float:
        """The source knows that the worker is still there; returns when to say so again."""
        await self._source.beat(self._offer)
        return BEAT_SECONDS

    async def leave(self) -> None:
        """Nobody waits for the worker. Where the source is out of reach, silence says the same a little later."""
        with suppress(Unavailable):
            await self._source.leave(self._offer.name)
