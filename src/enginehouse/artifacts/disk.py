"""Bytes on a local disk: a key is whole and durable, or it does not exist."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, Final, TypeVar

from enginehouse.artifacts.process_folder import ProcessFolder
from enginehouse.artifacts.store import Stat, Stored
from enginehouse.artifacts.temporary_file import BLOCK, TemporaryFile
from enginehouse.domain.errors import NotFound, Unavailable

_STREAM_BLOCK: Final = 1 << 18
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SICK: Final = frozenset({errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE})
_NOTHING_THERE: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_T = TypeVar("_T")


class DiskStore:
    """An `ArtifactStore` below one folder: `kept/<key>` holds what is visible, `session/` what is not finished."""

    def __init__(self, root: Path) -> None:
        self.place = str(root)
        self.kept = root / "kept"
        self.kept.mkdir(parents=True, exist_ok=True)
        self._session = ProcessFolder(root)

    def close(self) -> None:
        """Unfinished files are gone."""
        self._session.close()

    async def put(
        self, key: str, source: bytes | Path | AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> Stored:
        """The bytes are durable under `key`. Raises TooLarge past `max_bytes`, Unavailable when the disk is full.

        A path is copied. It must be a regular file; a link is not followed.
        """
        target = self._path(key)
        if isinstance(source, bytes | Path):
            return (await _in_thread(self._put_all, [(key, source)], max_bytes))[0]
        incoming = await _in_thread(TemporaryFile, self._session.folder, max_bytes)
        try:
            waiting = bytearray()
            async for block in source:
                waiting += block
                if len(waiting) >= BLOCK:
                    await _in_thread(incoming.write, bytes(waiting))
                    waiting.clear()
            await _in_thread(incoming.write, bytes(waiting))
            await _in_thread(lambda: self._publish([(incoming, target)]))
            return incoming.stored(key)
        finally:
            incoming.discard()

    async def put_many(self, parts: list[tuple[str, bytes | Path]]) -> list[Stored]:
        """All parts are durable. They cost one thread hop and one fsync of each folder together."""
        if not parts:
            return []
        return await _in_thread(self._put_all, parts, None)

    async def create(self, key: str, data: bytes) -> bool:
        """The bytes are durable under `key`. Returns False if something was there already."""
        return await _in_thread(self._create, self._path(key), data)

    async def append(self, key: str, offset: int, data: bytes) -> int:
        """The bytes under `key` from `offset` on are `data`; returns where they end. It is not synced to the disk.

        Raises NotFound if a key that was begun is gone, ValueError if bytes before `offset` are missing.
        """
        path = self._path(key)
        try:
            return await _in_thread(_append, path, offset, data)
        except _NOTHING_THERE:
            raise NotFound("artifact", key) from None

    @asynccontextmanager
    async def open(self, key: str) -> AsyncIterator[Path]:
        """Yields the file itself. Raises NotFound."""
        path = self._path(key)
        if not path.is_file():
            raise NotFound("artifact", key)
        yield path

    async def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yields the bytes from `start` up to `stop`, or to the end. Raises NotFound."""
        file = await self._open(key, start)
        try:
            at = start
            while stop is None or at < stop:
                block = await _in_thread(file.read, _STREAM_BLOCK if stop is None else min(_STREAM_BLOCK, stop - at))
                if not block:
                    return
                at += len(block)
                yield block
        finally:
            file.close()

    async def read(self, key: str, *, limit: int | None = None) -> bytes:
        """Returns the bytes under `key`, at most the first `limit`. Raises NotFound."""
        path = self._path(key)

        def read() -> bytes:
            with path.open("rb") as file:
                return file.read() if limit is None else file.read(limit)

        try:
            return await _in_thread(read)
        except _NOTHING_THERE:
            raise NotFound("artifact", key) from None

    async def stat(self, key: str) -> Stat:
        """Returns the size of the bytes and the time of their last change. Raises NotFound."""
        try:
            seen = await _in_thread(self._path(key).stat)
        except _NOTHING_THERE:
            raise NotFound("artifact", key) from None
        if not S_ISREG(seen.st_mode):
            raise NotFound("artifact", key)
        return Stat(seen.st_size, seen.st_mtime)

    async def keys(self, folder: str) -> list[str]:
        """Returns the keys directly in this folder, in order."""
        path = self._path(folder)

        def names() -> list[str]:
            with suppress(*_NOTHING_THERE):
                return sorted(entry.name for entry in path.iterdir() if entry.is_file())
            return []

        return [f"{folder}/{name}" for name in await _in_thread(names)]

    async def missing(self, keys: list[str]) -> list[str]:
        """Returns the keys that have no file."""
        paths = [(key, self._path(key)) for key in keys]
        return await _in_thread(lambda: [key for key, path in paths if not path.is_file()])

    async def delete(self, keys: list[str]) -> None:
        """These keys and the folders that became empty are gone. Unknown keys are ignored."""
        paths = [self._path(key) for key in keys]
        await _in_thread(self._remove, paths)

    def scratch(self) -> Path:
        """Returns a folder of this process on the store's file system.

        Whatever is left in it at the end of the process is residue.
        """
        return self._session.scratch

    def _path(self, key: str) -> Path:
        """Returns the path for the bytes of `key`. Raises ValueError if it is not a key."""
        parts = key.split("/")
        if len(key) > 1024 or not all(_is_name(part) for part in parts):
            raise ValueError(f"not an artifact key: {key[:200]!r}")
        return self.kept.joinpath(*parts)

    async def _open(self, key: str, start: int) -> BinaryIO:
        path = self._path(key)

        def opened() -> BinaryIO:
            file = path.open("rb")
            file.seek(start)
            return file

        try:
            return await _in_thread(opened)
        except _NOTHING_THERE:
            raise NotFound("artifact", key) from None

    def _put_all(self, parts: list[tuple[str, bytes | Path]], max_bytes: int | None) -> list[Stored]:
        targets = [self._path(key) for key, _ in parts]
        incoming: list[TemporaryFile] = []
        try:
            for _, source in parts:
                one = TemporaryFile(self._session.folder, max_bytes)
                incoming.append(one)
                one.write_from(source)
                one.flush()  # any number of parts, one open file
            self._publish(list(zip(incoming, targets, strict=True)))
            return [one.stored(key) for one, (key, _) in zip(incoming, parts, strict=True)]
        finally:
            for one in incoming:
                one.discard()

    def _create(self, target: Path, data: bytes) -> bool:
        incoming = TemporaryFile(self._session.folder, None)
        try:
            incoming.write(data)
            with self._session.alone():
                if target.exists():
                    return False
                self._publish([(incoming, target)])
                return True
        finally:
            incoming.discard()

    def _publish(self, moves: "list[tuple[TemporaryFile, Path]]") -> None:
        for incoming, _ in moves:
            incoming.flush()
        for incoming, target in moves:
            self._rename(incoming.path, target)
        for folder in {target.parent for _, target in moves}:
            _sync_folder(folder)

    def _rename(self, source: Path, target: Path) -> None:
        # Another process may delete the empty folder before the rename; then it is made again.
        while True:
            self._make_folder(target.parent)
            try:
                source.rename(target)
            except FileNotFoundError:
                if not source.exists():
                    raise
            else:
                return

    def _make_folder(self, folder: Path) -> None:
        missing: list[Path] = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for made in reversed(missing):
            with suppress(FileNotFoundError):
                made.mkdir(exist_ok=True)
                _sync_folder(made.parent)

    def _remove(self, paths: list[Path]) -> None:
        touched: set[Path] = set()
        for path in paths:
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            folder = path.parent
            while folder != self.kept:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    pass
                except OSError:  # not empty
                    break
                folder = folder.parent
            touched.add(folder)
        for folder in touched:
            with suppress(FileNotFoundError, NotADirectoryError):
                _sync_folder(folder)


def peek(root: Path, key: str) -> bytes | None:
    """Returns the bytes under a key, None if there are none. It reads a store that is not open and changes nothing."""
    path = root / "kept" / key
    return path.read_bytes() if path.is_file() else None


def file_of(root: Path, key: str) -> Path:
    """Returns where a store below `root` holds the bytes of the key. The store need not be open."""
    return root / "kept" / key


def _is_name(part: str) -> bool:
    return part not in ("", ".", "..") and len(part.encode()) <= 255 and part.isprintable() and "\\" not in part


def _append(path: Path, offset: int, data: bytes) -> int:
    if offset == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
    # A log that was begun and is gone was deleted with its job. It must not come back.
    made = os.O_CREAT if offset == 0 else 0
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC | made, 0o640)
    try:
        if os.fstat(handle).st_size < offset:
            raise ValueError(f"bytes before {offset} are missing")
        os.ftruncate(handle, offset)
        end, view = offset, memoryview(data)
        while view:
            written = os.pwrite(handle, view, end)
            end, view = end + written, view[written:]
        return end
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def _in_thread(work: "Callable[..., _T]", *arguments: object) -> _T:
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise Unavailable("The disk that holds the artifacts is full.") from error
        if error.errno in _SICK:
            raise Unavailable(f"The disk that holds the artifacts cannot be used: {error.strerror}.") from error
        raise
