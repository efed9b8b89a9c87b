"""A task's log file; it never grows past its limit, however much an engine prints."""

import os
from pathlib import Path
from typing import Final

TAIL: Final = 16 << 10  # bytes of the end that are kept, where a traceback is
_NOTICE: Final = 100  # bytes reserved for the line that says how much is missing


class TaskLog:
    """Appends to `path` while the task runs. Past `limit` bytes only the end is kept, and written on close.

    The first byte makes the file and its folder. A full disk costs the log, never the task.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._room = 0
        self._tail_room = 0
        self._file: int | None = None
        self._tail = b""
        self._closed = False
        self._over = 0  # bytes that came when there was no room left

    def write(self, data: bytes) -> None:
        """The bytes are in the file; past the limit they are counted, and kept while they are the end."""
        if not data or self._closed:
            return
        if self._file is None:
            self._open()
        head, rest = data[: self._room], data[self._room :]
        if head:
            self._append(head)
            self._room -= len(head)
        if rest:
            self._over += len(rest)
            self._tail = (self._tail + rest)[-self._tail_room :] if self._tail_room else b""

    def close(self) -> None:
        """The end of the output is in the file too, after a line that says how much is missing before it."""
        self._closed = True
        if self._file is None:
            return
        cut = self._over - len(self._tail)
        if cut and self._tail_room:
            self._append(f"\n... {cut} bytes of output were not kept ...\n".encode())
        self._append(self._tail)
        if self._file >= 0:
            os.close(self._file)
        self._file = None

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        except OSError:
            self._file = -1
            return
        # The items of one task share its file, and its limit.
        left = self._limit - os.fstat(self._file).st_size
        if left > 4 * _NOTICE:
            self._tail_room = min(TAIL, left // 4)
            self._room = left - self._tail_room - _NOTICE

    def _append(self, data: bytes) -> None:
        if data and self._file is not None and self._file >= 0:
            try:
                os.write(self._file, data)
            except OSError:
                os.close(self._file)
                self._file = -1
