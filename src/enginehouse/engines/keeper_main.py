"""The keeper: a small process that starts the children, watches what they use, and ends all their processes.

It reads JSON objects from the socket to its server, one on each line, and replies in the same form. Every orphan below
it becomes its own child. So a child that the keeper did not start is always an orphan. When the server has gone for any
reason, the keeper ends everything below it and then itself.
"""

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from enginehouse import folders
from enginehouse.engines import consumption, processes

POLL: Final = 0.2  # seconds between two measurements of the children
IDLE_POLL: Final = 2.0  # the same for children that are not watched
ENDING_POLL: Final = 0.01
STUBBORN: Final = 5.0  # seconds to wait for a process that SIGKILL does not end
LAST_GRACE: Final = 0.5  # seconds that the children get when the server is gone
MAX_PROCESSES: Final = 512  # in one child's tree
MAX_FDS: Final = 64
WRAPPER: Final = "bwrap"
SIGNALLED: Final = 128  # a wrapper adds the number of the signal that ended its engine
DISK_PAUSE: Final = 0.5  # seconds at least between two measurements of a child's disk
DISK_SHARE: Final = 20  # a measurement takes at most one part in so many of the keeper's time


@dataclass(slots=True)
class ChildRecord:
    """One child: `deadline` is set while it is ending, `status` when it has ended.

    `memory` and `disk` are its limits in bytes. While it is not `watched`, it is measured seldom. `wrapped`: it runs
    inside a sandbox with processes of its own.
    """

    number: int
    pid: int
    folder: str
    memory: int
    disk: int
    wrapped: bool = False
    watched: bool = True
    deadline: float | None = None
    status: int | None = None
    cause: str | None = None
    patience: float = 0.0
    due: float = 0.0
    disk_due: float = 0.0


class KeeperMain:
    """The state of the keeper process. It has one thread and one loop. Every step can be repeated safely."""

    def __init__(self, server: socket.socket, owner: str) -> None:
        self.server = server
        self.owner = owner
        self.children: dict[int, ChildRecord] = {}
        self.sweepers: set[int] = set()  # forks of our own that remove a child's folder
        self.orphans = False
        self.buffer = b""
        self.fds: list[int] = []

    def run(self) -> None:
        """The server is gone and no process is left below this one."""
        selector = selectors.DefaultSelector()
        selector.register(self.server, selectors.EVENT_READ)
        selector.register(_wakeup_pipe(), selectors.EVENT_READ)
        connected = True
        while connected:
            for key, _ in selector.select(self._pause()):
                if key.fileobj is self.server:
                    connected = self.receive()
                else:
                    os.read(key.fd, 4096)
            self.check()
        self.end_everything()

    def _pause(self) -> float | None:
        children = self.children.values()
        if self.orphans or any(child.deadline is not None or child.status is not None for child in children):
            return ENDING_POLL
        if not self.children:
            return None
        return POLL if any(child.watched for child in children) else IDLE_POLL

    def receive(self) -> bool:
        """Every complete order is carried out. Returns False when the server has closed the connection."""
        try:
            data, fds, _, _ = socket.recv_fds(self.server, 1 << 16, MAX_FDS)
        except ConnectionError:
            return False
        self.fds += fds
        for fd in fds:
            os.set_inheritable(fd, False)
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            self.execute(json.loads(line))
        return bool(data)

    def execute(self, order: dict[str, Any]) -> None:
        """One order of the server is carried out."""
        number = order["child"]
        match order["do"]:
            case "spawn":
                self.spawn(number, order)
            case "watch":
                if child := self.children.get(number):
                    child.watched = order["memory"] is not None
                    child.memory = order["memory"] or child.memory
            case "stop":
                if child := self.children.get(number):
                    self.stop(child, order["grace"])

    def spawn(self, number: int, order: dict[str, Any]) -> None:
        """The child runs in its own session, with its connection, its output and its own folder."""
        connection, output = self.fds[:2]
        del self.fds[:2]
        folder = order["folder"]
        home = f"{folder}/home"
        try:
            process = subprocess.Popen(  # noqa: S603 -- the command is the server's own
                [*order["command"], str(connection)],
                env=order["environment"] | {"HOME": home, "TMPDIR": home, processes.MARKER: f"{self.owner}.{number}"},
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(connection,),
                start_new_session=True,
            )
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            self.report(number, status=None, cause="spawn", detail=str(error))
            return
        finally:
            os.close(connection)
            os.close(output)
        process.returncode = 0  # `check` reaps it, like every other child
        self.children[number] = ChildRecord(
            number, process.pid, folder, order["memory"], order["disk"], Path(order["command"][0]).name == WRAPPER
        )

    def stop(self, child: ChildRecord, grace: float) -> None:
        """The child has got SIGTERM, and gets SIGKILL after `grace` seconds."""
        child.deadline = min(child.deadline or float("inf"), time.monotonic() + grace)
        if grace > 0 and child.status is None:
            for number in (signal.SIGTERM, signal.SIGCONT):
                self.signal(child, number)

    def signal(self, child: ChildRecord, number: signal.Signals) -> None:
        """The engine's processes have got the signal. Those of the sandbox around it have not: they end with it."""
        if not child.wrapped:
            processes.send_group(child.pid, number)
            return
        for pid in processes.descendants(child.pid):
            if not processes.is_program(pid, WRAPPER):
                processes.send(pid, number)

    def check(self) -> None:
        """Ended processes are reaped and reported, orphans are killed, deadlines and limits are enforced."""
        now = time.monotonic()
        self.reap(now)
        self.orphans = self.kill_orphans()
        for child in list(self.children.values()):
            if child.status is not None:
                if not self.orphans or now >= child.patience:
                    self.forget(child)
            elif child.deadline is not None and now >= child.deadline:
                self.kill(child)
            elif child.watched or now >= child.due:
                child.due = now + IDLE_POLL
                self.enforce(child)

    def reap(self, now: float) -> None:
        """Every ended process below this one is reaped. The exit code of a child is stored."""
        by_pid = {child.pid: child for child in self.children.values()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self.sweepers.discard(pid)
            if child := by_pid.get(pid):
                child.status = os.waitstatus_to_exitcode(status)
                if child.wrapped and child.status > SIGNALLED:
                    child.status = SIGNALLED - child.status
                child.patience = now + STUBBORN
                # Its process group may still exist, under the same number.
                processes.send_group(pid, signal.SIGKILL)

    def kill_orphans(self) -> bool:
        """Every process below this one without a living child above it has got SIGKILL.

        Returns True if there was one.
        """
        ours = self.sweepers | {child.pid for child in self.children.values() if child.status is None}
        left = False
        for pid in processes.children_of(os.getpid()):
            if pid not in ours:
                left = True
                # It is stopped first, so that it cannot fork while its tree is read.
                processes.send(pid, signal.SIGSTOP)
                for other in (*processes.descendants(pid), pid):
                    processes.send(other, signal.SIGKILL)
        return left

    def kill(self, child: ChildRecord) -> None:
        """The whole tree has got SIGKILL. A process that was missed becomes a child of the keeper, and so an orphan."""
        processes.send(child.pid, signal.SIGSTOP)
        for pid in processes.descendants(child.pid):
            processes.send(pid, signal.SIGKILL)
        processes.send_group(child.pid, signal.SIGKILL)
        processes.send(child.pid, signal.SIGKILL)

    def enforce(self, child: ChildRecord) -> None:
        """A tree that exceeds its limits is killed at once, and the cause is stored."""
        tree = [child.pid, *processes.descendants(child.pid)]
        if processes.memory(tree, child.memory) > child.memory:
            child.cause = "memory"
        elif len(tree) > MAX_PROCESSES:
            child.cause = "processes"
        elif (begun := time.monotonic()) >= child.disk_due:
            # Its inputs are not its own files.
            own = [f"{child.folder}/home", f"{child.folder}/work"]
            if consumption.disk(own, tree, child.disk) > child.disk:
                child.cause = "disk"
            child.disk_due = begun + max(DISK_PAUSE, DISK_SHARE * (time.monotonic() - begun))
        if child.cause:
            self.stop(child, 0)
            self.kill(child)

    def forget(self, child: ChildRecord) -> None:
        """The server knows that the child and everything that it started are gone. A fork removes its folder."""
        del self.children[child.number]
        self.report(child.number, status=child.status, cause=child.cause, detail="")
        # The removal may take long, and this loop must not wait.
        with suppress(OSError):
            if pid := os.fork():
                self.sweepers.add(pid)
            else:
                try:
                    folders.remove(Path(child.folder))
                finally:
                    os._exit(0)  # whatever happens, the fork is not a second keeper

    def report(self, number: int, **end: object) -> None:
        with suppress(OSError):
            self.server.sendall(json.dumps({"child": number, **end}).encode() + b"\n")

    def end_everything(self) -> None:
        """Every process that was started for this server is gone, also one that has left the tree."""
        for child in self.children.values():
            self.stop(child, LAST_GRACE)
        last = time.monotonic() + 2 * STUBBORN
        while (self.children or self.orphans) and time.monotonic() < last:
            time.sleep(ENDING_POLL)
            self.check()
        kill_marked(self.owner)
        while self.sweepers and time.monotonic() < last:
            time.sleep(ENDING_POLL)
            self.reap(time.monotonic())


def kill_marked(owner: str) -> None:
    """Every process whose marker begins with `owner` has got SIGKILL, anywhere in the tree."""
    for pid in processes.with_marker(owner):
        processes.send(pid, signal.SIGKILL)


def _wakeup_pipe() -> int:
    """Returns a pipe that becomes readable when a child ends. Signals for the server have no effect here."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    # The children would inherit SIG_IGN, so each signal has a handler that does nothing.
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return readable


def main() -> None:
    fd, server, generation = sys.argv[1:]
    processes.become_subreaper()
    # A killed keeper of the same server may have left these. This keeper has started nothing yet.
    kill_marked(server)
    KeeperMain(socket.socket(fileno=int(fd)), f"{server}.{generation}").run()


if __name__ == "__main__":
    main()
