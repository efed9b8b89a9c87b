"""How bytes get onto a local disk so that a key is either whole and durable or not there at all."""

import asyncio
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from enginehouse.artifacts.store import Stored
from enginehouse.domain.errors import NotFound, TooLarge, Unavailable

_BLOCK: Final = 1 << 20
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SICK: Final = frozenset({errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE})
_T = TypeVar("_T")


class DiskStore:
    """An `ArtifactStore` below one folder.

    `kept/<key>` holds what is visible. `session/<name>/` holds what one running process has not finished: temporary
    files and the scratch folder. A session lives as long as its process holds a lock on `<name>.lock`, so what a killed
    process left is known as residue, and removed when the next store opens; that of a living one is left alone.
    """

    def __init__(self, root: Path) -> None:
        self._kept = root / "kept"
        self._kept.mkdir(parents=True, exist_ok=True)
        sessions = root / "session"
        sessions.mkdir(exist_ok=True)
        with _locked(root / "session.lock"):
            _remove_residue(sessions)
            self._session = Path(tempfile.mkdtemp(prefix="", dir=sessions))
            self._lock = _open_locked(self._session.with_suffix(".lock"))
        self._scratch = self._session / "scratch"
        self._scratch.mkdir()

    def close(self) -> None:
        """The session's temporary files are gone and its lock is free."""
        shutil.rmtree(self._session, ignore_errors=True)
        self._session.with_suffix(".lock").unlink(missing_ok=True)
        self._lock.close()

    async def put(
        self, key: str, source: bytes | Path | AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> Stored:
        """The bytes are durable under `key`. Raises TooLarge past `max_bytes`, Unavailable when the disk is full.

        A path is copied, never followed when it is a link, and must be a regular file.
        """
        target = self.local(key)
        if isinstance(source, bytes | Path):
            return (await _in_thread(self._put_all, [(key, source)], max_bytes))[0]
        incoming = await _in_thread(_Incoming, self._session, max_bytes)
        try:
            waiting = bytearray()
            async for block in source:
                waiting += block
                if len(waiting) >= _BLOCK:
                    await _in_thread(incoming.write, bytes(waiting))
                    waiting.clear()
            await _in_thread(incoming.write, bytes(waiting))
            await _in_thread(lambda: self._publish([(incoming, target)]))
            return incoming.stored(key)
        finally:
            incoming.discard()

    async def put_many(self, parts: list[tuple[str, bytes | Path]]) -> list[Stored]:
        """All parts are durable; one thread hop and one fsync of each folder for all of them."""
        if not parts:
            return []
        return await _in_thread(self._put_all, parts, None)

    def local(self, key: str) -> Path:
        """The file that holds, or would hold, the bytes of `key`. Raises ValueError for what is not a key."""
        parts = key.split("/")
        if len(key) > 1024 or not all(_is_name(part) for part in parts):
            raise ValueError(f"not an artifact key: {key[:200]!r}")
        return self._kept.joinpath(*parts)

    async def read(self, key: str, *, limit: int | None = None) -> bytes:
        """The bytes under `key`, the first `limit` of them. Raises NotFound."""
        path = self.local(key)

        def read() -> bytes:
            try:
                with path.open("rb") as file:
                    return file.read() if limit is None else file.read(limit)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise NotFound("artifact", key) from None

        return await _in_thread(read)

    async def missing(self, keys: list[str]) -> list[str]:
        """Those of the keys that no file is under."""
        paths = [(key, self.local(key)) for key in keys]
        return await _in_thread(lambda: [key for key, path in paths if not path.is_file()])

    async def delete(self, keys: list[str]) -> None:
        """Nothing is under these keys any more, and folders they leave empty are gone; unknown keys are passed over."""
        paths = [self.local(key) for key in keys]
        await _in_thread(self._remove, paths)

    def scratch(self) -> Path:
        """A folder on the store's file system, one per process. What is in it when the process ends is residue."""
        return self._scratch

    def _put_all(self, parts: list[tuple[str, bytes | Path]], max_bytes: int | None) -> list[Stored]:
        targets = [self.local(key) for key, _ in parts]
        incoming: list[_Incoming] = []
        try:
            for _, source in parts:
                one = _Incoming(self._session, max_bytes)
                incoming.append(one)
                one.write_from(source)
            self._publish(list(zip(incoming, targets, strict=True)))
            return [one.stored(key) for one, (key, _) in zip(incoming, parts, strict=True)]
        finally:
            for one in incoming:
                one.discard()

    def _publish(self, moves: "list[tuple[_Incoming, Path]]") -> None:
        for incoming, _ in moves:
            incoming.flush()
        for incoming, target in moves:
            self._rename(incoming.path, target)
        for folder in {target.parent for _, target in moves}:
            _sync_folder(folder)

    def _rename(self, source: Path, target: Path) -> None:
        # A delete elsewhere may prune the folder between its making and the rename; then it is made again.
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
            while folder != self._kept:
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


class _Incoming:
    """A temporary file being filled, hashed on the way."""

    def __init__(self, folder: Path, max_bytes: int | None) -> None:
        handle, name = tempfile.mkstemp(prefix="incoming-", dir=folder)
        self.path = Path(name)
        self._file = os.fdopen(handle, "wb", buffering=0)
        self._max_bytes = max_bytes
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    def write(self, block: bytes) -> None:
        self._size += len(block)
        if self._max_bytes is not None and self._size > self._max_bytes:
            raise TooLarge(f"Larger than {self._max_bytes} bytes, the most that is kept here.")
        self._sha256.update(block)
        self._md5.update(block)
        view = memoryview(block)
        while view:
            view = view[self._file.write(view) :]

    def write_from(self, source: bytes | Path) -> None:
        if isinstance(source, bytes):
            self.write(source)
            return
        with _open_regular(source) as file:
            while block := file.read(_BLOCK):
                self.write(block)

    def flush(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()

    def stored(self, key: str) -> Stored:
        return Stored(key=key, size=self._size, sha256=self._sha256.hexdigest(), md5=self._md5.hexdigest())

    def discard(self) -> None:
        """The temporary name is gone; after a publish it already is."""
        with suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)


def _is_name(part: str) -> bool:
    return part not in ("", ".", "..") and len(part.encode()) <= 255 and part.isprintable() and "\\" not in part


def _open_regular(path: Path) -> BinaryIO:
    # An engine names its outputs: a link could point anywhere, and opening a pipe would wait for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError(f"not a regular file: {path.name!r}")
    return os.fdopen(handle, "rb")


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


def _open_locked(path: Path) -> BinaryIO:
    file = path.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _open_locked(path):
        yield


def _remove_residue(sessions: Path) -> None:
    for session in [path for path in sessions.iterdir() if path.is_dir()]:
        lock = session.with_suffix(".lock")
        with lock.open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(session, ignore_errors=True)
            lock.unlink(missing_ok=True)
