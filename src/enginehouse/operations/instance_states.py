"""What a server remembers of the workers on other machines that it talks to, and how it wakes those that wait.

Storage has the truth: after a restart everything here is learned again.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from enginehouse.domain.identity import WorkerScope
from enginehouse.domain.instance import Instance
from enginehouse.domain.resources import Resources
from enginehouse.domain.work import ItemKey, Lease
from enginehouse.storage.work.lanes import Outlook, Queue

LeaseId = tuple[ItemKey, int]

FRESH: Final = 0.25  # seconds for which the waiting workers share one look at the lanes
_FORGOTTEN: Final = 3600.0  # seconds after the last request


@dataclass(slots=True)
class InstanceState:
    """One worker: what it knows of its pools, its leases, and when its report was last stored (monotonic seconds).

    `changed_at`: when that was at once, because something has changed.
    `stop_due`: a lease of it may have to stop, and it has not been told yet. `resources`: what its machines have, if
    that has changed. `unable`: the engines that it cannot start now, by the reason. `last_update`: the times of its
    last status in the documented loop.
    """

    instance: Instance
    queues: dict[str, Queue]
    leases: dict[LeaseId, Lease] = field(default_factory=dict)
    beaten_at: float = float("-inf")
    used_at: float = 0.0
    changed_at: float = float("-inf")
    stop_due: bool = False
    resources: Resources | None = None
    unable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    last_update: tuple[int | None, int | None] = (None, None)

    @classmethod
    def of(cls, instance: Instance, scope: WorkerScope) -> "InstanceState":
        offers = frozenset(instance.registered.engines)
        if scope.engines is not None:
            offers &= scope.engines
        return cls(
            instance,
            {pool: Queue(offers=offers.__contains__, owners=scope.organizations) for pool in instance.registered.pools},
        )


@dataclass(slots=True)
class InstanceStates:
    """The workers that have sent requests to this server, by their ids."""

    _known: dict[str, InstanceState] = field(default_factory=dict)

    def get(self, instance_id: str, token_id: str) -> InstanceState | None:
        """Returns the worker if this token has registered it."""
        state = self._known.get(instance_id)
        if state is None or state.instance.token_id != token_id:
            return None
        state.used_at = time.monotonic()
        return state

    def put(self, state: InstanceState) -> InstanceState:
        """Remembers the worker. Those that have sent nothing for an hour are forgotten."""
        state.used_at = now = time.monotonic()
        self._known = {key: one for key, one in self._known.items() if now - one.used_at < _FORGOTTEN}
        self._known[state.instance.id] = state
        return state

    def forget(self, instance_id: str) -> None:
        self._known.pop(instance_id, None)

    def note(self, organization_id: int | None, pools: Collection[str] | None = None) -> None:
        """The organization has new items: of these pools those without a lane of it are looked at again. None: all."""
        for state in self._known.values():
            for pool, queue in state.queues.items():
                if pools is None or pool in pools:
                    queue.note(organization_id)

    def stop(self, job_ids: Collection[int] | None) -> None:
        """The workers with a lease of these jobs (None: perhaps any worker) must prolong their leases now."""
        for state in self._known.values():
            if job_ids is None or any(key.job_id in job_ids for key, _ in state.leases):
                state.stop_due = True


class Bell:
    """Wakes everybody who waits."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.is_closed = False

    def close(self) -> None:
        """Nobody waits any more: the server stops."""
        self.is_closed = True
        self.ring()

    def ring(self) -> None:
        """Whoever waits is woken."""
        self._event.set()
        self._event = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """Returns what the next ring sets. Take it before the look that may find nothing."""
        return self._event


class SharedOutlooks:
    """The last look at the lanes of each pool. All waiting workers share it, however many there are."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, float, Outlook]] = {}
        self._looking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._marked: dict[str, float] = {}

    def stale(self, pool: str | None = None) -> None:
        """The next look at the pool (None: at any) reads the storage."""
        if pool is None:
            self._last.clear()
        else:
            self._last.pop(pool, None)

    def may_mark(self, pool: str, seconds: float) -> bool:
        """Returns True once within `seconds`, for all workers together."""
        now = time.monotonic()
        if now - self._marked.get(pool, float("-inf")) < seconds:
            return False
        self._marked[pool] = now
        return True

    async def see(self, pool: str, queue: Queue, look: Callable[[], Awaitable[Outlook]]) -> bool:
        """The queue has an outlook of the last moments. Returns True if a lane in it has no obstacle."""
        async with self._looking[pool]:
            began, ended, outlook = self._last.get(pool, (0.0, float("-inf"), Outlook()))
            if time.monotonic() - ended >= FRESH:
                began = time.monotonic()
                outlook = await look()
                ended = time.monotonic()
                self._last[pool] = began, ended, outlook
        queue.see(outlook, began=began, ended=ended)
        return queue.outlook.open
