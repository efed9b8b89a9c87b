"""One heartbeat for all running attempts. It extends leases, and stops attempts that lost theirs or must stop."""

import time

from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.source import WorkSource

_OF_LEASE = 1 / 3
_FENCE_AT = 0.8
_SIGNAL_SECONDS = 60.0  # a stop request wakes the loop earlier


class Heartbeat:
    """Extends every lease three times per lease time.

    An attempt whose lease was not extended for 80 % of it is stopped.
    """

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
        """Leases last seen before the last tick or the last doubt are extended. Attempts that must stop are stopped."""
        pause = self._lease_seconds * _OF_LEASE
        began = time.monotonic()
        since = max(began - pause / 2, self._capacity.doubt_since)
        due = [lease_id for lease_id, attempt in self._capacity.running.items() if attempt.lease_seen_at <= since]
        if due:
            alive = await self._source.heartbeat(due)
            for lease_id in due:
                if lease_id in alive and (attempt := self._capacity.running.get(lease_id)) is not None:
                    # The lease counts from before the call, because it may have been slow.
                    attempt.lease_seen_at = began
            self._capacity.stop(lease_id for lease_id in due if lease_id not in alive)
            self._capacity.request_stop([lease_id for lease_id, to_stop in alive.items() if to_stop])
        return pause

    async def signal_tick(self) -> float:
        """The source has recorded which attempts got a stop signal. Their end does not wait for the record."""
        signals = list(self._capacity.stop_signals)
        if signals:
            await self._source.stop_signalled(signals)
            self._capacity.stop_signals.difference_update(signals)
        return _SIGNAL_SECONDS

    async def fence_tick(self) -> float:
        """Attempts that may have lost their leases are stopped, because the storage has not confirmed them."""
        limit = time.monotonic() - self._lease_seconds * _FENCE_AT
        running = self._capacity.running.items()
        self._capacity.stop([lease_id for lease_id, attempt in running if attempt.lease_seen_at < limit])
        return self._lease_seconds / 20
