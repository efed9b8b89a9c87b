"""A program that measures calls of engines in children of this machine and in hosts of a Ray cluster on it.

Its arguments are the folder of its data and the number of calls. It prints the figures as JSON. Ray takes its settings
once in a process, so this is one of its own.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from bench.figures import Sample
from bench.server import engines_path
from bench.subjects.latency import share_of
from tests.ray_cluster import RayCluster, started

from enginehouse.engine import EngineFailure, EngineKind, EngineSpec, FailureKind, Work
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.python_executor import PythonExecutor
from enginehouse.engines.ray import access
from enginehouse.engines.ray.connection import RayOptions, connected
from enginehouse.engines.ray.messages import HostSetup

AT_ONCE = 4
NODES = ({"num_cpus": 0}, {"num_cpus": 2}, {"num_cpus": 2})
NOOP = EngineSpec(
    id="noop", name="noop", category_id="", kind=EngineKind.PYTHON, shared=True, entry_point="bench_engines:noop"
)
HOLD = EngineSpec(
    id="hold", name="hold", category_id="", kind=EngineKind.PYTHON, shared=True, entry_point="bench_engines:hold"
)


class Caller:
    """Calls engines of an executor."""

    def __init__(self, executor: PythonExecutor, folder: Path) -> None:
        self._executor = executor
        self._folder = folder

    async def call(self, spec: EngineSpec = NOOP) -> None:
        work = Work(
            job_id="j", task_id="t", organization_id=1, target_id=None, engine_id=spec.id, payload=None, inputs=(),
            folders=(), directory=self._folder / "out",
        )  # fmt: skip
        await self._executor.call(
            spec, work, log=lambda data: None, log_limit=1 << 20, timeout=600, memory_mb=512, organization_id=1,
            grace=lambda: 1.0,
        )  # fmt: skip

    async def figures(self, calls: int) -> Sample:
        """Returns the first call, calls one after the other, and as many in turns as run at once."""
        first = await _seconds(self.call)
        waits = sorted([await _seconds(self.call) for _ in range(calls)])
        await asyncio.gather(*(self.call() for _ in range(AT_ONCE)))

        async def turns() -> None:
            for _ in range(calls):
                await self.call()

        # The hosts start while others work, so the first round is not measured.
        await asyncio.gather(*(turns() for _ in range(AT_ONCE)))
        began = time.perf_counter()
        await asyncio.gather(*(turns() for _ in range(AT_ONCE)))
        rate = AT_ONCE * calls / (time.perf_counter() - began)
        return {"first": first, "p50": share_of(waits, 0.5) * 1e3, "p99": share_of(waits, 0.99) * 1e3, "rate": rate}


async def _seconds(act: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await act()
    return time.perf_counter() - began


async def local(folder: Path, keeper: Keeper, calls: int) -> Sample:
    """Returns the figures of children on this machine."""
    children = ChildPool(keeper, folder, slots=AT_ONCE)
    try:
        return await Caller(children, folder).figures(calls)
    finally:
        await children.close()


async def on_ray(folder: Path, cluster: RayCluster, calls: int) -> Sample:
    """Returns the figures of hosts on the cluster, and how long a lost node is missed."""
    assert await access.check(cluster.address, allow_open=False)
    options = RayOptions(
        address=cluster.address,
        hosts=AT_ONCE,
        start_seconds=60,
        idle_seconds=300,
        setup=HostSetup(folder=str(folder / "hosts"), sandbox="none"),
    )
    async with connected(options, [NOOP, HOLD]) as executor:
        caller = Caller(executor, folder)
        figures = await caller.figures(calls)
        holding = [asyncio.ensure_future(caller.call(HOLD)) for _ in range(AT_ONCE)]
        await asyncio.sleep(10)  # all run
        assert not any(one.done() for one in holding), [one for one in holding if one.done()]
        began = time.perf_counter()
        await asyncio.to_thread(cluster.kill, 1)
        done, others = await asyncio.wait(holding, return_when=asyncio.FIRST_EXCEPTION)
        lost = time.perf_counter() - began
        for one in done:
            failure = one.exception()
            assert isinstance(failure, EngineFailure), failure
            assert failure.kind is FailureKind.WORKER_LOST, failure.message
        for other in others:
            other.cancel()
        await asyncio.wait(others)
        await caller.call()
        return figures | {"lost": lost, "again": time.perf_counter() - began}


def main(home: Path, calls: int) -> Sample:
    keeper = Keeper.start()
    try:
        here = uvloop.run(local(home, keeper, calls))
    finally:
        keeper.close()
    with started(*NODES, PYTHONPATH=engines_path(home)) as cluster:
        os.environ.update(cluster.access())
        there = uvloop.run(on_ray(home, cluster, calls))
    return {
        f"{place}_{name}": value for place, found in (("here", here), ("ray", there)) for name, value in found.items()
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")
    sys.stdout.flush()
