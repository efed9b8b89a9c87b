"""Bytes in a store that speaks S3: a key is whole and durable there, or it does not exist."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError

from enginehouse.artifacts import files, log_files
from enginehouse.artifacts.cache import CacheEntry, FileCache
from enginehouse.artifacts.digest import Digest
from enginehouse.artifacts.files import STREAM_BLOCK
from enginehouse.artifacts.keys import parts_of
from enginehouse.artifacts.log_files import LogFiles
from enginehouse.artifacts.process_folder import ProcessFolder
from enginehouse.artifacts.s3_client import CHUNK, Availability, Patience, connect, is_past_the_end
from enginehouse.artifacts.s3_logs import S3Logs
from enginehouse.artifacts.s3_upload import MultipartUpload, blocks_of
from enginehouse.artifacts.store import Listed, Stat, Stored
from enginehouse.domain.errors import NotFound
from enginehouse.domain.store_errors import StoreUnavailable

if TYPE_CHECKING:
    from obstore import GetOptions

_AT_ONCE: Final = 16  # requests of one call
_IN_THREAD: Final = 1 << 16  # bytes whose digests take so long that others must not wait
_RESUMES: Final = 5  # times in a row that a broken download goes on without a new byte


class S3Store:
    """An `ArtifactStore` in a bucket. Below `root` on this machine are its cache, its unfinished files and its logs."""

    logs_are_local = True

    def __init__(
        self, bucket: str, prefix: str, root: Path, *, cache_bytes: int, patience: Patience | None = None
    ) -> None:
        self.place = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = connect(bucket, prefix, patience or Patience())
        self._availability = Availability()
        self._session = ProcessFolder(root, log_files.take_over)
        self._logs = LogFiles(self._session.folder)
        self._sender = S3Logs(self._logs, self.put, self.delete)
        self._cache = FileCache(root / "cache", self._session.folder, cache_bytes)

    def close(self) -> None:
        """Unfinished files are gone. The next process on this machine stores the logs that are still here."""
        self._session.close(keep=self._logs.has_any())

    async def put(
        self, key: str, source: bytes | Path | AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> Stored:
        """The bytes are durable under `key`, in place of any others. Raises TooLarge past `max_bytes`.

        A request whose answer was lost is repeated with the same bytes. More than one part is sent part by part, and
        nothing is visible before the last.
        """
        parts_of(key)
        digest = Digest(max_bytes)
        if isinstance(source, bytes) and len(source) <= CHUNK:
            await _add(digest, source)
            await self._put_small(key, source)
            return digest.stored(key)
        upload = MultipartUpload(blocks_of(source), digest)
        first = await upload.take(CHUNK)
        if upload.ended:
            await self._put_small(key, first)
        else:
            await self._put_large(key, first, upload)
        return digest.stored(key)

    async def put_many(self, parts: list[tuple[str, bytes | Path]]) -> list[Stored]:
        """All parts are durable. If one cannot be stored, none stays that can be deleted."""
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def put(key: str, source: bytes | Path) -> Stored:
            async with at_once:
                return await self.put(key, source)

        results = await asyncio.gather(*(put(*part) for part in parts), return_exceptions=True)
        stored = [result for result in results if isinstance(result, Stored)]
        for result in results:
            if isinstance(result, BaseException):
                with suppress(StoreUnavailable):
                    await self.delete([one.key for one in stored])
                raise result
        return stored

    async def create(self, key: str, data: bytes) -> bool:
        """The bytes are durable under `key`. Returns False if other bytes were there already.

        If the same bytes are there, the answer to an earlier try of this call was lost.
        """
        parts_of(key)
        try:
            with self._availability.call(key):
                await obstore.put_async(self._bucket, key, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return await self.read(key) == data
        except NotFound as error:
            raise self._availability.failure(FileNotFoundError()) from error
        return True

    async def append(self, key: str, offset: int, data: bytes) -> int:
        """The log on this machine from `offset` on is `data`; returns where it ends. Raises NotFound, ValueError."""
        parts_of(key)
        try:
            return await asyncio.to_thread(self._logs.append, key, offset, data)
        except files.NOTHING_THERE:
            raise NotFound("artifact", key) from None

    async def complete(self, key: str) -> None:
        """The log waits on this machine for the next `flush`."""
        await asyncio.to_thread(self._logs.complete, key)

    async def flush(self) -> bool:
        """Complete logs are in the store, a bounded batch of them. Returns True if more of them wait."""
        return await self._sender.flush()

    async def show_logs(self) -> None:
        """Every store of this place reads growing logs, at most some seconds old."""
        await self._sender.show()

    async def address(self, key: str, seconds: int) -> str | None:
        """Returns a signed URL. It works also for bytes that are not there."""
        if await asyncio.to_thread(self._logs.stat, key) is not None:
            return None
        with self._availability.call(key):
            return await obstore.sign_async(self._bucket, "GET", key, timedelta(seconds=seconds))

    async def upload_address(self, key: str, seconds: int) -> str | None:
        """Returns a signed URL for one PUT of at most 5 GiB."""
        parts_of(key)
        with self._availability.call(key):
            return await obstore.sign_async(self._bucket, "PUT", key, timedelta(seconds=seconds))

    @asynccontextmanager
    async def open(self, key: str) -> AsyncIterator[Path]:
        """Yields a local copy, from the cache if it has these bytes. Raises NotFound."""
        link = self._session.folder / f"reading-{token_hex(8)}"
        if await asyncio.to_thread(self._logs.link, key, link):
            try:
                yield link
            finally:
                await asyncio.to_thread(link.unlink, missing_ok=True)
            return
        with self._availability.call(key):
            seen = await obstore.head_async(self._bucket, key)
        version = CacheEntry(key, f"{seen['e_tag']} {seen['last_modified']}", seen["size"])
        async with self._cache.open(version, lambda target: self._fetch(version, target)) as path:
            yield path

    async def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yields the bytes from `start` up to `stop`, or to the end. A broken download goes on where it broke.

        Raises NotFound.
        """
        if (log := await asyncio.to_thread(self._logs.open, key, start)) is not None:
            async for block in files.blocks(log, start, stop):
                yield block
            return
        at, end, tag, broken = start, stop, None, 0
        while end is None or at < end:
            try:
                got = await obstore.get_async(self._bucket, key, options=_options(at, end, tag))
                size, tag = got.meta["size"], got.meta["e_tag"]
                end = size if end is None else min(end, size)
                async for block in got.stream(min_chunk_size=STREAM_BLOCK):
                    at, broken = at + len(block), 0
                    yield bytes(block)
            except FileNotFoundError:
                raise NotFound("artifact", key) from None
            except BaseError as error:
                if is_past_the_end(error):
                    break
                broken += 1
                if broken > _RESUMES or at == start:
                    raise self._availability.failure(error) from None
        self._availability.answer()

    async def read(self, key: str, *, limit: int | None = None) -> bytes:
        """Returns the bytes under `key`, at most the first `limit`. Raises NotFound."""
        return b"".join([block async for block in self.stream(key, 0, limit)])

    async def stat(self, key: str) -> Stat:
        """Returns the size of the bytes and the time of their last change. Raises NotFound."""
        if (here := await asyncio.to_thread(self._logs.stat, key)) is not None:
            return here
        with self._availability.call(key):
            seen = await obstore.head_async(self._bucket, key)
        return Stat(seen["size"], seen["last_modified"].timestamp())

    async def keys(self, folder: str) -> list[str]:
        """Returns the keys directly in this folder, in order."""
        parts_of(folder)
        with self._availability.call(folder):
            found = await obstore.list_with_delimiter_async(self._bucket, folder)
        names = {str(each["path"]).rpartition("/")[2] for each in found["objects"]}
        here = await asyncio.to_thread(self._logs.names_in, folder)
        return [f"{folder}/{name}" for name in sorted(names | here)]

    async def walk(self) -> AsyncIterator[list[Listed]]:
        """Yields all keys of the bucket below the prefix, with their sizes. Logs that wait here are not among them."""
        pages = obstore.list(self._bucket, chunk_size=1000)
        while True:
            with self._availability.call(""):
                page = await anext(pages, None)
            if page is None:
                return
            yield [Listed(each["path"], each["size"]) for each in page]

    async def missing(self, keys: list[str]) -> list[str]:
        """Returns the keys that have no bytes."""
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def is_missing(key: str) -> bool:
            async with at_once:
                try:
                    await self.stat(key)
                except NotFound:
                    return True
                return False

        found = await asyncio.gather(*map(is_missing, keys))
        return [key for key, missing in zip(keys, found, strict=True) if missing]

    async def delete(self, keys: list[str]) -> None:
        """These keys are gone, and their copies on this machine. Unknown keys are ignored."""
        for key in keys:
            parts_of(key)
        if not keys:
            return
        await asyncio.to_thread(self._forget, keys)
        with suppress(NotFound), self._availability.call(keys[0]):
            await obstore.delete_async(self._bucket, keys)

    def scratch(self) -> Path:
        """Returns a folder of this process on this machine."""
        return self._session.scratch

    def _forget(self, keys: Sequence[str]) -> None:
        self._logs.forget(keys)
        self._cache.forget(keys)

    async def _fetch(self, version: CacheEntry, target: Path) -> None:
        """The bytes are in a new local file. Raises NotFound if they are gone, or were replaced meanwhile."""
        size = 0
        with await asyncio.to_thread(target.open, "xb") as file:
            async for block in self.stream(version.key):
                size += len(block)
                await asyncio.to_thread(file.write, block)
        if size != version.size:
            raise NotFound("artifact", version.key)

    async def _put_small(self, key: str, data: bytes) -> None:
        try:
            with self._availability.call(key):
                await obstore.put_async(self._bucket, key, data, use_multipart=False)
        except NotFound as error:
            raise self._availability.failure(FileNotFoundError()) from error

    async def _put_large(self, key: str, first: bytes, upload: MultipartUpload) -> None:
        try:
            with self._availability.call(key):
                await upload.send(self._bucket, key, first)
        except NotFound as error:
            # The store may have taken the last part although its answer was lost. Then it no longer knows the upload.
            if not await self._holds(key, upload.digest):
                raise self._availability.failure(FileNotFoundError()) from error

    async def _holds(self, key: str, expected: Digest) -> bool:
        """Returns True if exactly these bytes are under the key."""
        found = Digest(None)
        try:
            async for block in self.stream(key):
                await _add(found, block)
        except NotFound:
            return False
        return (found.size, found.sha256) == (expected.size, expected.sha256)


def _options(at: int, end: int | None, tag: str | None) -> "GetOptions":
    """Returns the range of a download, and the version of the bytes if it is known already."""
    options: GetOptions = {}
    if end is not None:
        options["range"] = (at, end)
    elif at:
        options["range"] = {"offset": at}
    if tag is not None:
        options["if_match"] = tag
    return options


async def _add(digest: Digest, block: bytes) -> None:
    if len(block) > _IN_THREAD:
        await asyncio.to_thread(digest.add, block)
    else:
        digest.add(block)
