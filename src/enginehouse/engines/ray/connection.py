"""Connects a worker to its Ray cluster: waits until it answers, refuses one without a token, leaves it at the end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from enginehouse.engine import EngineSpec
from enginehouse.engines.ray import access, messages
from enginehouse.engines.ray.access import ClusterRefused
from enginehouse.engines.ray.messages import HostSetup

if TYPE_CHECKING:
    from enginehouse.engines.ray.executor import RayExecutor

log = structlog.get_logger(__name__)

_PAUSE: Final = 5.0  # seconds between two tries


@dataclass(frozen=True, slots=True, kw_only=True)
class RayOptions:
    """Which cluster a worker uses, and how. Times are in seconds."""

    address: str
    hosts: int
    start_seconds: float
    idle_seconds: float
    setup: HostSetup


@asynccontextmanager
async def connected(options: RayOptions, specs: Sequence[EngineSpec]) -> "AsyncIterator[RayExecutor]":
    """Yields an executor on the cluster, for these engines. Afterwards no host of it is left. Raises ClusterRefused.

    Do `wait_for` before.
    """
    # Ray takes its settings when it is imported. Nothing else in this program imports it.
    from enginehouse.engines.ray.cluster import ClusterAway, RayCluster  # noqa: PLC0415
    from enginehouse.engines.ray.executor import RayExecutor  # noqa: PLC0415

    cluster = RayCluster(options.address, messages.encode(options.setup), options.setup.folder)
    try:
        await cluster.connect()
        executor = RayExecutor(
            cluster,
            specs,
            most=options.hosts,
            start_seconds=options.start_seconds,
            idle_seconds=options.idle_seconds,
        )
        await executor.start()
    except (ClusterAway, RuntimeError, ConnectionError) as error:
        # Ray says in its own words that the versions of Python or Ray differ.
        said = " ".join(str(error).split())[:500]
        raise ClusterRefused(f"The worker cannot use the Ray cluster at {options.address}: {said}") from error
    try:
        yield executor
    finally:
        await executor.close()
        await cluster.close()


async def wait_for(address: str, *, allow_open: bool) -> None:
    """The cluster answers, and a worker may use it. Raises ClusterRefused."""
    told = False
    while not await access.check(address, allow_open=allow_open):
        if not told:
            told = True
            log.warning("the Ray cluster does not answer", address=address)
        await asyncio.sleep(_PAUSE)
