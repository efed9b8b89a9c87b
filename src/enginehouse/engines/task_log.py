"""The output of a task goes to its log, up to a limit."""

from collections.abc import Callable
from typing import Final

TAIL: Final = 16 << 10  # how many of the last bytes are kept; a traceback is there
_NOTICE: Final = 100  # bytes for the line that says how much was cut


class TaskLog:
    """Passes output on to `append` while the task runs.

    Past `limit` bytes it keeps only the end, and passes it on in `close`.
    """

    def __init__(self, append: Callable[[bytes], None], limit: int) -> None:
        self._append = append
        self._tail_room = min(TAIL, limit // 4) if limit > 4 * _NOTICE else 0
        self._room = limit - self._tail_room - _NOTICE if self._tail_room else 0
        self._tail = b""
        self._closed = False
        self._over = 0  # the number of bytes that came after the room was used up

    def write(self, data: bytes) -> None:
        """The bytes are in the log. Past the limit they are counted, and perhaps kept as the end."""
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
        """The end of the output is in the log too, after a line that says how much is missing before it."""
        if self._closed:
            return
        self._closed = True
        cut = self._over - len(self._tail)
        if cut and self._tail_room:
            self._append(f"\n... {cut} bytes of output were not kept ...\n".encode())
        if self._tail:
            self._append(self._tail)
