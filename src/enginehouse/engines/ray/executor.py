"""Runs the items of Python engines on a Ray cluster, in hosts that do what a child on this machine does."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from ray.exceptions import RayActorError, RayError

from enginehouse.domain.resources import NOTHING
from enginehouse.engine import EngineFailure, EngineKind, EngineSpec, FailureKind, Output, Work
from enginehouse.engines.frames import MalformedFrame
from enginehouse.engines.python_executor import ExecutorCapacity
from enginehouse.engines.ray import capacity, placement
from enginehouse.engines.ray.cluster import ClusterAway, RayCluster
from enginehouse.engines.ray.host_call import HostCall
from enginehouse.engines.ray.host_start import NotStarted
from enginehouse.engines.ray.hosts import Hosts
from enginehouse.engines.ray.live_host import HostOwner, LiveHost
from enginehouse.engines.ray.placement import Node

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
_CLOSED: Final = 10.0  # seconds for which an engine whose host could not start is not claimed again


class RayExecutor:
    """At most `most` hosts run on the cluster at a time. `on_change` is called when its capacity may be another.

    A host that is not there `start_seconds` after a call has asked for it ends the call as NOT_STARTED.
    """

    def __init__(
        self,
        cluster: RayCluster,
        specs: Sequence[EngineSpec],
        *,
        most: int,
        start_seconds: float,
        idle_seconds: float,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._cluster = cluster
        self._needs = {spec.id: placement.needs(spec) for spec in specs if spec.kind is EngineKind.PYTHON}
        self._most = most
        self.on_change = on_change
        self._nodes: Sequence[Node] = ()
        self._away_since: float | None = None
        self._not_started: dict[str, tuple[float, str]] = {}  # until when (monotonic seconds), and why
        self._hosts = Hosts(
            cluster,
            most=most,
            start_seconds=start_seconds,
            idle_seconds=idle_seconds,
            on_change=self._changed,
        )
        self._requested = 0
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """The nodes are known, and looked at again every second. Raises ClusterAway."""
        self._nodes = await self._cluster.nodes()
        self._looking = asyncio.create_task(self._watch(), name="ray nodes")

    async def call(
        self,
        spec: EngineSpec,
        work: Work,
        *,
        log: Callable[[bytes], None],
        log_limit: int,
        timeout: float,  # noqa: ASYNC109 -- a limit of the engine, not a deadline of the caller
        memory_mb: int,
        organization_id: int,
        grace: Callable[[], float],
    ) -> list[Output]:
        """Returns the engine's outputs for the work. Raises EngineFailure.

        Of the kind NOT_STARTED if no host could be had, and WORKER_LOST if the host is gone after it got the work. When
        the task is cancelled, nothing of the engine is left before CancelledError is raised.
        """
        host = await self._host(spec, organization_id)
        call = HostCall(self._cluster, host, log)
        limits: dict[str, Any] = {"seconds": timeout, "memory_mb": memory_mb, "log_limit": log_limit}
        await self._hand_over(call, host, spec, work, limits)
        try:
            outputs = await call.fetch(await call.reply(), work)
        except asyncio.CancelledError:
            await self._stopped(call, host, grace)
            raise
        except EngineFailure:
            self._hosts.put(host)
            raise
        except (RayActorError, TimeoutError) as lost:
            self._hosts.lose(host)
            text = f"The Ray node {host.facts.address} that ran the engine is gone, or its host: {_said(lost)}"
            raise EngineFailure(text, FailureKind.WORKER_LOST) from lost
        except Exception as error:
            self._hosts.lose(host)
            if not isinstance(error, RayError | OSError | MalformedFrame):
                raise
            text = f"What the engine answered could not be brought from its Ray node: {_said(error)}"
            raise EngineFailure(text, FailureKind.SYSTEM_ERROR) from error
        self._hosts.put(host)
        return outputs

    def capacity(self) -> ExecutorCapacity:
        """Returns what can run now. While the cluster does not answer, nothing more can."""
        now = time.monotonic()
        self._not_started = {key: one for key, one in self._not_started.items() if one[0] > now}
        return capacity.of(
            self._needs,
            self._nodes,
            busy=[host.place for host in self._hosts.busy],
            idle=[host.place for host in (*self._hosts.idle, *self._hosts.leaving)],
            starting=self._hosts.starting,
            most=self._most,
            waiting=self._hosts.waiting,
            closed={engine_id: why for engine_id, (_, why) in self._not_started.items()},
            address=self._cluster.address,
            is_away=self._away_since is not None,
        )

    async def wanted(self, demand: Mapping[str, int]) -> None:
        """The cluster's autoscaler, if there is one, knows what waits here, up to the most hosts that there may be."""
        bundles = capacity.bundles(
            self._needs, demand, at_work=[host.place for host in self._hosts.busy], most=self._most
        )
        if not bundles and not self._requested:
            return
        try:
            await self._cluster.request(bundles)
        except ClusterAway:
            return
        self._requested = len(bundles)

    async def close(self) -> None:
        """There is no host any more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        if self._requested:
            await self.wanted({})
        await self._hosts.close()

    # -- one call -----------------------------------------------------------------------------------------------

    async def _host(self, spec: EngineSpec, organization_id: int) -> LiveHost:
        owner = HostOwner(spec.id, None if spec.shared else organization_id)
        try:
            return await self._hosts.take(owner, self._needs.get(spec.id, NOTHING))
        except NotStarted as why:
            self._not_started[spec.id] = (time.monotonic() + _CLOSED, str(why))
            self.on_change()
            raise EngineFailure(str(why), FailureKind.NOT_STARTED) from why

    async def _hand_over(
        self, call: HostCall, host: LiveHost, spec: EngineSpec, work: Work, limits: Mapping[str, Any]
    ) -> None:
        """The host has the item. Before that nothing is charged to anybody."""
        try:
            call.begin(spec, work, await call.send(work), **limits)
        except (RayError, ClusterAway) as lost:
            self._hosts.lose(host)
            text = f"The inputs did not reach the Ray node {host.facts.address}: {_said(lost)}"
            raise EngineFailure(text, FailureKind.NOT_STARTED) from lost
        except MalformedFrame as error:
            self._hosts.lose(host)  # it has the inputs
            text = f"The work could not be handed to the engine: {error}."
            raise EngineFailure(text, FailureKind.INVALID_DATA) from error
        except BaseException:
            self._hosts.lose(host)  # it may have a part of the inputs
            raise

    async def _stopped(self, call: HostCall, host: LiveHost, grace: Callable[[], float]) -> None:
        """Nothing of the engine is left. After another cancel it has a second at most."""
        stopping = asyncio.ensure_future(call.stop(grace()))
        while not stopping.done():
            try:
                await asyncio.shield(stopping)
            except asyncio.CancelledError:
                call.hurry()
        if stopping.result():
            self._hosts.put(host)
        else:
            self._hosts.lose(host)

    def _changed(self) -> None:
        self.on_change()

    # -- the nodes ----------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                nodes = await self._cluster.nodes()
            except ClusterAway:
                if self._away_since is None:
                    self._away_since = time.monotonic()
                    log.warning("the Ray cluster does not answer", address=self._cluster.address)
                    self.on_change()
                continue
            if self._away_since is not None:
                seconds = round(time.monotonic() - self._away_since, 1)
                log.warning("the Ray cluster answers again", address=self._cluster.address, seconds=seconds)
                self._away_since = None
            self._nodes = nodes
            self._hosts.lose_nodes(node.id for node in nodes)
            self.on_change()


def _said(error: Exception) -> str:
    """Returns the first words of Ray's own error, which is long."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
