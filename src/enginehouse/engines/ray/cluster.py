"""The connection to a Ray cluster. Every call of Ray that may wait runs in a thread and has a limit of time.

Ray itself ends the process that uses it, about a minute after its head is gone. So a worker may end here at any time,
and whatever starts it should start it again.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import ray
from ray._private import state
from ray.autoscaler.sdk import request_resources
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from enginehouse.domain.resources import Resources
from enginehouse.engines.ray import node_folder, placement
from enginehouse.engines.ray.host import Host
from enginehouse.engines.ray.placement import Node
from enginehouse.engines.threads import in_daemon

T = TypeVar("T")

CONNECT_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 3.0  # a cluster that takes longer to list its nodes counts as away
_SWEEP_SECONDS: Final = 30.0
_THREADS: Final = 8  # calls of Ray at a time; if as many hang, it does not answer
_CONCURRENCY: Final = 16  # calls of a host at a time: it reports, stops and reads logs while its engine runs


class ClusterAway(Exception):
    """The cluster did not answer in time, or refused. It may have done what was requested."""


class RayCluster:
    """A cluster at `address`. `setup` is what every host gets (`messages.HostSetup`), `folder` its folder on a node."""

    def __init__(self, address: str, setup: bytes, folder: str | None) -> None:
        self.address = address
        self._setup = setup
        self._folder = folder
        self._free = _THREADS
        self._host: Any = None
        self._sweep: Any = None

    async def connect(self) -> None:
        """The cluster takes hosts. Raises ClusterAway, and RuntimeError or ConnectionError with Ray's own words."""
        await self._do(self._connect, seconds=CONNECT_SECONDS)

    def _connect(self) -> None:
        ray.init(address=self.address, log_to_driver=False, configure_logging=False)
        # Ray restarts and repeats nothing: the server decides what is tried again.
        self._host = ray.remote(max_restarts=0, max_task_retries=0, max_concurrency=_CONCURRENCY)(Host)
        self._sweep = ray.remote(max_retries=0, num_cpus=0)(node_folder.end)

    async def nodes(self) -> list[Node]:
        """Returns the living nodes. Raises ClusterAway."""
        return await self._do(_nodes, seconds=_LOOK_SECONDS)

    async def start(self, takes: Resources) -> Any:
        """Returns a new host, which waits for room and then starts. Raises ClusterAway."""
        return await self._do(lambda: self._host.options(**placement.options(takes)).remote(self._setup))

    async def is_at_node(self, host: Any) -> bool:
        """Returns True if a node has taken the host, or has it wait for room. Raises ClusterAway."""
        found = await self._do(lambda: state.actors(host._actor_id.hex()))
        return bool(found and found["Address"]["Port"])

    async def kill(self, host: Any) -> None:
        """Ray ends the host, now or when it can reach it."""
        with contextlib.suppress(ClusterAway, RayError):
            await self._do(lambda: ray.kill(host, no_restart=True))

    async def sweep(self, node: str, keeper: str) -> None:
        """Nothing of the host with this keeper is left on its node, or the node is gone, or does not answer."""
        on_it = NodeAffinitySchedulingStrategy(node, soft=False)

        async def swept() -> None:
            await (await self._do(lambda: self._sweep.options(scheduling_strategy=on_it).remote(self._folder, keeper)))

        with contextlib.suppress(ClusterAway, RayError, TimeoutError):
            await asyncio.wait_for(swept(), _SWEEP_SECONDS)

    async def put(self, data: bytes) -> Any:
        """Returns a reference to the bytes, which are in Ray's object store as long as it exists."""
        return await self._do(lambda: ray.put(data))

    async def request(self, bundles: Sequence[Mapping[str, float]]) -> None:
        """The autoscaler of the cluster, if there is one, makes room for all of these together. Raises ClusterAway."""
        await self._do(lambda: request_resources(bundles=[dict(bundle) for bundle in bundles]))

    async def close(self) -> None:
        """The process has left the cluster, and Ray ends the hosts that it still has."""
        with contextlib.suppress(ClusterAway):
            await self._do(ray.shutdown)

    async def _do(self, work: Callable[[], T], *, seconds: float = ANSWER_SECONDS) -> T:
        if not self._free:
            raise ClusterAway(f"The Ray cluster at {self.address} does not answer.")
        self._free -= 1
        try:
            async with asyncio.timeout(seconds):
                return await in_daemon(work, on_end=self._ended)
        except TimeoutError as late:
            raise ClusterAway(f"The Ray cluster at {self.address} does not answer.") from late
        except RayError as error:
            said = " ".join(str(error).split())[:200]
            raise ClusterAway(f"The Ray cluster at {self.address} does not do that: {said}") from error

    def _ended(self) -> None:
        self._free += 1


def _nodes() -> list[Node]:
    free = state.available_resources_per_node()
    return [
        Node(each["NodeID"], placement.amounts(each["Resources"]), placement.amounts(free.get(each["NodeID"], {})))
        for each in ray.nodes()
        if each["Alive"]
    ]
