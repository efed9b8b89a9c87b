"""The server's side of one warm child process: send work, receive a reply or a failure, end the process."""

import asyncio
import os
import socket
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from enginehouse.engine import EngineFailure, FailureKind, Work
from enginehouse.engines import frames
from enginehouse.engines.child_connection import ChildConnection
from enginehouse.engines.frames import (
    EntryPointName,
    FailureReply,
    ListedReply,
    ListRequest,
    LoadedReply,
    LoadRequest,
    MalformedFrame,
    OutputsReply,
    Reply,
    Request,
    RunRequest,
)
from enginehouse.engines.interpreter import Interpreter
from enginehouse.engines.keeper import ChildEnd, ChildHandle, Keeper
from enginehouse.engines.outcome import ChildLimits, check_number, failure_in, failure_of, malformed
from enginehouse.engines.sandbox.levels import Confinement, SandboxLevel
from enginehouse.engines.sandbox.sandbox import Sandbox
from enginehouse.engines.task_log import TaskLog
from enginehouse.engines.threads import in_thread
from enginehouse.engines.workspace import Workspace

LOAD_SECONDS: Final = 120.0
GRACE: Final = 1.0  # seconds between SIGTERM and SIGKILL
LONGEST_END: Final = 8.0  # seconds after the grace in which the keeper must report
WATCH_AFTER: Final = 0.1  # seconds; the keeper does not watch shorter work
_PIPE: Final = 1 << 16  # bytes that a pipe holds, so one read returns no more


class Child:
    """A process with one engine loaded. It does one thing at a time. After any failure it is not used again."""

    def __init__(
        self,
        keeper: Keeper,
        handle: ChildHandle,
        connection: socket.socket,
        output: int,
        workspace: Workspace,
        import_path: list[str] | None,
        confinement: Confinement,
        limits: ChildLimits,
    ) -> None:
        self.log: TaskLog | None = None  # receives what the child prints; None drops it, between two items
        self.code_digest = ""  # of the code that it has loaded
        self._keeper = keeper
        self._handle = handle
        self._connection = ChildConnection(connection)
        self._output: int | None = output
        self._workspace = workspace
        self._import_path = import_path
        self._confinement = confinement
        self._limits = limits
        self._items = 0
        self._folder = 0  # the number of the item's folder
        self._kept: tuple[int, Path] | None = None  # the folder of an item in which nothing was made
        self._watched = True  # from the spawn on, so that the memory limit also holds while the engine loads
        self._stopping: asyncio.Task[None] | None = None
        asyncio.get_running_loop().add_reader(output, self._drain)
        # A fork of the engine may hold the other end open. Then only this callback shows that the child has died.
        handle.ended.add_done_callback(lambda _: self._connection.hang_up())

    @classmethod
    def spawn(
        cls,
        keeper: Keeper,
        folder: Path,
        limits: ChildLimits,
        *,
        sandbox: Sandbox,
        network: bool = False,
        python: Interpreter = Interpreter(),  # noqa: B008 -- it never changes
    ) -> "Child":
        """The child is starting, with a workspace below `folder`; call `load` first. Raises EngineFailure."""
        sandbox.check(python)
        with ExitStack() as undo, ExitStack() as passed_on:
            try:
                ours, theirs = socket.socketpair()
                undo.enter_context(ours)
                passed_on.enter_context(theirs)
                readable, writable = os.pipe()
                undo.callback(os.close, readable)
                passed_on.callback(os.close, writable)
                workspace = sandbox.workspace(folder)
                python.lend(workspace.code)
                confinement = sandbox.confinement(workspace, python, network=network)
                inside = python.command(workspace.code, confinement)
                handle = keeper.spawn(
                    sandbox.command(inside, workspace, python, network=network),
                    python.environment(),
                    connection=theirs,
                    output=writable,
                    folder=workspace.root,
                    memory_mb=limits.memory_mb,
                    disk_mb=limits.disk_mb,
                )
            except OSError as error:
                raise failure_of(ChildEnd(None, "spawn", str(error)), limits) from error
            ours.setblocking(False)
            os.set_blocking(readable, False)
            undo.pop_all()
            if python.program is not None:
                confinement = Confinement(level=SandboxLevel.NONE)  # the command applies the rules
            return cls(keeper, handle, ours, readable, workspace, python.import_path(), confinement, limits)

    @property
    def ended(self) -> bool:
        """True when the process and everything that it started are gone."""
        return self._handle.ended.done()

    @property
    def usable(self) -> bool:
        """True while the child waits for its next item: it is connected and has sent nothing."""
        return self._connection.usable and not self.ended

    async def load(self, entry_point: str) -> LoadedReply:
        """The engine is imported. Returns its declaration and the state of its code. Raises EngineFailure."""
        request = LoadRequest(entry_point, self._import_path, self._limits.disk_mb, self._confinement)
        match await self._exchange(request, LOAD_SECONDS, "took longer than {:g} s to start"):
            case LoadedReply() as reply:
                self.code_digest = reply.code_digest
                return reply
            case FailureReply() as reply:
                raise failure_in(reply)
            case OutputsReply() | ListedReply():
                raise malformed("an answer to something else")

    async def list_engines(self) -> list[EntryPointName]:
        """Returns the entry points that are installed in the child's environment. Raises EngineFailure."""
        match await self._exchange(ListRequest(), LOAD_SECONDS, "took longer than {:g} s to start"):
            case ListedReply(engines):
                return engines
            case FailureReply() as reply:
                raise failure_in(reply)
            case OutputsReply() | LoadedReply():
                raise malformed("an answer to something else")

    async def run(self, work: Work, *, seconds: float, memory_mb: int) -> OutputsReply:
        """The engine has done the work. Its files are in the work's folder, out of its reach. Raises EngineFailure."""
        self._items += 1
        self._limits = self._limits._replace(memory_mb=memory_mb)
        number = self._items
        try:
            inside = await self._bring_in(number, work)
        except OSError as error:
            message = f"The engine's inputs could not be brought to it: {error}."
            raise EngineFailure(message, FailureKind.SYSTEM_ERROR) from error
        match await self._exchange(RunRequest(number, inside, seconds, memory_mb), seconds, "took longer than {:g} s"):
            case OutputsReply(of) as reply if of == number:
                return await self._bring_out(reply, work, inside)
            case FailureReply() as reply:
                raise failure_in(reply)
            case OutputsReply() | LoadedReply() | ListedReply():
                raise malformed("an answer to something else")

    def stop(self, grace: float = GRACE) -> "asyncio.Task[None]":
        """Returns a task that ends when the child and everything that it started are gone and its output is in the log.

        After several calls, the grace that ends first counts.
        """
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._stop(grace))
        elif not self._stopping.done():
            self._keeper.stop(self._handle, grace)
        return self._stopping

    async def vanished(self) -> None:
        """The child and everything that it started are gone, without a limit of time."""
        await asyncio.shield(self._handle.ended)

    def settle(self) -> None:
        """Everything printed so far is in the log."""
        for _ in range(2):
            if not self._drain():
                return

    async def _bring_in(self, number: int, work: Work) -> Work:
        if work.inputs:
            self._folder = number
            return await in_thread(self._workspace.enter, number, work)
        if self._kept is not None:
            self._folder, directory = self._kept
            self._kept = None
            return replace(work, directory=directory)
        self._folder = number
        # This makes one folder. A thread would take longer than that.
        return self._workspace.enter(number, work)

    async def _bring_out(self, reply: OutputsReply, work: Work, inside: Work) -> OutputsReply:
        folder = self._folder
        if not work.inputs and all(output.path is None for output in reply.outputs):
            check_number(reply.outputs)
            if self._workspace.is_untouched(folder):
                self._kept = folder, inside.directory
                return reply
            if self._workspace.leave_empty(folder):
                return reply
        return await in_thread(self._take_files, folder, reply, work.directory)

    def _take_files(self, number: int, reply: OutputsReply, target: Path) -> OutputsReply:
        try:
            return self._workspace.take(number, reply, target)
        except OSError as error:
            message = f"The engine's outputs could not be brought out of its folder: {error}."
            raise EngineFailure(message, FailureKind.SYSTEM_ERROR) from error
        finally:
            self._workspace.leave(number)

    async def _exchange(self, request: Request, seconds: float, too_long: str) -> Reply:
        try:
            frame = frames.encode(request, frames.REQUEST_LIMIT)
        except MalformedFrame as error:
            message = f"The work could not be handed to the engine: {error}."
            raise EngineFailure(message, FailureKind.INVALID_DATA) from error
        await self._connection.open()
        reply = self._connection.ask(frame)
        self._timer = asyncio.get_running_loop().call_later(min(seconds, WATCH_AFTER), self._go_on, reply, seconds)
        try:
            return await reply
        except TimeoutError:
            message = f"The engine {too_long.format(seconds)} and was stopped."
            raise EngineFailure(message, FailureKind.CHUNK_TIMEOUT) from None
        except MalformedFrame as error:
            raise malformed(str(error)) from error
        except (EOFError, OSError):
            raise await self._why() from None
        finally:
            self._timer.cancel()
            if self._watched:
                self._watch(None)

    def _go_on(self, reply: "asyncio.Future[Reply]", seconds: float) -> None:
        """The keeper watches what is not short, until the reply or the end of its time."""
        if seconds > WATCH_AFTER:
            self._watch(self._limits.memory_mb)
            self._timer = asyncio.get_running_loop().call_later(seconds - WATCH_AFTER, self._go_on, reply, 0.0)
        elif not reply.done():
            reply.set_exception(TimeoutError())

    async def _why(self) -> EngineFailure:
        """Returns why the connection closed. If the process ended by itself, the keeper reports it within a moment."""
        try:
            async with asyncio.timeout(0.5):
                ended = await asyncio.shield(self._handle.ended)
        except TimeoutError:
            return EngineFailure("The engine closed its connection to the server before it answered.")
        return failure_of(ended, self._limits)

    def _watch(self, memory_mb: int | None) -> None:
        self._watched = memory_mb is not None
        self._keeper.watch(self._handle, memory_mb)

    async def _stop(self, grace: float) -> None:
        if not self.ended:
            self._keeper.stop(self._handle, grace)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace + LONGEST_END):
                    await asyncio.shield(self._handle.ended)
        self.settle()
        self._close_output()
        self._connection.close()

    def _drain(self) -> bool:
        """The output pipe is read once. Returns True if something was there."""
        if self._output is None:
            return False
        try:
            data = os.read(self._output, _PIPE)
        except BlockingIOError:
            return False
        if not data:
            self._close_output()
        elif self.log is not None:
            self.log.write(data)
        return bool(data)

    def _close_output(self) -> None:
        if self._output is not None:
            asyncio.get_running_loop().remove_reader(self._output)
            os.close(self._output)
            self._output = None
