"""One heartbeat for all running attempts: it keeps their leases, and stops those that lost theirs or are to stop."""

import time

from enginehouse.runtime.capacity import Slots
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.source import WorkSource

_OF_LEASE = 1 / 3
_FENCE_AT = 0.8
_SIGNAL_SECONDS = 60.0  # woken when there is something to tell


class Heartbeat:
    """Extends every lease three times per lease time; an attempt unheard of for 80 % of it is stopped in time."""

    def __init__(self, source: WorkSource, slots: Slots, *, lease_seconds: float) -> None:
        self._source = source
        self._slots = slots
        self._lease_seconds = lease_seconds
        self.loop = Loop("heartbeat", self.tick)
        self.fence = Loop("fence", self.fence_tick)
        self.signals = Loop("signals", self.signal_tick)
        slots.unsure = self.loop.wake
        slots.told = self.signals.wake

    async def tick(self) -> float:
        """The leases of attempts older than a tick, or than a notice, have been extended; those to stop are told so."""
        pause = self._lease_seconds * _OF_LEASE
        asked_at = time.monotonic()
        since = max(asked_at - pause / 2, self._slots.noticed_at)
        held = [key for key, attempt in self._slots.running.items() if attempt.held_at <= since]
        if held:
            kept = await self._source.heartbeat(held)
            for key in held:
                if key in kept and (attempt := self._slots.running.get(key)) is not None:
                    # The lease counts from before the call: its answer may have been slow.
                    attempt.held_at = asked_at
            self._slots.stop(key for key in held if key not in kept)
            self._slots.ask([key for key, to_stop in kept.items() if to_stop])
        return pause

    async def signal_tick(self) -> float:
        """It is known of the attempts asked to stop that they were; their end waits for nobody to know it."""
        told = list(self._slots.signalled)
        if told:
            await self._source.signalled(told)
            self._slots.signalled.difference_update(told)
        return _SIGNAL_SECONDS

    async def fence_tick(self) -> float:
        """Without an answer from storage nothing is known: what may have lost its lease by now is stopped."""
        limit = time.monotonic() - self._lease_seconds * _FENCE_AT
        self._slots.stop([key for key, attempt in self._slots.running.items() if attempt.held_at < limit])
        return self._lease_seconds / 20
