"""The file of a backup: a tar whose last member lists the size and SHA-256 of every other one.

The members in their order: `backup.json` (HEAD), `database/…`, `secret-key` if it was wanted, `artifacts/…`,
`left-out.jsonl`, `summary.json`, `manifest.jsonl`. It is written and read from its beginning to its end, so it can be a
pipe, and only one block of it is in memory.
"""

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Final, TypeVar

import msgspec

from enginehouse.artifacts.keys import parts_of

HEAD: Final = "backup.json"
DATABASE: Final = "database/"
SECRET_KEY: Final = "secret-key"  # noqa: S105 - the name of a member
ARTIFACTS: Final = "artifacts/"
LEFT_OUT: Final = "left-out.jsonl"
SUMMARY: Final = "summary.json"
MANIFEST: Final = "manifest.jsonl"
FORMAT: Final = 1

T = TypeVar("T")

_BLOCK: Final = 1 << 20
_END: Final = bytes(2 * tarfile.BLOCKSIZE)
_GZIP: Final = b"\x1f\x8b"
_SMALL: Final = 1 << 20  # bytes of a head or summary


class UnusableBackup(Exception):
    """The file is no backup, or not a whole one, or not for this program. The message says which."""


class BackupHead(msgspec.Struct, frozen=True):
    """What a backup is of. `storeID` names the store of the database's bytes."""

    format: int
    enginehouse: str
    database: str
    schema: int
    createdDateTime: str  # noqa: N815 - a field of the file
    storeID: str | None  # noqa: N815
    jobs: int
    secretKey: bool  # noqa: N815


class BackupSummary(msgspec.Struct, frozen=True):
    """What a backup holds: how many stored files of the jobs, how many bytes they are, and how many are left out."""

    artifacts: int
    bytes: int
    leftOut: int  # noqa: N815 - a field of the file


class _Line(msgspec.Struct, frozen=True):
    name: str
    size: int
    sha256: str


class ArchiveWriter:
    """Writes members one after the other. The file is a backup after `end`."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._manifest = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end` and with the process
        self.bytes = 0

    def add(self, name: str, size: int, blocks: Iterable[bytes]) -> str:
        """The member is written. Returns the SHA-256 of its bytes. Raises OSError if they are not `size` bytes."""
        before, digest = self._begin(name, size), hashlib.sha256()
        for block in blocks:
            digest.update(block)
            self._write(block)
        return self._close(name, size, before, digest.hexdigest())

    async def stream(self, name: str, size: int, blocks: AsyncIterator[bytes]) -> str:
        """The same for bytes that come later."""
        before, digest = self._begin(name, size), hashlib.sha256()
        async for block in blocks:
            digest.update(block)
            self._write(block)
        return self._close(name, size, before, digest.hexdigest())

    def end(self) -> None:
        """The manifest is written, and the file is complete."""
        size = self._manifest.tell()
        self._manifest.seek(0)
        self._begin(MANIFEST, size)
        while block := self._manifest.read(_BLOCK):
            self._write(block)
        self._pad(size)
        self._write(_END)
        self._manifest.close()

    def _begin(self, name: str, size: int) -> int:
        """Returns where the bytes of the member begin."""
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self._write(member.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
        return self.bytes

    def _write(self, block: bytes) -> None:
        self._out.write(block)
        self.bytes += len(block)

    def _close(self, name: str, size: int, before: int, sha256: str) -> str:
        if self.bytes - before != size:
            raise OSError(f"{name} has changed its size while it was read")
        self._pad(size)
        self._manifest.write(_line(name, size, sha256))
        return sha256

    def _pad(self, size: int) -> None:
        self._write(bytes(-size % tarfile.BLOCKSIZE))


class Member:
    """A member that is being read. Its bytes can be read once, before the next member."""

    def __init__(self, name: str, size: int, file: IO[bytes]) -> None:
        self.name = name
        self.size = size
        self._file = file

    def blocks(self) -> Iterator[bytes]:
        """Yields its bytes. Raises UnusableBackup where the file ends early."""
        left = self.size
        while left:
            block = _guarded(partial(self._file.read, min(_BLOCK, left)))
            if not block:
                raise _incomplete()
            left -= len(block)
            yield block

    def read(self) -> bytes:
        """Returns the bytes of a small member. Raises UnusableBackup."""
        if self.size > _SMALL:
            raise _changed(self.name)
        return b"".join(self.blocks())


def members(file: IO[bytes]) -> Iterator[Member]:
    """Yields the members from the beginning of the file on. Raises UnusableBackup."""
    file.seek(0)
    packed = file.read(2) == _GZIP
    file.seek(0)
    plain: IO[bytes] = gzip.GzipFile(fileobj=file, mode="rb") if packed else file  # type: ignore[assignment]
    with _guarded(lambda: tarfile.open(fileobj=plain, mode="r|", bufsize=_BLOCK)) as tar:
        while (found := _guarded(tar.next)) is not None:
            content = tar.extractfile(found) if found.type == tarfile.REGTYPE else None
            if content is None:
                raise UnusableBackup(f"This is no backup of Enginehouse: {found.name!r} in it is not a plain file.")
            yield Member(found.name, found.size, content)
            tar.members.clear()  # type: ignore[attr-defined]  # else all of them stay in memory
    while _guarded(partial(plain.read, _BLOCK)):  # to the checksum at the end of a compressed file
        pass


def verify(file: IO[bytes], tell: Callable[[int], None]) -> tuple[BackupHead, BackupSummary]:
    """Every member is there with the bytes with which it was written. Returns what the backup says of itself.

    `tell` hears how many bytes are read. Raises UnusableBackup.
    """
    head: BackupHead | None = None
    summary: BackupSummary | None = None
    read = 0
    whole = False
    with tempfile.TemporaryFile() as lines:
        for member in members(file):
            if whole:
                raise _changed(member.name)
            if head is None and member.name != HEAD:
                raise UnusableBackup(f"This is no backup of Enginehouse: it begins with {member.name!r}.")
            if member.name == MANIFEST:
                _compare(lines, member)
                whole = True
                continue
            _check_name(member.name)
            digest, kept = hashlib.sha256(), io.BytesIO()
            for block in member.blocks():
                digest.update(block)
                if member.name in (HEAD, SUMMARY):
                    kept.write(block)
                read += len(block)
                tell(read)
            lines.write(_line(member.name, member.size, digest.hexdigest()))
            if member.name == HEAD:
                head = decoded(kept.getvalue(), BackupHead, HEAD)
                if head.format != FORMAT:
                    text = f"The backup has format {head.format}, and this program reads {FORMAT}: use the newer one."
                    raise UnusableBackup(text)
            elif member.name == SUMMARY:
                summary = decoded(kept.getvalue(), BackupSummary, SUMMARY)
    if head is None or summary is None or not whole or not _has_end(file):
        raise _incomplete()
    return head, summary


def _has_end(file: IO[bytes]) -> bool:
    """Returns True if a plain tar ends as it should. A compressed one has a checksum at its end."""
    file.seek(0)
    if file.read(len(_GZIP)) == _GZIP:
        return True
    size = file.seek(-len(_END), os.SEEK_END) + len(_END)
    return size % tarfile.BLOCKSIZE == 0 and file.read() == _END


def open_backup(path: Path) -> IO[bytes]:
    """Returns the open file. Raises UnusableBackup."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise UnusableBackup(f"{path} cannot be read: {error.strerror}.") from None
    if not file.seekable():
        raise UnusableBackup(f"{path} is a pipe. A restore verifies the whole backup before it begins: give a file.")
    return file


def _compare(lines: IO[bytes], manifest: Member) -> None:
    """Raises UnusableBackup unless the manifest has exactly these lines."""
    lines.seek(0)
    for block in manifest.blocks():
        if lines.read(len(block)) != block:
            raise UnusableBackup("The backup has changed since it was made: its bytes are not those of its manifest.")
    if lines.read(1):
        raise _changed(MANIFEST)


def _check_name(name: str) -> None:
    """Raises UnusableBackup for a name that no backup has, such as one that leads out of a folder."""
    if name in (HEAD, SECRET_KEY, LEFT_OUT, SUMMARY):
        return
    for prefix in (DATABASE, ARTIFACTS):
        if name.startswith(prefix):
            try:
                parts_of(name.removeprefix(prefix))
            except ValueError:
                break
            return
    raise UnusableBackup(f"This is no backup of Enginehouse: there is {name[:200]!r} in it.")


def decoded(data: bytes, type_: type[T], name: str) -> T:
    """Returns the content of a small member. Raises UnusableBackup."""
    try:
        return msgspec.json.decode(data, type=type_)
    except msgspec.DecodeError:
        raise _changed(name) from None


def _guarded(read: Callable[[], T]) -> T:
    """Returns what was read. Raises UnusableBackup where the file ends early or is none of ours."""
    try:
        return read()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError):
        raise _incomplete() from None


def _line(name: str, size: int, sha256: str) -> bytes:
    return msgspec.json.encode(_Line(name, size, sha256)) + b"\n"


def _incomplete() -> UnusableBackup:
    return UnusableBackup("The backup is incomplete: it ends before its manifest. Use another one.")


def _changed(name: str) -> UnusableBackup:
    return UnusableBackup(f"The backup has changed since it was made: {name} is not as it was written.")
