"""Probes the engines over HTTP that are unavailable, when their time has come."""

import asyncio

from enginehouse.runtime.http_executor import HttpExecutor
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.source import WorkSource


class EngineProbes:
    """One loop of a worker. Workers share the probes: each takes those that no other one has taken."""

    def __init__(self, source: WorkSource, executor: HttpExecutor) -> None:
        self._source = source
        self._executor = executor
        self.loop = Loop("engine probes", self.tick)

    async def tick(self) -> float:
        """Every due engine was probed. Returns the seconds until the next look."""
        specs, seconds = await self._source.due_probes()
        await asyncio.gather(*(self._executor.probe(spec) for spec in specs))
        return seconds
