"""Files of an item: linked, copied, or saved from a response."""

import os
import shutil
from pathlib import Path
from typing import Final

from enginehouse.engines.native.protocol import Fetched
from enginehouse.engines.threads import in_thread

_BLOCK: Final = 1 << 20


def link_or_copy(path: Path, target: Path) -> None:
    """The bytes of `path` are also at `target`. They are copied only if the file system cannot link."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


async def save(fetched: Fetched, target: Path) -> None:
    """The response is in the file. The event loop does not wait for the disk."""
    with target.open("wb") as file:
        buffer = bytearray()
        async for block in fetched.body:
            buffer += block
            if len(buffer) >= _BLOCK:
                await in_thread(file.write, bytes(buffer))
                buffer.clear()
        await in_thread(file.write, bytes(buffer))
