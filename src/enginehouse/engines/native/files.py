"""Bytes on their way into a file, without the event loop waiting for the disk."""

import os
import shutil
from pathlib import Path
from typing import Final

from enginehouse.engines.native.protocol import Fetched
from enginehouse.engines.threads import in_thread

_BLOCK: Final = 1 << 20


def link_or_copy(path: Path, target: Path) -> None:
    """The bytes of `path` are also at `target`, without copying where the file system can do that."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


async def save(fetched: Fetched, target: Path) -> None:
    """What is being read is in the file; the event loop waits for no disk."""
    with target.open("wb") as file:
        waiting = bytearray()
        async for block in fetched.body:
            waiting += block
            if len(waiting) >= _BLOCK:
                await in_thread(file.write, bytes(waiting))
                waiting.clear()
        await in_thread(file.write, bytes(waiting))
