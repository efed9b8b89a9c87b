"""The output of a task goes to its log, up to a limit. The cut falls between two lines."""

from collections.abc import Callable
from typing import Final

from enginehouse.domain.log_text import cut_end, cut_start

TAIL: Final = 16 << 10  # how many of the last bytes are kept; a traceback is there
_NOTICE: Final = 100  # bytes for the line that says how much was cut
_LONGEST_LINE: Final = 16 << 10  # bytes; a longer line may be cut inside


class TaskLog:
    """Passes output on to `append` while the task runs.

    Past `limit` bytes it keeps only the end, and passes it on in `close`. Near the limit a line waits until it is
    whole, so that the log does not end inside it.
    """

    def __init__(self, append: Callable[[bytes], None], limit: int) -> None:
        self._append = append
        self._tail_room = min(TAIL, limit // 4) if limit > 4 * _NOTICE else 0
        self._room = limit - self._tail_room - _NOTICE if self._tail_room else 0
        self._near = min(_LONGEST_LINE, self._room // 2)
        self._line = b""  # near the limit: the line that is not whole yet
        self._is_full = False
        self._tail = b""
        self._closed = False
        self._over = 0  # the number of bytes that came after the room was used up

    def write(self, data: bytes) -> None:
        """The bytes are in the log. Past the limit they are counted, and perhaps kept as the end."""
        if self._closed:
            return
        if self._is_full:
            self._keep_end(data)
            return
        data, self._line = self._line + data, b""
        if len(data) <= self._room - self._near:
            self._pass_on(data)
        elif len(data) <= self._room:
            self._pass_on_lines(data)
        else:
            head = cut_end(data, self._room)
            self._pass_on(head)
            self._is_full = True
            self._keep_end(data[len(head) :])

    def close(self) -> None:
        """The end of the output is in the log too, after a line that says how much is missing before it."""
        if self._closed:
            return
        self._closed = True
        self._pass_on(self._line)
        tail = cut_start(self._tail, self._tail_room)
        cut = self._over - len(tail)
        if cut and self._tail_room:
            self._append(f"\n... {cut} bytes of output were not kept ...\n".encode())
        if tail:
            self._append(tail)

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._append(data)
            self._room -= len(data)

    def _pass_on_lines(self, data: bytes) -> None:
        """The whole lines are in the log. Of a line that is not whole only its last part waits."""
        lines = data.rfind(b"\n") + 1
        whole = max(lines, len(cut_end(data, len(data) - self._near)) if len(data) - lines > self._near else 0)
        self._pass_on(data[:whole])
        self._line = data[whole:]

    def _keep_end(self, data: bytes) -> None:
        self._over += len(data)
        # One byte more says whether the end begins with a line.
        self._tail = (self._tail + data)[-self._tail_room - 1 :] if self._tail_room else b""
