"""What a machine is, as far as figures depend on it."""

import os
import platform
from pathlib import Path
from typing import Any, Final

# Figures of two machines that differ in one of these say nothing about each other.
DECISIVE: Final = ("processor", "cores", "memory_gb", "disk")


def description(place: Path) -> dict[str, Any]:
    """Returns the processor, its cores, the memory, the file system of `place`, the system, and how busy it is now."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "disk": disk(place),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 1),  # processes that wanted to run in the minute before
    }


def disk(place: Path) -> str:
    """Returns the file system of `place`, as far as the system reports it."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "an unknown file system"
    best, kind = "", "an unknown file system"
    for line in mounts.read_text().splitlines():
        _, mounted, system, *_ = line.split()
        if place.resolve().is_relative_to(mounted) and len(mounted) >= len(best):
            best, kind = mounted, system
    return kind


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    for line in known.read_text().splitlines() if known.exists() else ():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
