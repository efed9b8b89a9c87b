"""What runs on a node of the cluster: an actor with our own keeper and child, as on a machine without Ray.

Whatever ends a host, its keeper hears it and ends what the engine has started. If Ray ends the keeper first, the next
host on the node does that.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import ray

from enginehouse import __version__, folders
from enginehouse.engine import EngineFailure, FailureKind, Output
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.frames import MalformedFrame, RunRequest
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.ray import host_files, messages, node_folder
from enginehouse.engines.ray.messages import HostFacts, HostReply, HostRequest
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import Sandbox, choose
from enginehouse.engines.threads import in_thread

SWEEPS: Final = "RAY_kill_child_processes_on_worker_exit"
"""With the value 0, Ray leaves the children of a host that ends to the host's keeper."""

_LOOK: Final = 1.0  # seconds between two looks at the node
_FOREVER: Final = 10 * 365 * 86_400.0  # seconds; a child ends with its host
_GPUS: Final = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


@dataclass(slots=True)
class _Item:
    """One item at work. `grace`: the seconds between SIGTERM and SIGKILL if it is stopped."""

    run: "asyncio.Task[HostReply]"
    log: bytearray = field(default_factory=bytearray)
    grace: float = 0.0


class Host:
    """One child on a node, for one engine and organization. Its worker gives it one item at a time, each with a token.

    Ray calls the methods, in one event loop.
    """

    def __init__(self, setup: bytes) -> None:
        """The keeper runs, and nothing is left of earlier hosts on the node. Raises SandboxMissing and OSError."""
        given = messages.setup(setup)
        _hide_other_gpus()
        root = node_folder.root(given.folder)
        self._keeper = Keeper.start(register=root / node_folder.KEEPERS)
        self._folder = node_folder.enter(root, self._keeper)
        level = choose(given.sandbox)
        if level is SandboxLevel.UID:
            node_folder.let_through(root, self._folder)
        hidden = (root / node_folder.KEEPERS, *_secrets())
        self._sandbox = Sandbox(level, tuple(map(Path, given.read)), tuple(map(Path, given.write)), hidden)
        self._children: ChildPool | None = None
        self._items: dict[int, _Item] = {}
        self._raylet = os.getppid()
        self._watch: asyncio.Task[None] | None = None
        self._stopped = set[int]()

    async def ready(self) -> bytes:
        """Returns HostFacts. The host ends itself when its node does: Ray leaves it if its raylet was killed."""
        self._watch = self._watch or asyncio.get_running_loop().create_task(self._end_with_node())
        return messages.encode(
            HostFacts(
                node=ray.get_runtime_context().get_node_id(),
                keeper=self._keeper.owner,
                address=ray.util.get_node_ip_address(),
                version=__version__,
                sandbox=self._sandbox.level,
                sweeps=os.environ.get(SWEEPS) == "0",
            )
        )

    async def receive(self, token: int, number: int, piece: bytes) -> None:
        """The piece is at the end of the input, for a call that follows."""
        await in_thread(host_files.append, self._place(token), number, piece)

    async def call(self, request: bytes) -> bytes:
        """Returns HostReply, when the engine has ended. Outputs that must be fetched are kept until `forget`."""
        asked = messages.request(request)
        item = asked.item()
        if item.number in self._stopped:
            return messages.encode(HostReply())
        # From here on a stop finds it, without a moment between.
        run = asyncio.get_running_loop().create_task(self._run(asked, item))
        self._items[item.number] = _Item(run)
        await asyncio.wait([run])
        log = bytes(self._items.pop(item.number).log)
        reply = HostReply() if run.cancelled() else run.result()
        if not reply.files:
            await self.forget(item.number)
        return messages.encode(HostReply(reply=reply.reply, files=reply.files, log=log))

    async def fetch(self, token: int, name: str, offset: int, size: int) -> bytes:
        """Returns a part of an output."""
        return await in_thread(host_files.read, self._place(token), name, offset, size)

    async def forget(self, token: int) -> None:
        """The files of the item are gone."""
        await in_thread(folders.remove, self._place(token))

    async def log(self, token: int) -> bytes:
        """Returns what the engine has printed since the last call of this."""
        if (item := self._items.get(token)) is None:
            return b""
        printed = bytes(item.log)
        item.log.clear()
        return printed

    async def stop(self, token: int, grace: float) -> None:
        """Nothing of the engine is left: it got SIGTERM, and SIGKILL after `grace` seconds. A later call shortens it.

        An item that comes after this does not start.
        """
        self._stopped.add(token)
        if (item := self._items.get(token)) is not None:
            item.grace = grace
            item.run.cancel()
            await asyncio.wait([item.run])
        await self.forget(token)

    async def close(self) -> None:
        """The child, the keeper and the host's folder are gone."""
        if self._children is not None:
            await self._children.close()
        await in_thread(self._keeper.close)
        await in_thread(folders.remove, self._folder)

    async def _run(self, asked: HostRequest, item: RunRequest) -> HostReply:
        try:
            work = await in_thread(host_files.bring_in, item.work, asked.inputs, self._place(item.number))
            outputs = await self._called(asked, RunRequest(item.number, work, item.seconds, item.memory_mb))
            return HostReply.done(*await in_thread(host_files.bring_out, outputs))
        except EngineFailure as failure:
            return HostReply.failed(failure)
        except (OSError, MalformedFrame) as error:
            text = f"The engine's files could not be brought to its node, or from there: {error}."
            return HostReply.failed(EngineFailure(text, FailureKind.SYSTEM_ERROR))

    async def _called(self, asked: HostRequest, item: RunRequest) -> list[Output]:
        if self._children is None:  # it needs the event loop
            self._children = ChildPool(
                self._keeper, self._folder, slots=1, sandbox=self._sandbox, idle_seconds=_FOREVER
            )
        state = self._items[item.number]
        return await self._children.call(
            asked.spec,
            item.work,
            log=state.log.extend,
            log_limit=asked.log_limit,
            timeout=item.seconds,
            memory_mb=item.memory_mb,
            organization_id=asked.organization_id,
            grace=partial(getattr, state, "grace"),
        )

    async def _end_with_node(self) -> None:
        while os.getppid() == self._raylet:  # noqa: ASYNC110 -- nothing tells it
            await asyncio.sleep(_LOOK)
        os._exit(1)  # the keeper ends what is left

    def _place(self, token: int) -> Path:
        return self._folder / str(token)


def _hide_other_gpus() -> None:
    """An engine without a GPU of its own sees none. Ray hides them only from those that have one."""
    if not ray.get_runtime_context().get_accelerator_ids().get("GPU"):
        os.environ.update(dict.fromkeys(_GPUS, ""))


def _secrets() -> Iterator[Path]:
    """Yields where the token of the cluster may be."""
    yield Path.home() / ".ray"
    if path := os.environ.get("RAY_AUTH_TOKEN_PATH"):
        yield Path(path)
