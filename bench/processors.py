"""Keeps a process on chosen processor cores, if the system can do that, and measures how long it has used them."""

import os
import sys
from pathlib import Path

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
