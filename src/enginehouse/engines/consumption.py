"""What a tree of processes keeps on disk: the files below a folder, and open files that have no name."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_BLOCK: Final = 512  # bytes in a unit of st_blocks
_ENTRY: Final = 256  # bytes that a name in a folder counts for, so that empty files are not free
_GONE: Final = (FileNotFoundError, ProcessLookupError, PermissionError, NotADirectoryError)


def disk(folders: Iterable[str], pids: Iterable[int], limit: int) -> int:
    """Returns the bytes on disk. The count ends soon after it has passed `limit`."""
    used = 0
    left = [*folders]
    while left and used <= limit:
        try:
            with _entries(left.pop()) as entries:
                for entry in entries:
                    with suppress(*_GONE):
                        seen = entry.stat(follow_symlinks=False)
                        used += seen.st_blocks * _BLOCK + _ENTRY
                        if stat.S_ISDIR(seen.st_mode):
                            left.append(entry.path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return limit + 1  # so deep that what is there cannot be counted
    files = {file: size for pid in pids for file, size in _nameless(pid)}
    return used + sum(files.values())


def _entries(folder: str) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
    try:
        return os.scandir(folder)
    except PermissionError:
        # The engine has taken the rights from a folder of its own. What is in it counts all the same.
        _allow(folder)
        return os.scandir(folder)


def _allow(folder: str) -> None:
    """This user may read the folder. It is not a link."""
    handle = os.open(folder, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        Path(f"/proc/self/fd/{handle}").chmod(0o700)
    finally:
        os.close(handle)


def _nameless(pid: int) -> Iterable[tuple[tuple[int, int], int]]:
    """Yields the open files of a process that have no name: deleted ones, and files in memory."""
    with suppress(*_GONE), os.scandir(_PROC / str(pid) / "fd") as entries:
        for entry in entries:
            with suppress(*_GONE):
                seen = Path(entry.path).stat()
                if stat.S_ISREG(seen.st_mode) and not seen.st_nlink:
                    yield (seen.st_dev, seen.st_ino), seen.st_blocks * _BLOCK
