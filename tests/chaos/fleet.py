"""Several servers on one PostgreSQL, which tests kill, pause, and give wrong clocks."""

import asyncio
import os
import signal
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from tests.acceptance.server import CHECKOUT, Server, serving, share

STEPPED = Path(__file__).parent / "stepped"


@dataclass(frozen=True, slots=True)
class Member:
    """One server, with its own clock."""

    server: Server
    clock: Path

    def step(self, seconds: int) -> None:
        """From now on the server's clock is `seconds` ahead of the machine's."""
        with self.clock.open("r+b") as held:
            held.write(struct.pack("<q", seconds))

    def pause(self) -> None:
        os.kill(self.server.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.server.pid, signal.SIGCONT)

    async def start_again(self) -> None:
        await asyncio.to_thread(self.server.start)

    async def year(self) -> int:
        """Returns the year of the server's clock, from a response."""
        async with self.server.client() as client:
            answer = await client.get("/edge/v1/ping")
        return parsedate_to_datetime(answer.headers["date"]).year


@contextmanager
def fleet(folder: Path, database: str, count: int, *options: str) -> Iterator[Sequence[Member]]:
    """Yields `count` running servers. All of them are gone afterwards."""
    with ExitStack() as up:
        members = list[Member]()
        for number in range(count):
            clock = folder / f"clock{number}"
            clock.write_bytes(struct.pack("<q", 0))
            environment: dict[str, Any] = {
                "STEPPED_CLOCK": str(clock),
                "PYTHONPATH": os.pathsep.join(map(str, (STEPPED, CHECKOUT / "src", CHECKOUT))),
            }
            if number:
                share(folder / f"server{number}", folder / "server0")
            server = serving(folder / f"server{number}", *options, database=database, **environment)
            members.append(Member(up.enter_context(server), clock))
        yield members
