"""The logs of running attempts on this machine, for a store whose objects cannot grow."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, Final

from enginehouse.artifacts import files
from enginehouse.artifacts.files import NOTHING_THERE
from enginehouse.artifacts.keys import path_of
from enginehouse.artifacts.store import Stat

_GROWING: Final = "logs"
_COMPLETE: Final = "complete-logs"


class LogFiles:
    """Logs grow in the folder of their process, and when they are complete they wait there for the store.

    A process that ends before leaves its logs behind. The next one on this machine takes them over as complete.
    """

    def __init__(self, session: Path) -> None:
        self._growing = session / _GROWING
        self._complete = session / _COMPLETE
        for folder in (self._growing, self._complete):
            folder.mkdir(parents=True, exist_ok=True)

    def append(self, key: str, offset: int, data: bytes) -> int:
        """The bytes from `offset` on are `data`. Raises FileNotFoundError, ValueError as `files.append`."""
        return files.append(path_of(self._growing, key), offset, data)

    def complete(self, key: str) -> bool:
        """The log waits for the store. Returns False if there is none."""
        return _move(path_of(self._growing, key), self._growing, path_of(self._complete, key))

    def stat(self, key: str) -> Stat | None:
        """Returns the size and time of a log that grows or waits, None if there is none."""
        for path in self._paths(key):
            with suppress(*NOTHING_THERE):
                seen = path.stat()
                return Stat(seen.st_size, seen.st_mtime) if S_ISREG(seen.st_mode) else None
        return None

    def open(self, key: str, start: int) -> BinaryIO | None:
        """Returns the log, open at `start`, None if there is none."""
        for path in self._paths(key):
            with suppress(*NOTHING_THERE):
                return files.opened(path, start)
        return None

    def link(self, key: str, link: Path) -> bool:
        """The log also has this name. Returns False if there is none."""
        for path in self._paths(key):
            with suppress(*NOTHING_THERE):
                link.hardlink_to(path)
                return True
        return False

    def names_in(self, folder: str) -> set[str]:
        """Returns the last names of the keys directly in this folder."""
        return {name for root in (self._growing, self._complete) for name in files.names_in(path_of(root, folder))}

    def waiting(self, limit: int) -> list[tuple[str, Path]]:
        """Returns up to `limit` complete logs with their files."""
        found = list[tuple[str, Path]]()
        for path in self._complete.rglob("*"):
            if len(found) >= limit:
                break
            if path.is_file():
                found.append((path.relative_to(self._complete).as_posix(), path))
        return found

    def growing(self) -> list[tuple[str, int]]:
        """Returns the logs that may still grow, with their sizes."""
        found = list[tuple[str, int]]()
        for path in self._growing.rglob("*"):
            with suppress(*NOTHING_THERE):
                seen = path.stat()
                if S_ISREG(seen.st_mode):
                    found.append((path.relative_to(self._growing).as_posix(), seen.st_size))
        return found

    def forget(self, keys: Iterable[str]) -> None:
        """These logs are gone from this machine. Unknown ones are ignored."""
        keys = list(keys)
        for root in (self._growing, self._complete):
            files.remove([path_of(root, key) for key in keys], root)

    def stored(self, key: str) -> bool:
        """The complete log has arrived and is gone from here. Returns False if it was deleted meanwhile."""
        path = path_of(self._complete, key)
        there = path.is_file()
        files.remove([path], self._complete)
        return there

    def _paths(self, key: str) -> tuple[Path, Path]:
        # A log moves from the first to the second, so whoever looks in this order misses none.
        return path_of(self._growing, key), path_of(self._complete, key)

    def has_any(self) -> bool:
        """Returns True if a log is on this machine only."""
        return any(path.is_file() for root in (self._growing, self._complete) for path in root.rglob("*"))


def take_over(killed: Path, own: Path) -> None:
    """The logs of a session that has ended wait for the store in our own session."""
    for root in (killed / _GROWING, killed / _COMPLETE):
        for path in [path for path in root.rglob("*") if path.is_file()]:
            _move(path, root, own / _COMPLETE / path.relative_to(root))


def _move(source: Path, root: Path, target: Path) -> bool:
    """Returns False if there is no such file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except (FileNotFoundError, NotADirectoryError):
        return False
    files.remove([source], root)
    return True
