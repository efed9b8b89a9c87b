"""A proxy before PostgreSQL, which a test can freeze: connections stay open, but nothing comes through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class Proxy:
    """Passes bytes on in both directions, or swallows those of one direction. It counts the connections."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._ends = set[asyncio.StreamWriter]()
        self.swallows_requests = False
        self.swallows_answers = False
        self.connections = 0
        self.committed_unseen = asyncio.Event()

    def freeze(self) -> None:
        """Nothing comes through, in neither direction."""
        self.swallows_requests = self.swallows_answers = True

    def thaw(self) -> None:
        """Bytes come through again. Those of the meantime are lost."""
        self.swallows_requests = self.swallows_answers = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes on what one client and PostgreSQL send. PostgreSQL does not see that the client of a frozen one is
        gone."""
        self.connections += 1
        to_read, to_write = await asyncio.open_unix_connection(self._target)
        self._ends |= {writer, to_write}
        await asyncio.gather(self._requests(reader, to_write), self._answers(to_read, writer))

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lost = False
        while sent := await reader.read(65536):
            if self.swallows_requests:
                lost = True
            else:
                writer.write(sent)
        if not lost:
            writer.close()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while sent := await reader.read(65536):
            if not self.swallows_answers:
                writer.write(sent)
            elif b"COMMIT\0" in sent:
                self.committed_unseen.set()
        writer.close()

    def close(self) -> None:
        for end in self._ends:
            end.transport.abort()


@asynccontextmanager
async def proxied(target: Path, folder: Path) -> AsyncIterator[Proxy]:
    """Yields a proxy. It listens in `folder` and connects to the socket file `target`."""
    proxy = Proxy(target)
    server = await asyncio.start_unix_server(proxy.serve, folder / target.name)
    try:
        yield proxy
    finally:
        server.close()
        proxy.close()
