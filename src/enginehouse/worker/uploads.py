"""Sends the outputs of an attempt to the server: streamed, with their length and their SHA-256."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, NamedTuple

from enginehouse.artifacts.temporary_file import open_regular
from enginehouse.wire.worker import CONTENT_DIGEST
from enginehouse.worker.connection import Content

_BLOCK: Final = 1 << 18


class Measured(NamedTuple):
    """The size and the SHA-256 of a source."""

    size: int
    sha256: bytes

    def headers(self) -> dict[str, str]:
        """Returns the headers of the upload."""
        return {
            "content-length": str(self.size),
            CONTENT_DIGEST: f"sha-256=:{base64.b64encode(self.sha256).decode()}:",
            "content-type": "application/octet-stream",
        }


async def measure(source: bytes | Path) -> Measured:
    """Returns the size and the digest of what will be sent. Raises ValueError and OSError for what is no file."""
    if isinstance(source, bytes):
        return Measured(len(source), hashlib.sha256(source).digest())
    return await asyncio.to_thread(_measure, source)


def content(source: bytes | Path) -> Content:
    """Returns the source as the content of one request."""
    return source if isinstance(source, bytes) else _blocks(source)


def _measure(path: Path) -> Measured:
    with open_regular(path) as file:
        sha256 = hashlib.sha256()
        while block := file.read(_BLOCK):
            sha256.update(block)
        return Measured(file.tell(), sha256.digest())


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(open_regular, path)
    try:
        while block := await asyncio.to_thread(file.read, _BLOCK):
            yield block
    finally:
        file.close()
