"""One item at one host: its inputs go there, its log and its outputs come back, and it can be stopped."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ray.exceptions import ActorUnavailableError, RayActorError, RayError

from enginehouse.engine import EngineSpec, Output, Work
from enginehouse.engines.child import GRACE, LOAD_SECONDS, LONGEST_END
from enginehouse.engines.ray import messages
from enginehouse.engines.ray.cluster import RayCluster
from enginehouse.engines.ray.live_host import LiveHost
from enginehouse.engines.ray.messages import INLINE, PIECE, HostReply, HostRequest
from enginehouse.engines.threads import in_thread

_LOG_SECONDS: Final = 1.0  # between two looks at the log of an engine that runs
_ASK_AGAIN: Final = 0.5
_PING: Final = 2.0
_SLACK: Final = 60.0  # beyond the limits that the host itself keeps

_tokens: Final = itertools.count(1)


class HostCall:
    """The call of an engine at a host. Do `send`, `begin` and `reply` in this order."""

    def __init__(self, cluster: RayCluster, host: LiveHost, log: Callable[[bytes], None]) -> None:
        self._cluster = cluster
        self._host = host
        self._handle = host.handle
        self._token = next(_tokens)
        self._log = log
        self._answer: asyncio.Future[bytes] | None = None
        self._logs: asyncio.Task[None] | None = None

    async def send(self, work: Work) -> list[bytes | None]:
        """Returns the inputs that go with the request. The larger ones are at the host. Raises RayError, ClusterAway.

        Nothing has been handed over by then: the engine cannot have started.
        """
        room, inputs = INLINE, list[bytes | None]()
        for number, chunk in enumerate(work.inputs):
            if chunk.size <= room:
                room -= chunk.size
                inputs.append(await in_thread(chunk.path.read_bytes))
            else:
                inputs.append(None)
                await self._send(number, chunk.path)
        return inputs

    def begin(
        self,
        spec: EngineSpec,
        work: Work,
        inputs: list[bytes | None],
        *,
        seconds: float,
        memory_mb: int,
        log_limit: int,
    ) -> None:
        """The item is handed over. Raises MalformedFrame if it cannot be sent."""
        request = HostRequest.of(
            self._token, spec, work, inputs, seconds=seconds, memory_mb=memory_mb, log_limit=log_limit
        )
        self._answer = asyncio.ensure_future(_result(self._handle.call.remote(messages.encode(request))))
        self._answer.add_done_callback(_retrieve)
        self._longest = seconds + LOAD_SECONDS + _SLACK

    async def reply(self) -> HostReply:
        """Returns the answer of the host. Raises RayActorError if the host is gone, TimeoutError if it says nothing.

        A cancel does not stop the engine: do `stop` then.
        """
        timer = asyncio.get_running_loop().call_later(_LOG_SECONDS, self._follow)
        try:
            async with asyncio.timeout(self._longest):
                raw = await asyncio.shield(self._running)
        finally:
            timer.cancel()
        await self._end_log()
        reply = messages.reply(raw)
        if reply.log:
            self._log(reply.log)
        return reply

    async def fetch(self, reply: HostReply, work: Work) -> list[Output]:
        """Returns the outputs with files in the folder of the work. Raises EngineFailure, RayError, OSError."""
        outputs = reply.outputs()
        if not reply.files:
            return outputs
        places = {
            name: await self._fetch(name, size, work.directory / f"fetched-{number:06d}")
            for number, (name, size) in enumerate(reply.files.items())
        }
        await _result(self._handle.forget.remote(self._token))
        return [each if each.path is None else replace(each, path=places[each.path.name]) for each in outputs]

    async def stop(self, grace: float) -> bool:
        """Nothing of the engine is left. Returns False if its host is gone too.

        A host that cannot be reached may still run the engine, until Ray says that it is dead.
        """
        try:
            async with asyncio.timeout(grace + LONGEST_END + _PING):
                await _result(self._handle.stop.remote(self._token, grace))
                await asyncio.shield(self._running)
        except (TimeoutError, RayError):
            await self._until_dead()
            await self._cluster.sweep(self._host.facts.node, self._host.facts.keeper)
            return False
        return True

    def hurry(self) -> None:
        """The engine that is stopping has no more than the shortest grace from now on."""
        self._handle.stop.remote(self._token, GRACE)

    @property
    def _running(self) -> "asyncio.Future[bytes]":
        if self._answer is None:
            raise RuntimeError("the item is not handed over yet")
        return self._answer

    async def _until_dead(self) -> None:
        """Ray says that the host is dead. It is told to end it, again and again."""
        while True:
            await self._cluster.kill(self._handle)
            try:
                await asyncio.wait_for(_result(self._handle.ready.remote()), _PING)
            except ActorUnavailableError:
                pass
            except RayActorError:
                return
            except (RayError, TimeoutError):
                pass
            await asyncio.sleep(_ASK_AGAIN)

    # -- files --------------------------------------------------------------------------------------------------

    async def _send(self, number: int, path: Path) -> None:
        """The input is at the host, in pieces: one travels while the next is read."""
        before: Awaitable[None] | None = None
        offset = 0
        while piece := await in_thread(_read, path, offset):
            reference = await self._cluster.put(piece)
            offset += len(piece)
            if before is not None:
                await before
            before = asyncio.ensure_future(_result(self._handle.receive.remote(self._token, number, reference)))
        if before is not None:
            await before

    async def _fetch(self, name: str, size: int, target: Path) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        offset = 0
        while offset < size:
            piece = await _result(self._handle.fetch.remote(self._token, name, offset, PIECE))
            if not piece:
                raise OSError(f"an output ends after {offset} of {size} bytes")
            await in_thread(_append, target, piece)
            offset += len(piece)
        return target

    # -- the log ------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        self._logs = asyncio.get_running_loop().create_task(self._read_log())

    async def _read_log(self) -> None:
        while not self._running.done():
            try:
                printed = await _result(self._handle.log.remote(self._token))
            except RayError:
                return  # whoever waits for the answer hears of it
            if printed:
                self._log(printed)
            await asyncio.wait({self._running}, timeout=_LOG_SECONDS)

    async def _end_log(self) -> None:
        """What the host has given out of the log is in it."""
        if self._logs is not None:
            await asyncio.wait({self._logs})


async def _result(reference: Any) -> Any:
    return await reference


def _retrieve(answer: "asyncio.Future[bytes]") -> None:
    """Nobody may be left who wants to know why a stopped call failed."""
    if not answer.cancelled():
        answer.exception()


def _read(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(PIECE)


def _append(path: Path, piece: bytes) -> None:
    with path.open("ab") as file:
        file.write(piece)
