"""The register of keepers in the data folder: it tells a server which processes earlier servers may have left.

Every keeper has a file in the register and holds a lock on it while it lives. The marker of its children begins with
the name of the file. A file without a lock belongs to a keeper that has ended or was killed.
"""

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from enginehouse.engines import processes

PATIENCE: Final = 15.0  # seconds; a keeper ends in less time
_PAUSE: Final = 0.02


def enter(register: Path, name: str) -> int:
    """The keeper's file exists and is locked. The lock lasts until every copy of the returned descriptor is closed."""
    register.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        entry = os.open(register / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(entry, fcntl.LOCK_EX)
        if os.fstat(entry).st_nlink:
            return entry
        os.close(entry)  # somebody saw the file before its lock, and removed it


def end_orphans(register: Path, *, besides: str = "", wait: bool, entries: str = "*") -> None:
    """Every visible engine process of earlier servers has ended: of the keepers whose entries have such a name.

    With `wait`, living keepers belong to dead servers, and this call waits while they end their children. Without it
    they may belong to other running servers, and are not touched. This call blocks.
    """
    for entry in sorted(register.glob(entries)):
        if entry.name == besides:
            continue
        with suppress(FileNotFoundError), entry.open("r+b") as file:
            # Nobody else gets the lock until the file is gone: it may be that of a keeper which is about to start.
            if _locked(file, PATIENCE if wait else 0.0) or wait:
                _end_marked(entry.name)
                entry.unlink(missing_ok=True)


def _locked(file: BinaryIO, seconds: float) -> bool:
    last = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= last:
                return False
            time.sleep(_PAUSE)
        else:
            return True


def _end_marked(owner: str) -> None:
    last = time.monotonic() + PATIENCE
    while left := [pid for pid in processes.with_marker(owner) if (seen := processes.stat(pid)) and seen.alive]:
        for pid in left:
            processes.send(pid, signal.SIGKILL)
        if time.monotonic() > last:
            return
        time.sleep(_PAUSE)
