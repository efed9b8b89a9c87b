"""First thing in a server under test: its clock is the machine's and as many seconds more as the file holds.

The file is looked at whenever the clock is read, so a step happens in the middle of whatever is going on.
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
