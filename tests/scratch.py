"""Where tests keep their files: in memory where there is room, because most of what they wait for there is a disk.

`TMPDIR=/somewhere` chooses another folder.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")
_GIB: Final = 1 << 30


def memory(room: int) -> str | None:
    """Returns a folder in memory, None if it has no more than `room` GiB, or if no program may be started there."""
    usable = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
    if usable and shutil.disk_usage(_MEMORY).free > room * _GIB:
        return str(_MEMORY)
    return None


def in_memory(room: int = 6) -> None:
    """Temporary files of this process, and of all that it starts, are in memory, unless a folder was chosen."""
    if "TMPDIR" not in os.environ and (folder := memory(room)):
        os.environ["TMPDIR"] = tempfile.tempdir = folder
