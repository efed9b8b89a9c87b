"""The end of hosts: one that nobody needs goes, and of one that is lost nothing is left on its node."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from ray.exceptions import RayError

from enginehouse.engines.ray.cluster import RayCluster
from enginehouse.engines.ray.live_host import LiveHost

_CLOSE: Final = 20.0  # seconds


class HostEnds:
    """Ends hosts, in the background. `leaving`: those whose room is free in a moment; `on_change`: when it is."""

    def __init__(self, cluster: RayCluster, on_change: Callable[[], None]) -> None:
        self._cluster = cluster
        self._on_change = on_change
        self.leaving = set[LiveHost]()
        self._tasks = set[asyncio.Task[None]]()

    def retire(self, host: LiveHost) -> None:
        """The host goes. Its room is free when nothing of its engine is left, so that the next finds a free GPU."""
        self.leaving.add(host)
        self._begin(self._close(host))

    def kill(self, host: LiveHost, *, sweep: bool) -> None:
        """The host is gone, or will be when Ray reaches it. With `sweep` its node is looked after."""
        self._begin(self._end(host, sweep=sweep))

    async def done(self) -> None:
        """Every end that has begun is complete."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _close(self, host: LiveHost) -> None:
        try:
            await asyncio.wait_for(_answer(host.handle.close.remote()), _CLOSE)
        except (RayError, TimeoutError):
            pass
        finally:
            await self._cluster.kill(host.handle)
            self.leaving.discard(host)
            self._on_change()

    async def _end(self, host: LiveHost, *, sweep: bool) -> None:
        await self._cluster.kill(host.handle)
        if sweep:
            await self._cluster.sweep(host.facts.node, host.facts.keeper)

    def _begin(self, end: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(end)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _answer(reference: Any) -> Any:
    return await reference
