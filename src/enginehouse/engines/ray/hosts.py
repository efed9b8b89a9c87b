"""The hosts of a worker: warm ones for each engine and organization, new ones as room allows, and idle ones that go."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final

import structlog
from ray.exceptions import RayError

from enginehouse.domain.resources import Resources
from enginehouse.engines.ray.cluster import ClusterAway, RayCluster
from enginehouse.engines.ray.host_ends import HostEnds
from enginehouse.engines.ray.host_start import HostStarts, NotStarted, Urgency
from enginehouse.engines.ray.host_turns import HostQueue, HostTurns, Turn
from enginehouse.engines.ray.live_host import HostOwner, LiveHost

log = structlog.get_logger(__name__)

FRESH: Final = 1.0  # seconds for which an idle host needs no ping
_PING: Final = 2.0
_PATIENCE: Final = 3.0  # seconds for which a call waits for another host of its owner before one of others goes
_TRIES: Final = 3  # starts that fail one after the other before a call is given back


class Hosts:
    """At most `most` hosts. One that nobody has needed for `idle_seconds` goes.

    `on_change` is called when there may be more or less room than before.
    """

    def __init__(
        self,
        cluster: RayCluster,
        *,
        most: int,
        start_seconds: float,
        idle_seconds: float,
        on_change: Callable[[], None],
    ) -> None:
        self._cluster = cluster
        self._most = most
        self._start_seconds = start_seconds
        self._idle_seconds = idle_seconds
        self._on_change = on_change
        self.idle: dict[LiveHost, asyncio.TimerHandle] = {}  # in the order in which they became idle
        self.busy: set[LiveHost] = set()
        self._turns = HostTurns()
        self._starting: dict[asyncio.Task[None], HostOwner] = {}
        self._ends = HostEnds(cluster, on_change)
        self._starts = HostStarts(
            cluster,
            seconds=start_seconds,
            idle=lambda: [host.place for host in self.idle],
            leaving=lambda: [host.place for host in self.leaving],
            evict=self._evict_one,
        )
        self._closed = False

    @property
    def waiting(self) -> int:
        """The number of calls that have no host yet."""
        return len(self._turns)

    @property
    def leaving(self) -> Collection[LiveHost]:
        """Those that go, and whose room is free in a moment."""
        return self._ends.leaving

    @property
    def starting(self) -> Sequence[Resources]:
        """What the hosts take that have a place and do not answer yet."""
        return self._starts.placed

    async def take(self, owner: HostOwner, takes: Resources) -> LiveHost:
        """Returns a host of the owner that answers. Raises NotStarted."""
        while (host := self._warm(owner)) is not None:
            if await self._answers(host):
                return host
            self.lose(host)
        if self._closed:
            raise NotStarted("The worker stops.")
        turn = self._turns.add(owner, takes)
        self._begin()
        try:
            async with asyncio.timeout(self._start_seconds):
                return await asyncio.shield(turn)
        except TimeoutError:
            self._leave(owner, turn)
            raise NotStarted(self._starts.lacking(takes)) from None
        except asyncio.CancelledError:
            self._leave(owner, turn)
            raise

    def put(self, host: LiveHost) -> None:
        """The host has nothing to do: whoever waits for one gets it, or it is idle."""
        if host not in self.busy:
            return  # it was lost meanwhile
        host.used_at = time.monotonic()
        if (turn := self._turns.next(host.owner)) is not None:
            turn.set_result(host)
            return
        self.busy.discard(host)
        self.idle[host] = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire, host)
        self._begin()

    def lose(self, host: LiveHost) -> None:
        """The host is gone, or will be. Others on its node answer a ping before they get work."""
        self._forget(host)
        for other in self.idle:
            if other.facts.node == host.facts.node:
                other.used_at = 0.0
        self._ends.kill(host, sweep=not self._closed)

    def lose_nodes(self, alive: Iterable[str]) -> None:
        """The idle hosts of all other nodes are gone."""
        nodes = set(alive)
        for host in [host for host in self.idle if host.facts.node not in nodes]:
            self.lose(host)

    async def close(self) -> None:
        """There is no host any more, and nothing of their engines."""
        self._closed = True
        starting = [*self._starting]
        for task in starting:
            task.cancel()
        for host in [*self.idle, *self.busy]:
            self._retire(host)
        if starting:
            await asyncio.wait(starting)
        await self._ends.done()

    # -- who waits ----------------------------------------------------------------------------------------------

    def _warm(self, owner: HostOwner) -> LiveHost | None:
        """Returns the owner's host that became idle last."""
        for host in reversed(self.idle):
            if host.owner == owner:
                self.idle.pop(host).cancel()
                self.busy.add(host)
                return host
        return None

    async def _answers(self, host: LiveHost) -> bool:
        """Returns True if it does. One that answered a moment ago does."""
        if time.monotonic() - host.used_at < FRESH:
            return True
        try:
            await asyncio.wait_for(_answer(host.handle.ready.remote()), _PING)
        except (RayError, TimeoutError):
            return False
        except asyncio.CancelledError:
            self.put(host)
            raise
        return True

    def _leave(self, owner: HostOwner, turn: Turn) -> None:
        """Whoever waited does not wait any more. A host that it was given a moment ago is not lost."""
        if not turn.done():
            self._turns.leave(owner, turn)
        elif turn.exception() is None:
            self.put(turn.result())

    # -- new hosts ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """As many hosts are starting as calls wait for one, as far as there may be more."""
        starting = Counter(self._starting.values())
        for owner, queue in self._turns:
            for _ in range(len(queue.turns) - starting[owner]):
                if self._closed:
                    return
                if self._count() >= self._most:
                    if self._urgency(owner) is Urgency.PATIENT:
                        asyncio.get_running_loop().call_later(_PATIENCE, self._begin)
                        break
                    if not self._evict():
                        return
                task = asyncio.get_running_loop().create_task(self._start(owner, queue))
                self._starting[task] = owner
                task.add_done_callback(self._started)

    def _urgency(self, owner: HostOwner) -> Urgency:
        """Returns whether idle hosts of others may go for a host of this owner.

        To start one takes a second, and so does the next one of the others. Where the owner has a host at work, a call
        waits for that.
        """
        waits = self._turns.seconds(owner)
        if waits is None:
            return Urgency.NONE
        if waits < _PATIENCE and any(host.owner == owner for host in self.busy):
            return Urgency.PATIENT
        return Urgency.URGENT

    def _count(self) -> int:
        return len(self.idle) + len(self.busy) + len(self._starting)

    def _started(self, task: "asyncio.Task[None]") -> None:
        del self._starting[task]
        self._begin()

    async def _start(self, owner: HostOwner, queue: HostQueue) -> None:
        began = time.monotonic()
        try:
            handle, facts = await self._starts.start(queue.takes, lambda: self._urgency(owner))
        except (NotStarted, RayError, ClusterAway, ValueError) as why:
            queue.failures += 1
            # A node that is about to vanish may have got it. Another one need not.
            if not isinstance(why, RayError) or queue.failures >= _TRIES:
                self._fail(owner, _told(why))
            return
        queue.failures = 0
        seconds = round(time.monotonic() - began, 2)
        log.info("a host is ready", engine=owner.engine_id, node=facts.address, sandbox=facts.sandbox, seconds=seconds)
        host = LiveHost(handle, owner, queue.takes, facts, time.monotonic())
        self.busy.add(host)
        self.put(host)
        self._on_change()

    def _evict(self) -> bool:
        """The host that is idle for the longest time goes. Returns False if none is idle."""
        if not self.idle:
            return False
        self._retire(next(iter(self.idle)))
        return True

    def _evict_one(self, key: int) -> None:
        for host in [host for host in self.idle if host.key == key]:
            self._retire(host)

    def _fail(self, owner: HostOwner, why: str) -> None:
        """A call that waits does not get a host, for this reason."""
        if (turn := self._turns.next(owner)) is not None:
            turn.set_exception(NotStarted(why))

    # -- the end of a host --------------------------------------------------------------------------------------

    def _retire(self, host: LiveHost) -> None:
        """Nobody needs the host any more."""
        self._ends.retire(host)
        self._forget(host)

    def _forget(self, host: LiveHost) -> None:
        if (timer := self.idle.pop(host, None)) is not None:
            timer.cancel()
        self.busy.discard(host)
        self._on_change()


async def _answer(reference: Any) -> Any:
    return await reference


def _told(why: Exception) -> str:
    """Returns a sentence. Ray's errors are long, and the cause is in their last line."""
    if isinstance(why, NotStarted | ClusterAway):
        return str(why)
    lines = [line.strip() for line in str(why).splitlines() if line.strip()]
    return f"Ray could not start a host: {lines[-1][:300] if lines else type(why).__name__}"
