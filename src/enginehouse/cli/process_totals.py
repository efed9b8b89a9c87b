"""A server process tells its parent what it has counted, and hears what the others have.

So `GET /metrics` answers for all of them, whichever gets the request. The numbers of the others are some seconds old.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterator

from enginehouse.cli import process_messages
from enginehouse.cli.process_messages import COUNTS_SECONDS, CountedTotals
from enginehouse.operations.commits import Commits


class TotalsExchange:
    """The exchange of one process. `fd` leads to the parent."""

    def __init__(self, commits: Commits, fd: int) -> None:
        self._commits = commits
        self._fd = fd
        self._read = b""
        self._told = b""

    def hear(self, piece: bytes) -> None:
        """The process knows what the others have counted, once a line is complete."""
        *lines, self._read = (self._read + piece).split(b"\n")
        for line in lines:
            match process_messages.message(line):
                case CountedTotals() as counted:
                    self._commits.totals_elsewhere = counted.totals()

    async def tell(self) -> None:
        """Every few seconds the parent learns what is counted. Runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        with os.fdopen(self._fd, "wb", buffering=0) as pipe:
            transport, _ = await loop.connect_write_pipe(asyncio.Protocol, pipe)
            with _closing(transport):
                while True:
                    await asyncio.sleep(COUNTS_SECONDS)
                    line = process_messages.line(CountedTotals.of(self._commits.totals))
                    # A parent that does not read, for example because it is stopped, gets nothing more meanwhile.
                    if line != self._told and not transport.get_write_buffer_size():
                        transport.write(line)
                        self._told = line


@contextlib.contextmanager
def _closing(transport: asyncio.WriteTransport) -> Iterator[None]:
    try:
        yield
    finally:
        transport.abort()
