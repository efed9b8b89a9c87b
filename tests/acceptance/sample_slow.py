"""An engine that answers a call only when the file `go` is in its folder, or when the connection is closed.

A program of its own: the port and the folder are its arguments. It creates the files `called` and `closed`.
"""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nOK"
NOTHING = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, folder: Path) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if head.startswith(b"get"):
            writer.write(OK)
        else:
            [length] = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(length.partition(b":")[2]))
            (folder / "called").touch()
            closed = asyncio.create_task(reader.read(1))
            while not closed.done() and not (folder / "go").exists():
                await asyncio.wait({closed}, timeout=0.01)
            if closed.done():
                (folder / "closed").touch()
            writer.write(NOTHING)
        await writer.drain()
    writer.close()


async def main(port: int, folder: Path) -> None:
    server = await asyncio.start_server(lambda reader, writer: serve(reader, writer, folder), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
