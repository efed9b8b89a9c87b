"""A file that is written under a temporary name, hashed meanwhile, and synced before it is renamed into the store."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from enginehouse.artifacts.digest import Digest
from enginehouse.artifacts.store import Stored

BLOCK: Final = 1 << 20


class TemporaryFile:
    """A temporary file that computes its hashes while it is written."""

    def __init__(self, folder: Path, max_bytes: int | None) -> None:
        handle, name = tempfile.mkstemp(prefix="incoming-", dir=folder)
        self.path = Path(name)
        self._file = os.fdopen(handle, "wb", buffering=0)
        self._digest = Digest(max_bytes)

    def write(self, block: bytes) -> None:
        self._digest.add(block)
        view = memoryview(block)
        while view:
            view = view[self._file.write(view) :]

    def write_from(self, source: bytes | Path) -> None:
        if isinstance(source, bytes):
            self.write(source)
            return
        with open_regular(source) as file:
            while block := file.read(BLOCK):
                self.write(block)

    def flush(self) -> None:
        """The bytes are on the disk, and the file is closed."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def stored(self, key: str) -> Stored:
        return self._digest.stored(key)

    def discard(self) -> None:
        """The temporary file is gone. After a publish it already was."""
        with suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)


def open_regular(path: Path) -> BinaryIO:
    """Returns the open file. Raises ValueError if it is not a regular file, OSError if it is a link."""
    # An engine chooses its files. A link could point anywhere, and opening a pipe would wait for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError(f"not a regular file: {path.name!r}")
    return os.fdopen(handle, "rb")
