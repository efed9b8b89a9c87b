"""A worker on another machine as its own process, and a connection to its server that a test can cut."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import httpx
from tests.acceptance.server import COMMAND, Server

SERVES_ONLY = ("--native-slots", "0", "--python-slots", "0", "--http-slots", "0")


@dataclass(slots=True)
class RemoteWorker(Server):
    """`enginehouse worker run`. It has no database, and of the server only its URL and a token."""

    server_url: str = ""
    token: str = field(default="", repr=False)

    def command(self) -> list[str]:
        return [str(COMMAND), "worker", "run", "--server", self.server_url, "--data", str(self.data), *self.options]


@contextmanager
def working(
    server_url: str,
    token: str,
    data: Path,
    *options: str,
    wait: bool = True,
    environment: Mapping[str, str] = MappingProxyType({}),
    **more: str,
) -> Iterator[RemoteWorker]:
    """Yields a started worker. Afterwards it and all its engine processes are gone."""
    given = {"ENGINEHOUSE_WORKER_TOKEN": token, **environment, **more}
    worker = RemoteWorker(data, None, options, given, server_url=server_url, token=token)
    worker.begin()
    if wait:
        worker.await_ready()
    try:
        yield worker
    finally:
        if worker.process is not None and worker.process.poll() is None:
            worker.kill()


async def token_for_workers(client: httpx.AsyncClient, **scope: Any) -> str:
    """Returns a new token for workers."""
    answer = await client.post("/api/v1/tokens", json={"worker": scope})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["result"]["token"]
    return token


async def attempts(server: Server) -> list[tuple[Any, ...]]:
    """Returns the ended attempts: outcome, reason, and whether they ran on another machine."""
    rows = await server.rows("SELECT outcome, failure_reason, worker FROM attempt ORDER BY token")
    return [(outcome, reason, str(worker).startswith("remote/")) for outcome, reason, worker in rows]


async def charged(server: Server) -> list[tuple[Any, ...]]:
    """Returns the ended attempts without those whose lease was given back.

    On a slow machine an answer with leases may be lost, and such a lease costs nothing.
    """
    return [each for each in await attempts(server) if each != ("stopped", "server_stopped", True)]


@dataclass(slots=True)
class Cable:
    """Passes bytes on between a worker and its server, until it is cut: then nothing comes through, and nobody hears
    that."""

    target: tuple[str, int]
    url: str = ""
    is_cut: bool = False
    ends: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_reader, to_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        self.ends |= {writer, to_writer}
        await asyncio.gather(self._pass(reader, to_writer), self._pass(to_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while sent := await reader.read(65536):
                if not self.is_cut:
                    writer.write(sent)
        except ConnectionError:
            pass
        writer.close()

    def mend(self) -> None:
        """Bytes come through again, on new connections."""
        self.is_cut = False
        for end in self.ends:
            end.transport.abort()
        self.ends.clear()


@asynccontextmanager
async def cabled(url: str) -> AsyncIterator[Cable]:
    """Yields a cable to the server at this URL."""
    parts = urlsplit(url)
    cable = Cable((parts.hostname or "", parts.port or 0))
    listener = await asyncio.start_server(cable.serve, "127.0.0.1", 0)
    cable.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield cable
    finally:
        listener.close()
        for end in cable.ends:
            end.transport.abort()


def environment_of(pid: int) -> Sequence[str]:
    """Returns the names of the variables that the process started with."""
    raw = Path(f"/proc/{pid}/environ").read_bytes()
    return [os.fsdecode(one).partition("=")[0] for one in raw.split(b"\0") if one]
