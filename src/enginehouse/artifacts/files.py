"""What both stores do with local files: append to a log, read a range, delete a file with its empty folders."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

STREAM_BLOCK: Final = 1 << 18
NOTHING_THERE: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


def append(path: Path, offset: int, data: bytes) -> int:
    """The bytes of the file from `offset` on are `data`. Returns where they end. At offset 0 the file is created.

    Raises FileNotFoundError if a file that was begun is gone, ValueError if bytes before `offset` are missing.
    """
    if offset == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
    # A log that was begun and is gone was deleted with its job. It must not come back.
    made = os.O_CREAT if offset == 0 else 0
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC | made, 0o640)
    try:
        if os.fstat(handle).st_size < offset:
            raise ValueError(f"bytes before {offset} are missing")
        os.ftruncate(handle, offset)
        end, view = offset, memoryview(data)
        while view:
            written = os.pwrite(handle, view, end)
            end, view = end + written, view[written:]
        return end
    finally:
        os.close(handle)


def opened(path: Path, start: int) -> BinaryIO:
    """Returns the open file, which is read from `start` on. Raises OSError."""
    file = path.open("rb")
    file.seek(start)
    return file


async def blocks(file: BinaryIO, start: int, stop: int | None) -> AsyncIterator[bytes]:
    """Yields the bytes of the open file from `start` up to `stop`, or to the end. The file is closed afterwards."""
    try:
        at = start
        while stop is None or at < stop:
            most = STREAM_BLOCK if stop is None else min(STREAM_BLOCK, stop - at)
            block = await asyncio.to_thread(file.read, most)
            if not block:
                return
            at += len(block)
            yield block
    finally:
        file.close()


def names_in(folder: Path) -> list[str]:
    """Returns the names of the files directly in the folder. A folder that is not there has none."""
    with suppress(*NOTHING_THERE):
        return sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    return []


def remove(paths: Iterable[Path], root: Path) -> set[Path]:
    """These files and the folders below `root` that became empty are gone. Unknown files are ignored.

    Returns the folders that have lost a name.
    """
    touched: set[Path] = set()
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
        folder = path.parent
        while folder != root:
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:  # not empty
                break
            folder = folder.parent
        touched.add(folder)
    return touched


def sync_folder(folder: Path) -> None:
    """The names in the folder are on the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
