"""What a tree of processes keeps on disk: the files below a folder, and open files that have no name."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_BLOCK: Final = 512  # bytes in a unit of st_blocks
_ENTRY: Final = 256  # bytes that a name in a folder counts for, so that empty files are not free
_GONE: Final = (FileNotFoundError, ProcessLookupError, PermissionError, NotADirectoryError)


def disk(folder: str, pids: Iterable[int], limit: int) -> int:
    """Returns the bytes on disk. The count ends soon after it has passed `limit`."""
    used = 0
    folders = [folder]
    while folders and used <= limit:
        with suppress(*_GONE), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with suppress(*_GONE):
                    seen = entry.stat(follow_symlinks=False)
                    used += seen.st_blocks * _BLOCK + _ENTRY
                    if stat.S_ISDIR(seen.st_mode):
                        folders.append(entry.path)
    files = {file: size for pid in pids for file, size in _nameless(pid)}
    return used + sum(files.values())


def _nameless(pid: int) -> Iterable[tuple[tuple[int, int], int]]:
    """Yields the open files of a process that have no name: deleted ones, and files in memory."""
    with suppress(*_GONE), os.scandir(_PROC / str(pid) / "fd") as entries:
        for entry in entries:
            with suppress(*_GONE):
                seen = Path(entry.path).stat()
                if stat.S_ISREG(seen.st_mode) and not seen.st_nlink:
                    yield (seen.st_dev, seen.st_ino), seen.st_blocks * _BLOCK
