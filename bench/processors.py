"""Which processor cores a process keeps to, where the system lets one choose, and how long it has used them."""

import os
import sys
from pathlib import Path

if sys.platform == "linux":
    ALL = sorted(os.sched_getaffinity(0))

    def keep_to(core: int | None) -> None:
        """The calling process runs on `core` only; on every core it may use when None."""
        os.sched_setaffinity(0, ALL if core is None or len(ALL) < 2 else [core])

else:
    ALL = list(range(os.cpu_count() or 1))

    def keep_to(core: int | None) -> None:
        """Nothing: this system has no way to say it."""


SERVER, CLIENTS = ALL[0], ALL[-1]


def seconds_used(pid: int) -> float:
    """The processor time of the process so far, its own and the system's for it."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
