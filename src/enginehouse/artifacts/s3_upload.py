"""An upload of any size to a bucket, part by part. It is visible when it is whole, and given up if its source fails."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import obstore
from obstore.store import S3Store as Bucket

from enginehouse.artifacts.digest import Digest
from enginehouse.artifacts.s3_client import CHUNK
from enginehouse.artifacts.temporary_file import BLOCK, open_regular

_PARTS_AT_ONCE: Final = 3  # parts of one upload in memory


class MultipartUpload:
    """The blocks of a source on their way. `digest` has the digests of everything that was taken from it."""

    def __init__(self, source: AsyncIterator[bytes], digest: Digest) -> None:
        self._source = source
        self._left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failure: BaseException | None = None
        self.digest = digest
        self.ended = False

    async def take(self, size: int) -> bytes:
        """Returns the next bytes, more than `size` unless the source ends. Raises what the source raises."""
        taken = bytearray()
        while not self.ended and len(taken) <= size:
            taken += await self._next()
        return bytes(taken)

    async def send(self, bucket: Bucket, key: str, first: bytes) -> None:
        """`first` and the rest of the source are durable under the key.

        If the source fails, or the caller is cancelled, the store is told to forget the parts. Raises what the source
        raises, and the errors of the store.
        """
        parts = self._blocks(first)
        sending = asyncio.ensure_future(
            obstore.put_async(bucket, key, parts, chunk_size=CHUNK, max_concurrency=_PARTS_AT_ONCE)
        )
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            self._left.set_result(None)
            await asyncio.wait({sending})
            raise
        except Exception:
            if self._failure is not None:
                raise self._failure from None
            raise

    async def _blocks(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        while not self.ended:
            block = asyncio.ensure_future(self._next())
            either: set[asyncio.Future[Any]] = {block, self._left}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._left.done():
                block.cancel()
                raise _Given("the caller is gone")
            try:
                yield block.result()
            except Exception as error:
                self._failure = error
                raise

    async def _next(self) -> bytes:
        """Returns a block of a convenient size, less at the end."""
        waiting = bytearray()
        async for block in self._source:
            waiting += block
            if len(waiting) >= BLOCK:
                break
        else:
            self.ended = True
        data = bytes(waiting)
        await asyncio.to_thread(self.digest.add, data)
        return data


class _Given(Exception):
    """The upload is given up."""


async def blocks_of(source: bytes | Path | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields the bytes of any source. A path must be a regular file; a link is not followed."""
    if isinstance(source, bytes):
        for start in range(0, len(source), BLOCK):
            yield source[start : start + BLOCK]
    elif isinstance(source, Path):
        with await asyncio.to_thread(open_regular, source) as file:
            while block := await asyncio.to_thread(file.read, BLOCK):
                yield block
    else:
        async for block in source:
            yield block
