"""Runs first in a server under test: its clock is the machine's plus the seconds in a file.

The file is read whenever the clock is read, so a step can happen at any point.
"""

import mmap
import os
import struct
import time

with open(os.environ["STEPPED_CLOCK"], "rb") as _file:  # noqa: PTH123 - runs before everything else
    _held = mmap.mmap(_file.fileno(), 8, access=mmap.ACCESS_READ)
_seconds, _nanoseconds = time.time, time.time_ns


def _step() -> int:
    step: int = struct.unpack("<q", _held[:8])[0]
    return step


time.time = lambda: _seconds() + _step()
time.time_ns = lambda: _nanoseconds() + _step() * 1_000_000_000
