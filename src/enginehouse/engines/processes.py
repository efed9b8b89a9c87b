"""What the kernel knows about processes: who descends from whom, what memory they hold, and how to end them.

Everything here is best effort where there is no /proc and no prctl; process groups still work there.
"""

import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

MARKER: Final = "ENGINEHOUSE_CHILD"  # in the environment of every child, and so of what it starts
PAGE: Final = os.sysconf("SC_PAGE_SIZE")

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_PROC: Final = Path("/proc")
_LISTS_CHILDREN: Final = (_PROC / str(os.getpid()) / "task" / str(os.getpid()) / "children").exists()
_GONE: Final = (FileNotFoundError, ProcessLookupError, PermissionError)


class Stat(NamedTuple):
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


def stat(pid: int) -> Stat | None:
    """What the process is doing, None when there is none."""
    try:
        # The name in parentheses may itself hold spaces and parentheses.
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except _GONE:
        return None
    return Stat(fields[0].decode(), int(fields[1]), int(fields[21]) * PAGE)


def children_of(pid: int) -> list[int]:
    """The processes whose parent is `pid`, ended ones that were not reaped included."""
    if not _LISTS_CHILDREN:
        return [other for other in _all_pids() if (seen := stat(other)) and seen.parent == pid]
    found: list[int] = []
    with suppress(*_GONE):
        for thread in os.scandir(_PROC / str(pid) / "task"):
            with suppress(*_GONE):
                found += map(int, Path(thread.path, "children").read_bytes().split())
    return found


def descendants(pid: int) -> list[int]:
    """Everything that lives below `pid`."""
    below = children_of(pid)
    for child in below:  # grows while it is walked
        below += children_of(child)
    return [child for child in below if (seen := stat(child)) and seen.alive]


def memory(pids: Iterable[int], limit: int) -> int:
    """The bytes of memory the processes hold together; pages they share are counted once when it matters.

    Resident sizes are cheap and count shared pages for everybody, so only a sum over `limit` is looked at closely.
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
    """Every process whose environment marker begins with `owner`, wherever it hangs in the tree."""
    wanted = f"{MARKER}={owner}.".encode()
    found = []
    for pid in _all_pids():
        with suppress(*_GONE):
            environment = (_PROC / str(pid) / "environ").read_bytes()
            if any(entry.startswith(wanted) for entry in environment.split(b"\0")):
                found.append(pid)
    return found


def send(pid: int, number: signal.Signals) -> None:
    """The process has the signal, if it is still there."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def send_group(group: int, number: signal.Signals) -> None:
    """Everybody in the process group has the signal."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _all_pids() -> Iterator[int]:
    with suppress(FileNotFoundError):
        for entry in os.scandir(_PROC):
            if entry.name.isdigit():
                yield int(entry.name)
