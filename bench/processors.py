"""Keeps a process on chosen processor cores, if the system can do that, and measures how long it has used them."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg

if sys.platform == "linux":
    ALL = sorted(os.sched_getaffinity(0))

    def keep_to(core: int | None) -> None:
        """The calling process runs only on `core`. None means every core that it may use."""
        os.sched_setaffinity(0, ALL if core is None or len(ALL) < 2 else [core])

else:
    ALL = list(range(os.cpu_count() or 1))

    def keep_to(core: int | None) -> None:
        """Nothing changes, because this system cannot do that."""


SERVER, CLIENTS = ALL[0], ALL[-1]


def seconds_used(pid: int) -> float:
    """Returns the processor time of the process so far: user time and system time."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def seconds_used_by_tree(pid: int) -> float:
    """Returns the processor time of the process and of its children, also of those that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    used = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):  # it ends now
            used += seconds_used(int(child))
    return used


async def postgres_of(dsn: str) -> int:
    """Returns the process id of the PostgreSQL on this machine, the parent of its connections' processes."""
    connection = await asyncpg.connect(dsn)
    try:
        return _parent(await connection.fetchval("SELECT pg_backend_pid()"))
    finally:
        await connection.close()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
