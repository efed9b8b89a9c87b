"""The register of keepers in the data folder: from it a server learns what former servers may have left running.

Every keeper has a file in the register and holds a lock on it for as long as it lives. The file's name is how the
marker of its children begins. A file without a lock belongs to a keeper that is gone, by itself or by kill -9.
"""

import fcntl
import os
import signal
import time
from pathlib import Path
from typing import Final

from enginehouse.engines import processes

PATIENCE: Final = 15.0  # seconds; a keeper ends in less
_PAUSE: Final = 0.02


def enter(register: Path, name: str) -> int:
    """The keeper's file exists and is locked. The lock lasts until every copy of the returned descriptor is closed."""
    register.mkdir(parents=True, exist_ok=True, mode=0o700)
    entry = os.open(register / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(entry, fcntl.LOCK_EX)
    return entry


def end_orphans(register: Path, *, besides: str, wait: bool) -> None:
    """No engine process of former servers is left, as far as the system shows them.

    With `wait`, living keepers belong to dead servers, and are waited for while they end their children. Without it
    they may belong to servers beside this one, and are left alone. Blocks.
    """
    for entry in sorted(register.glob("*")):
        if entry.name == besides:
            continue
        last = time.monotonic() + PATIENCE
        while not (gone := _unlocked(entry)) and wait and time.monotonic() < last:
            time.sleep(_PAUSE)
        if gone or wait:
            _end_marked(entry.name)
            entry.unlink(missing_ok=True)


def _unlocked(entry: Path) -> bool:
    try:
        descriptor = os.open(entry, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _end_marked(owner: str) -> None:
    last = time.monotonic() + PATIENCE
    while left := [pid for pid in processes.with_marker(owner) if (seen := processes.stat(pid)) and seen.alive]:
        for pid in left:
            processes.send(pid, signal.SIGKILL)
        if time.monotonic() > last:
            return
        time.sleep(_PAUSE)
