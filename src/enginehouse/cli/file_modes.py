"""File modes: only the user of the server can read what a data folder holds."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

import structlog

_OTHERS: Final = 0o077  # every right of the group and of everybody else
# What a server makes beside its artifacts. Other files in the folder belong to somebody else and stay as they are.
_FILES: Final = (
    "enginehouse.db", "enginehouse.db-wal", "enginehouse.db-shm", "enginehouse.db.lock",
    "database", "token", "admin-password", "secret-key", "server.log",
)  # fmt: skip
_TREES: Final = ("keepers", "servers", "artifacts")

log = structlog.get_logger(__name__)


def restrict_umask() -> None:
    """New files of this process and of its children are private. A stricter umask stays as it is.

    The umask belongs to the whole process, so this runs before any thread starts.
    """
    os.umask(os.umask(_OTHERS) | _OTHERS)


def tighten(data: Path) -> None:
    """The folder and the server's files directly in it are private. The log names what belongs to another user."""
    for path in (data.resolve(), *(data / name for name in _FILES), *((data / name).resolve() for name in _TREES)):
        try:
            _tighten(path)
        except OSError:
            log.warning("other users may read this, and only its owner can change that", place=path.as_posix())


@contextmanager
def tightening(data: Path) -> Iterator[None]:
    """Meanwhile a thread makes all artifacts private: there may be millions. The next start repeats what is left."""
    stop = Event()
    thread = Thread(target=_tighten_trees, args=(data, stop), name="file-modes")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _tighten_trees(data: Path, stop: Event) -> None:
    changed = failed = 0
    for path in (path for name in _TREES for path in _entries(data / name)):
        if stop.is_set():
            return
        try:
            changed += _tighten(path)
        except OSError:
            failed += 1
    if changed:
        log.info("files made private", files=changed)
    if failed:
        log.warning("other users may read files, and only their owner can change that", files=failed)


def _entries(root: Path) -> Iterator[Path]:
    """Yields every file and folder below the root, none of them through a link."""
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            yield Path(folder, name)


def _tighten(path: Path) -> bool:
    """Takes all rights from other users, and returns whether there were any. A link stays as it is."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(mode) or not mode & _OTHERS:
        return False
    path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
    return True
