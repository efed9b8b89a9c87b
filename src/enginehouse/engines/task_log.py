"""What a task prints goes to its log, and never past a limit however much an engine prints."""

from collections.abc import Callable
from typing import Final

TAIL: Final = 16 << 10  # bytes kept of the end, where a traceback is
_NOTICE: Final = 100  # bytes set aside for the line that says how much was cut


class TaskLog:
    """Passes on to `append` while the task runs. Past `limit` bytes only the end is kept, passed on at the close."""

    def __init__(self, append: Callable[[bytes], None], limit: int) -> None:
        self._append = append
        self._tail_room = min(TAIL, limit // 4) if limit > 4 * _NOTICE else 0
        self._room = limit - self._tail_room - _NOTICE if self._tail_room else 0
        self._tail = b""
        self._closed = False
        self._over = 0  # bytes that came after the room was used up

    def write(self, data: bytes) -> None:
        """The bytes are in the log, or counted and perhaps kept for the end."""
        if self._closed:
            return
        head, rest = data[: self._room], data[self._room :]
        if head:
            self._append(head)
            self._room -= len(head)
        if rest:
            self._over += len(rest)
            self._tail = (self._tail + rest)[-self._tail_room :] if self._tail_room else b""

    def close(self) -> None:
        """The end of the output is in the log too, after a line saying how much is missing before it."""
        if self._closed:
            return
        self._closed = True
        cut = self._over - len(self._tail)
        if cut and self._tail_room:
            self._append(f"\n... {cut} bytes of output were not kept ...\n".encode())
        if self._tail:
            self._append(self._tail)
