"""Processes as the kernel sees them: their descendants, their memory, and signals to end them.

Without /proc and prctl everything here is best effort; process groups work everywhere.
"""

import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

MARKER: Final = "ENGINEHOUSE_CHILD"  # in the environment of every child, and of everything that it starts
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
    """Orphaned descendants are re-parented to this process from now on; False where the system cannot."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """The kernel kills this process when its parent ends; False where the system cannot."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> bool:
    try:
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (AttributeError, OSError):
        return False


def stat(pid: int) -> ProcessStat | None:
    """The process's state; None when there is no such process."""
    try:
        # The name in parentheses may itself hold spaces and parentheses.
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except _GONE:
        return None
    return ProcessStat(fields[0].decode(), int(fields[1]), int(fields[21]) * PAGE)


def children_of(pid: int) -> list[int]:
    """The processes whose parent is `pid`, with those that have ended and are not reaped."""
    if not _LISTS_CHILDREN:
        return [other for other in _all_pids() if (seen := stat(other)) and seen.parent == pid]
    pids: list[int] = []
    with suppress(*_GONE):
        for thread in os.scandir(_PROC / str(pid) / "task"):
            with suppress(*_GONE):
                pids += map(int, Path(thread.path, "children").read_bytes().split())
    return pids


def descendants(pid: int) -> list[int]:
    """Every living process below `pid`."""
    below = children_of(pid)
    for child in below:  # grows during the loop
        below += children_of(child)
    return [child for child in below if (seen := stat(child)) and seen.alive]


def memory(pids: Iterable[int], limit: int) -> int:
    """The bytes of memory that the processes hold together; near the limit, shared pages count once.

    Resident sizes are cheap but count shared pages for every process, so only a sum past `limit` is measured closely.
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


def with_marker(owner: str) -> list[int]:
    """Every process whose environment marker begins with `owner`, wherever it is in the tree."""
    marker = f"{MARKER}={owner}.".encode()
    pids = []
    for pid in _all_pids():
        with suppress(*_GONE):
            environment = (_PROC / str(pid) / "environ").read_bytes()
            if any(entry.startswith(marker) for entry in environment.split(b"\0")):
                pids.append(pid)
    return pids


def send(pid: int, number: signal.Signals) -> None:
    """The process has the signal, if it still exists."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def send_group(group: int, number: signal.Signals) -> None:
    """Every process in the group has the signal."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _all_pids() -> Iterator[int]:
    with suppress(FileNotFoundError):
        for entry in os.scandir(_PROC):
            if entry.name.isdigit():
                yield int(entry.name)
