"""Writes a zip archive as a stream: each file is read once, in blocks, and nothing of it stays in memory."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from typing import IO, Final, NamedTuple, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

_BLOCK: Final = 1 << 18
_EARLIEST: Final = 1980  # the first year that the format knows


class ArchiveFile(NamedTuple):
    """A file of the archive. Media is compressed already, so it is stored as it is."""

    path: str
    content: bytes | AsyncIterable[bytes]
    compressed: bool = True


async def zipped(files: AsyncIterable[ArchiveFile], at: datetime) -> AsyncIterator[bytes]:
    """Yields the archive. Its files bear the time `at`. A file and an archive may be larger than 4 GiB."""
    sink = _Sink()
    moment = (max(at.year, _EARLIEST), at.month, at.day, at.hour, at.minute, at.second)
    with ZipFile(cast("IO[bytes]", sink), "w") as archive:
        async for file in files:
            info = ZipInfo(file.path, moment)
            info.compress_type = ZIP_DEFLATED if file.compressed else ZIP_STORED
            info.external_attr = 0o644 << 16
            blocks = _blocks(file.content) if isinstance(file.content, bytes) else file.content
            with archive.open(info, "w", force_zip64=True) as entry:
                async for block in blocks:
                    # To compress a block takes milliseconds, in which the server would answer nobody.
                    await asyncio.to_thread(entry.write, block)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


class _Sink:
    """Where the archive is written: a file that cannot seek, and gives back what was written."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, block: bytes) -> int:
        self._written += block
        return len(block)

    def flush(self) -> None:
        """Nothing is kept back."""

    def taken(self) -> bytes:
        """Returns what was written since the last call."""
        taken = bytes(self._written)
        self._written.clear()
        return taken


async def _blocks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _BLOCK):
        yield content[start : start + _BLOCK]
