"""The input of a server whose end counts as a signal: whoever started it is gone."""

import asyncio
import os
from collections.abc import Callable
from typing import Final

_PIECE: Final = 1 << 16


def listen(fd: int, ended: Callable[[], None], heard: Callable[[bytes], None] | None = None) -> None:
    """`ended` is called once at the end of the input, and `heard` with each piece of it before."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        piece = os.read(fd, _PIECE)
        if not piece:
            loop.remove_reader(fd)
            ended()
        elif heard is not None:
            heard(piece)

    loop.add_reader(fd, read)
