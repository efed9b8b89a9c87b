"""Sends the outputs of an attempt to the server: streamed, with their length and their SHA-256."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from enginehouse.artifacts.store import Stored
from enginehouse.artifacts.temporary_file import open_regular
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.wire.worker import CONTENT_DIGEST, AddressBody, UploadBody, UploadedBody
from enginehouse.worker.connection import Connection, ResultBody, parse
from enginehouse.worker.direct_transfers import SMALLEST, Content, StoreAway

_BLOCK: Final = 1 << 18
_encode: Final = msgspec.json.Encoder().encode


class Measured(NamedTuple):
    """The size, the SHA-256 and the MD5 of a source."""

    size: int
    sha256: bytes
    md5: bytes

    def headers(self) -> dict[str, str]:
        """Returns the headers of the upload."""
        return {
            "content-length": str(self.size),
            CONTENT_DIGEST: f"sha-256=:{base64.b64encode(self.sha256).decode()}:",
            "content-type": "application/octet-stream",
        }


Retry = Callable[[Callable[[], Awaitable[bytes]]], Awaitable[bytes]]
"""Calls a function again while the server does not answer."""


async def upload(connection: Connection, patiently: Retry, path: str, source: bytes | Path) -> Stored:
    """The output is durable: at the store itself if that has an address for it, else through the server."""
    measured = await measure(source)
    if measured.size >= SMALLEST and (raw := await _directly(connection, patiently, path, source, measured)):
        return _stored(raw)
    return _stored(await patiently(lambda: connection.send("PUT", path, content(source), headers=measured.headers())))


async def _directly(
    connection: Connection, patiently: Retry, path: str, source: bytes | Path, measured: Measured
) -> bytes | None:
    """Returns the server's answer when the output is stored. Returns None if it must go through the server."""
    if not connection.direct.works:
        return None
    body = _encode(UploadBody(size=measured.size, sha256=measured.sha256.hex(), md5=measured.md5.hex()))
    try:
        raw = await patiently(lambda: connection.send("POST", f"{path}/address", body))
        address = parse(raw, ResultBody[AddressBody]).result.address
        if address is None:
            return None
        await connection.direct.put(address, content(source), measured.size)
        return await patiently(lambda: connection.send("POST", f"{path}/stored"))
    except (NotFound, InvalidInput, StoreAway):  # a server of an older version; a store that has other bytes or is away
        return None


def _stored(raw: bytes) -> Stored:
    found = parse(raw, ResultBody[UploadedBody]).result
    return Stored(found.key, found.size, found.sha256, found.md5)


async def measure(source: bytes | Path) -> Measured:
    """Returns the size and the digest of what will be sent. Raises ValueError and OSError for what is no file."""
    if isinstance(source, bytes):
        return Measured(len(source), hashlib.sha256(source).digest(), _md5(source).digest())
    return await asyncio.to_thread(_measure, source)


def content(source: bytes | Path) -> Content:
    """Returns the source as the content of one request."""
    return source if isinstance(source, bytes) else _blocks(source)


def _measure(path: Path) -> Measured:
    with open_regular(path) as file:
        sha256, md5 = hashlib.sha256(), _md5()
        while block := file.read(_BLOCK):
            sha256.update(block)
            md5.update(block)
        return Measured(file.tell(), sha256.digest(), md5.digest())


def _md5(data: bytes = b"") -> "hashlib._Hash":
    return hashlib.md5(data, usedforsecurity=False)


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(open_regular, path)
    try:
        while block := await asyncio.to_thread(file.read, _BLOCK):
            yield block
    finally:
        file.close()
