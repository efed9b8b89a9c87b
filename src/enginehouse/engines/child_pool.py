"""The pool of warm child processes: it chooses the child for the work, and starts and ends children."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from enginehouse.engine import EngineFailure, EngineSpec, FailureKind, Output, Work
from enginehouse.engines.child import GRACE, Child
from enginehouse.engines.frames import EntryPointName, LoadedReply, OutputsReply
from enginehouse.engines.interpreter import Interpreter
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.outcome import ChildLimits
from enginehouse.engines.python_executor import ExecutorCapacity
from enginehouse.engines.sandbox.sandbox import Sandbox
from enginehouse.engines.task_log import TaskLog

LOG_LIMIT: Final = 1 << 20
_READERS: Final = 4
_READING: Final = ChildLimits(memory_mb=1024, disk_mb=64)  # of a child that only reads a declaration


class Owner(NamedTuple):
    """The engine and organization that a child works for. `organization_id` is None if the engine may serve several."""

    engine_id: str
    entry_point: str
    python: Interpreter
    organization_id: int | None


class ChildPool:
    """At most `slots` children exist, busy and idle together. A child that is idle for `idle_seconds` is ended.

    Their workspaces are below `folder`, best on the file system of the inputs and outputs. Children that only read what
    is installed come on top: they neither wait for long work nor take the place of a warm child.
    """

    def __init__(
        self,
        keeper: Keeper,
        folder: Path,
        *,
        slots: int,
        sandbox: Sandbox = Sandbox(),  # noqa: B008 -- it never changes
        idle_seconds: float = 60.0,
    ) -> None:
        self._keeper = keeper
        self._folder = folder
        self._sandbox = sandbox
        self._slots = slots
        self._free = asyncio.Semaphore(slots)
        self._may_read = asyncio.Semaphore(_READERS)
        self._idle_seconds = idle_seconds
        self._idle: dict[Child, tuple[Owner, asyncio.TimerHandle]] = {}  # in the order in which they became idle
        self._busy: set[Child] = set()
        self._readers: set[Child] = set()
        self._current: dict[str, str] | None = None  # of the engines as they were last read
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False
        self.on_change: Callable[[], None] = lambda: None

    async def call(
        self,
        spec: EngineSpec,
        work: Work,
        *,
        log: Callable[[bytes], None],
        log_limit: int = LOG_LIMIT,
        timeout: float,  # noqa: ASYNC109 -- a limit of the engine, not a deadline of the caller
        memory_mb: int,
        organization_id: int,
        grace: Callable[[], float] = lambda: GRACE,
    ) -> list[Output]:
        """Returns the engine's outputs for the work. Every process that the engine started has ended.

        `log` gets what the engine prints while it runs, up to `log_limit` bytes. `timeout` (seconds) does not include
        the wait for a slot or the import of the engine. Raises EngineFailure.

        When the task is cancelled, the child gets SIGTERM, and SIGKILL after `grace()` seconds. It is gone before
        CancelledError is raised. After a second cancel it has at most GRACE seconds.
        """
        async with self._free:
            task_log = TaskLog(log, log_limit)
            try:
                child = await self._take(spec, organization_id, memory_mb, task_log, grace)
                done = await self._run(child, work, timeout, memory_mb, grace)
            except EngineFailure as failure:
                if self._closed:
                    message = "The server stopped while the engine ran."
                    raise EngineFailure(message, FailureKind.SERVER_STOPPED) from failure
                raise
            finally:
                task_log.close()
            if not done.left_behind and not self._closed:
                self._keep(child, _owner(spec, organization_id))
            return done.outputs

    def capacity(self) -> ExecutorCapacity:
        """Returns how many children there may be."""
        return ExecutorCapacity(calls=self._slots)

    async def wanted(self, demand: Mapping[str, int]) -> None:
        """Nothing follows from it: a machine does not grow."""

    async def list_engines(self, python: Interpreter) -> list[EntryPointName]:
        """Returns the entry points that are installed in the environment of this interpreter. Raises EngineFailure."""
        async with self._reader(python) as child:
            return await child.list_engines()

    async def read_engines(
        self,
        entry_points: Sequence[str],
        python: Interpreter = Interpreter(),  # noqa: B008 -- it never changes
    ) -> list[LoadedReply | EngineFailure]:
        """Returns each engine with its declaration, or why it cannot be loaded.

        One child loads them all; after a failure a new child loads the rest. So name only engines that trust each
        other.
        """
        read: list[LoadedReply | EngineFailure] = []
        while len(read) < len(entry_points):
            try:
                async with self._reader(python) as child:
                    for entry_point in entry_points[len(read) :]:
                        read.append(await child.load(entry_point))  # noqa: PERF401 -- those before a failure count
            except EngineFailure as failure:
                read.append(failure)
        return read

    @asynccontextmanager
    async def _reader(self, python: Interpreter) -> AsyncIterator[Child]:
        """Yields a child that only reads what is installed. Raises EngineFailure."""
        async with self._may_read:
            if self._closed:
                raise EngineFailure("The server is stopping.", FailureKind.SERVER_STOPPED)
            child = Child.spawn(self._keeper, self._folder, _READING, sandbox=self._sandbox, python=python)
            self._readers.add(child)
            try:
                yield child
            finally:
                self._readers.discard(child)
                await asyncio.shield(child.stop())

    def retire(self, current: Mapping[str, str]) -> None:
        """Children with other code than `current`, the code digests of the installed engines, take no more work.

        Idle ones are ended now, busy ones after their item.
        """
        self._current = dict(current)
        for child, (owner, _) in [*self._idle.items()]:
            if self._is_outdated(child, owner):
                self._end(child)

    def _is_outdated(self, child: Child, owner: Owner) -> bool:
        return self._current is not None and self._current.get(owner.engine_id) != child.code_digest

    async def close(self) -> None:
        """All children are gone and none starts any more. Running calls fail as `server_stopped`."""
        self._closed = True
        for child in [*self._idle, *self._busy]:
            self._end(child)
        ending = [*self._ending, *(reader.stop() for reader in self._readers)]
        if ending:
            await asyncio.wait(ending)

    async def _run(
        self, child: Child, work: Work, seconds: float, memory_mb: int, grace: Callable[[], float]
    ) -> OutputsReply:
        try:
            done = await child.run(work, seconds=seconds, memory_mb=memory_mb)
            child.settle()
        except asyncio.CancelledError:
            await self._gone(child, grace())
            raise
        except BaseException:
            await asyncio.shield(self._end(child))
            raise
        if done.left_behind:
            # The left process may still write to the outputs, and the engine may not work without it.
            await asyncio.shield(self._end(child))
        return done

    async def _gone(self, child: Child, grace: float) -> None:
        """The child is gone, so the attempt may be reported as stopped."""
        ending = self._end(child, grace)
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                child.stop()
        if not child.ended:
            await child.vanished()

    async def _take(
        self, spec: EngineSpec, organization_id: int, memory_mb: int, task_log: TaskLog, grace: Callable[[], float]
    ) -> Child:
        """Returns a child with the engine loaded: a warm one if there is one, else a new one."""
        owner = _owner(spec, organization_id)
        child = self._warm(owner)
        if child is None:
            await self._make_room()
            child = Child.spawn(
                self._keeper,
                self._folder,
                ChildLimits(memory_mb, spec.disk_mb),
                sandbox=self._sandbox,
                network=spec.network,
                python=owner.python,
            )
            child.log = task_log
            self._busy.add(child)
            try:
                await child.load(owner.entry_point)
            except asyncio.CancelledError:
                await self._gone(child, grace())
                raise
            except BaseException:
                await asyncio.shield(self._end(child))
                raise
        else:
            child.settle()  # output of the idle time belongs to no task
            child.log = task_log
            self._busy.add(child)
        return child

    def _warm(self, owner: Owner) -> Child | None:
        """Returns the owner's usable child that became idle last. Unusable ones that it meets are ended."""
        for child in [child for child, (whose, _) in reversed(self._idle.items()) if whose == owner]:
            if child.usable:
                self._idle.pop(child)[1].cancel()
                return child
            self._end(child)
        return None

    async def _make_room(self) -> None:
        """Fewer children exist than slots. Raises EngineFailure when the pool is closed.

        The caller's slot has no child yet, so if all are taken, one is idle or ending.
        """
        while len(self._idle) + len(self._busy) + len(self._ending) >= self._slots:
            if not self._ending:
                self._end(next(iter(self._idle)))
            await asyncio.wait(self._ending, return_when=asyncio.FIRST_COMPLETED)
        if self._closed:
            raise EngineFailure("The server is stopping.", FailureKind.SERVER_STOPPED)

    def _keep(self, child: Child, owner: Owner) -> None:
        child.log = None
        if self._is_outdated(child, owner):
            self._end(child)
            return
        self._busy.discard(child)
        timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._end, child)
        self._idle[child] = (owner, timer)

    def _end(self, child: Child, grace: float = GRACE) -> "asyncio.Task[None]":
        """The child is no longer used. Returns a task that ends when the child is gone."""
        if kept := self._idle.pop(child, None):
            kept[1].cancel()
        self._busy.discard(child)
        ending = child.stop(grace)
        if not ending.done():
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        return ending


def _owner(spec: EngineSpec, organization_id: int) -> Owner:
    if spec.entry_point is None:
        raise EngineFailure(f'The engine "{spec.name}" has no entry point.', FailureKind.SYSTEM_DEPENDENCY_MISSING)
    python = Interpreter(spec.python)
    return Owner(spec.id, spec.entry_point, python, None if spec.shared else organization_id)
