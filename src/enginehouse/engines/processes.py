"""Processes as the kernel sees them: their descendants, their memory, and signals to end them.

Without /proc and prctl everything here is best effort. Process groups work everywhere.
"""

import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

MARKER: Final = "ENGINEHOUSE_CHILD"  # in the environment of every child, and of every process that it starts
PAGE: Final = os.sysconf("SC_PAGE_SIZE")

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_PROC: Final = Path("/proc")
_LISTS_CHILDREN: Final = (_PROC / str(os.getpid()) / "task" / str(os.getpid()) / "children").exists()
_GONE: Final = (FileNotFoundError, ProcessLookupError, PermissionError)


class ProcessStat(NamedTuple):
    """One process as the kernel sees it: state letter, parent, resident bytes."""

    state: str
    parent: int
    resident: int

    @property
    def alive(self) -> bool:
        return self.state not in "ZX"


def become_subreaper() -> bool:
    """From now on orphaned descendants become children of this process. Returns False if the system cannot do that."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """The kernel kills this process when its parent ends. Returns False if the system cannot do that."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> bool:
    try:
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (AttributeError, OSError):
        return False


def stat(pid: int) -> ProcessStat | None:
    """Returns the process's state, None if there is no such process."""
    try:
        # The name in parentheses may itself contain spaces and parentheses.
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except _GONE:
        return None
    return ProcessStat(fields[0].decode(), int(fields[1]), int(fields[21]) * PAGE)


def children_of(pid: int) -> list[int]:
    """Returns the processes whose parent is `pid`, also those that have ended and are not reaped."""
    if not _LISTS_CHILDREN:
        return [other for other in _all_pids() if (seen := stat(other)) and seen.parent == pid]
    pids: list[int] = []
    with suppress(*_GONE):
        for thread in os.scandir(_PROC / str(pid) / "task"):
            with suppress(*_GONE):
                pids += map(int, Path(thread.path, "children").read_bytes().split())
    return pids


def descendants(pid: int) -> list[int]:
    """Returns every living process below `pid`."""
    below = children_of(pid)
    for child in below:  # grows during the loop
        below += children_of(child)
    return [child for child in below if (seen := stat(child)) and seen.alive]


def memory(pids: Iterable[int], limit: int) -> int:
    """Returns the bytes of memory that the processes use together. Past the limit, shared pages count once.

    Resident sizes are cheap, but count shared pages for every process. So only a sum past `limit` is measured exactly.
    """
    pids = list(pids)
    resident = sum(seen.resident for pid in pids if (seen := stat(pid)))
    if resident <= limit or len(pids) == 1:
        return resident
    return sum(map(_proportional, pids))


def _proportional(pid: int) -> int:
    with suppress(*_GONE):
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def is_program(pid: int, name: str) -> bool:
    """Returns True if the process runs the program of this name."""
    with suppress(*_GONE):
        # A process names itself, in any bytes.
        return (_PROC / str(pid) / "comm").read_bytes().strip() == name.encode()
    return False


def with_marker(owner: str) -> list[int]:
    """Returns every process whose environment marker begins with `owner`, anywhere in the tree."""
    marker = f"{MARKER}={owner}.".encode()
    pids = []
    for pid in _all_pids():
        with suppress(*_GONE):
            environment = (_PROC / str(pid) / "environ").read_bytes()
            if any(entry.startswith(marker) for entry in environment.split(b"\0")):
                pids.append(pid)
    return pids


def send(pid: int, number: signal.Signals) -> None:
    """The process has got the signal, if it still exists."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def send_group(group: int, number: signal.Signals) -> None:
    """Every process in the group has got the signal."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _all_pids() -> Iterator[int]:
    with suppress(FileNotFoundError):
        for entry in os.scandir(_PROC):
            if entry.name.isdigit():
                yield int(entry.name)
