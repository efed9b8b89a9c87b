"""What former servers with the same data folder may have left running: their keepers are waited for, or replaced.

Every keeper has a file in the register, named as the marker of its children begins, and holds a lock on it for as long
as it lives. A file without a lock tells of a keeper that is gone, by itself or by kill -9.
"""

import fcntl
import os
import signal
import time
from pathlib import Path
from typing import Final

from enginehouse.engines import processes

PATIENCE: Final = 15.0  # seconds; a keeper's longest goodbye is shorter
_PAUSE: Final = 0.02


def enter(register: Path, name: str) -> int:
    """The descriptor to hand to a keeper: the lock lasts until every copy of it is closed."""
    register.mkdir(parents=True, exist_ok=True, mode=0o700)
    entry = os.open(register / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(entry, fcntl.LOCK_EX)
    return entry


def end_orphans(register: Path, *, besides: str, wait: bool) -> None:
    """No engine process is left of the servers that were here before, as far as the system lets us know.

    With `wait`, keepers that live are waited for: they are those of dead servers, and end what they keep. Without it
    they may be those of servers beside us, and are left alone. Blocking.
    """
    for entry in sorted(register.glob("*")):
        if entry.name == besides:
            continue
        last = time.monotonic() + PATIENCE
        while not (over := _unlocked(entry)) and wait and time.monotonic() < last:
            time.sleep(_PAUSE)
        if over or wait:
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
