"""Bytes on a local disk: a key is whole and durable, or it does not exist."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Final, TypeVar

from enginehouse.artifacts import files
from enginehouse.artifacts.files import NOTHING_THERE
from enginehouse.artifacts.keys import path_of
from enginehouse.artifacts.process_folder import ProcessFolder
from enginehouse.artifacts.store import Listed, Stat, Stored
from enginehouse.artifacts.temporary_file import BLOCK, TemporaryFile
from enginehouse.domain.errors import NotFound, Unavailable

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SICK: Final = frozenset({errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE})
_T = TypeVar("_T")


class DiskStore:
    """An `ArtifactStore` below one folder: `kept/<key>` holds what is visible, `session/` what is not finished."""

    logs_are_local = False

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
            return await _in_thread(files.append, path, offset, data)
        except NOTHING_THERE:
            raise NotFound("artifact", key) from None

    async def complete(self, key: str) -> None:
        """Every reader sees a log while it grows, so nothing is left to do at its end."""

    async def flush(self) -> bool:
        """Nothing waits in another place."""
        return False

    async def show_logs(self) -> None:
        """Every process that has this folder reads a log while it grows."""

    async def address(self, key: str, seconds: int) -> str | None:
        """Returns None: nobody reads this disk over an address."""
        return None

    async def upload_address(self, key: str, seconds: int) -> str | None:
        """Returns None, for the same reason."""
        return None

    @asynccontextmanager
    async def open(self, key: str) -> AsyncIterator[Path]:
        """Yields the file itself. Raises NotFound."""
        path = self._path(key)
        if not path.is_file():
            raise NotFound("artifact", key)
        yield path

    async def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yields the bytes from `start` up to `stop`, or to the end. Raises NotFound."""
        path = self._path(key)
        try:
            file = await _in_thread(files.opened, path, start)
        except NOTHING_THERE:
            raise NotFound("artifact", key) from None
        async for block in files.blocks(file, start, stop):
            yield block

    async def read(self, key: str, *, limit: int | None = None) -> bytes:
        """Returns the bytes under `key`, at most the first `limit`. Raises NotFound."""
        path = self._path(key)

        def read() -> bytes:
            with path.open("rb") as file:
                return file.read() if limit is None else file.read(limit)

        try:
            return await _in_thread(read)
        except NOTHING_THERE:
            raise NotFound("artifact", key) from None

    async def stat(self, key: str) -> Stat:
        """Returns the size of the bytes and the time of their last change. Raises NotFound."""
        try:
            seen = await _in_thread(self._path(key).stat)
        except NOTHING_THERE:
            raise NotFound("artifact", key) from None
        if not S_ISREG(seen.st_mode):
            raise NotFound("artifact", key)
        return Stat(seen.st_size, seen.st_mtime)

    async def keys(self, folder: str) -> list[str]:
        """Returns the keys directly in this folder, in order."""
        return [f"{folder}/{name}" for name in await _in_thread(files.names_in, self._path(folder))]

    async def walk(self) -> AsyncIterator[list[Listed]]:
        """Yields all keys with their sizes, folder by folder. A file that is deleted meanwhile may be missing."""
        folders = [self.kept]
        while folders:
            page, deeper = await _in_thread(self._listed, folders.pop())
            folders += deeper
            if page:
                yield page

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
        return path_of(self.kept, key)

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
            files.sync_folder(folder)

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
                files.sync_folder(made.parent)

    def _listed(self, folder: Path) -> tuple[list[Listed], list[Path]]:
        """Returns the files directly in the folder, and the folders in it."""
        page, folders = list[Listed](), list[Path]()
        with suppress(*NOTHING_THERE):
            for entry in sorted(folder.iterdir(), reverse=True):
                with suppress(FileNotFoundError):
                    seen = entry.lstat()
                    if S_ISREG(seen.st_mode):
                        page.append(Listed(entry.relative_to(self.kept).as_posix(), seen.st_size))
                    elif S_ISDIR(seen.st_mode):
                        folders.append(entry)
        return page[::-1], folders

    def _remove(self, paths: list[Path]) -> None:
        for folder in files.remove(paths, self.kept):
            with suppress(FileNotFoundError, NotADirectoryError):
                files.sync_folder(folder)


def peek(root: Path, key: str) -> bytes | None:
    """Returns the bytes under a key, None if there are none. It reads a store that is not open and changes nothing."""
    path = root / "kept" / key
    return path.read_bytes() if path.is_file() else None


def file_of(root: Path, key: str) -> Path:
    """Returns where a store below `root` holds the bytes of the key. The store need not be open."""
    return root / "kept" / key


async def _in_thread(work: "Callable[..., _T]", *arguments: object) -> _T:
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise Unavailable("The disk that holds the artifacts is full.") from error
        if error.errno in _SICK:
            raise Unavailable(f"The disk that holds the artifacts cannot be used: {error.strerror}.") from error
        raise
