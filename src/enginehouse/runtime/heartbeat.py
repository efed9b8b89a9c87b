"""One heartbeat for all running attempts: it keeps their leases, and stops those that lost theirs or are to stop."""

import time

from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.source import WorkSource

_OF_LEASE = 1 / 3
_FENCE_AT = 0.8
_SIGNAL_SECONDS = 60.0  # a stop request wakes the loop


class Heartbeat:
    """Extends every lease three times per lease time; an attempt unheard of for 80 % of it is stopped in time."""

    def __init__(self, source: WorkSource, capacity: Capacity, *, lease_seconds: float) -> None:
        self._source = source
        self._capacity = capacity
        self._lease_seconds = lease_seconds
        self.loop = Loop("heartbeat", self.tick)
        self.fence = Loop("fence", self.fence_tick)
        self.signals = Loop("signals", self.signal_tick)
        capacity.on_doubt = self.loop.wake
        capacity.on_stop_request = self.signals.wake

    async def tick(self) -> float:
        """Leases older than a tick, or than a doubt, are extended, and the attempts that are to stop are stopped."""
        pause = self._lease_seconds * _OF_LEASE
        began = time.monotonic()
        since = max(began - pause / 2, self._capacity.doubt_since)
        due = [lease_id for lease_id, attempt in self._capacity.running.items() if attempt.lease_seen_at <= since]
        if due:
            alive = await self._source.heartbeat(due)
            for lease_id in due:
                if lease_id in alive and (attempt := self._capacity.running.get(lease_id)) is not None:
                    # The lease counts from before the call: its answer may have been slow.
                    attempt.lease_seen_at = began
            self._capacity.stop(lease_id for lease_id in due if lease_id not in alive)
            self._capacity.request_stop([lease_id for lease_id, to_stop in alive.items() if to_stop])
        return pause

    async def signal_tick(self) -> float:
        """It is recorded which attempts were signalled to stop; their end does not wait for that."""
        signals = list(self._capacity.stop_signals)
        if signals:
            await self._source.stop_signalled(signals)
            self._capacity.stop_signals.difference_update(signals)
        return _SIGNAL_SECONDS

    async def fence_tick(self) -> float:
        """What may have lost its lease by now is stopped: without an answer from storage nothing is known."""
        limit = time.monotonic() - self._lease_seconds * _FENCE_AT
        running = self._capacity.running.items()
        self._capacity.stop([lease_id for lease_id, attempt in running if attempt.lease_seen_at < limit])
        return self._lease_seconds / 20
