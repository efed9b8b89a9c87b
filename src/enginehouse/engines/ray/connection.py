"""Connects a worker to its Ray cluster: waits until it answers, refuses one without a token, leaves it at the end."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from enginehouse.engine import EngineSpec
from enginehouse.engines.ray import access, messages
from enginehouse.engines.ray.access import ClusterRefused, NodeMissing
from enginehouse.engines.ray.messages import HostSetup

if TYPE_CHECKING:
    from enginehouse.engines.ray.executor import RayExecutor

log = structlog.get_logger(__name__)

_PAUSE: Final = 5.0  # seconds between two tries
# A cluster answers as soon as its head runs. The nodes join it then, also that of this machine, also after a restart.
_JOIN_SECONDS: Final = 60.0


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


async def wait_for(address: str, *, allow_open: bool, join_seconds: float = _JOIN_SECONDS) -> None:
    """The cluster answers, has a node on this machine, and a worker may use it. Raises ClusterRefused."""
    silent, alone = False, False
    deadline = float("inf")
    while True:
        try:
            if await access.check(address, allow_open=allow_open):
                return
        except NodeMissing:
            deadline = min(deadline, time.monotonic() + join_seconds)
            if time.monotonic() >= deadline:
                raise
            if not alone:
                alone = True
                log.warning("the Ray cluster has no node on this machine", address=address, seconds=join_seconds)
        else:
            deadline = float("inf")
            if not silent:
                silent = True
                log.warning("the Ray cluster does not answer", address=address)
        await asyncio.sleep(_PAUSE)
