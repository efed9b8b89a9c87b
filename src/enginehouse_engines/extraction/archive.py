"""Reads documents that are archives (DOCX, PPTX, XLSX, ODT …) within bounds.

No member is written to a disk, and sizes are counted while they are unpacked.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from enginehouse_engines.extraction.section import MOST_BYTES, Unreadable

_MOST_MEMBERS: Final = 20_000
_BLOCK: Final = 1 << 16


class Archive:
    """An open archive. What is unpacked of it counts together."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._unpacked = 0
        self.names: Final = frozenset(file.namelist())

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yields a member's bytes. Raises Unreadable if all that was unpacked is too much."""
        with self._file.open(name) as member:
            while block := member.read(_BLOCK):
                self._unpacked += len(block)
                if self._unpacked > MOST_BYTES:
                    raise Unreadable(f"unpacks to more than {MOST_BYTES >> 20} MiB, which is the most that is read")
                yield block


@contextmanager
def open_archive(path: Path, kind: str) -> Iterator[Archive]:
    """Yields the archive. Raises Unreadable if it is none, is encrypted, or is cut short."""
    try:
        with zipfile.ZipFile(path) as file:
            members = file.infolist()
            if len(members) > _MOST_MEMBERS:
                raise Unreadable(f"is an archive of {len(members)} files, at most {_MOST_MEMBERS} are read")
            if any(member.flag_bits & 1 for member in members):
                raise Unreadable(f"is a {kind} that is encrypted with a password")
            yield Archive(file)
    except Unreadable:
        raise
    except KeyError as missing:
        raise Unreadable(f"is a broken {kind}: {missing.args[0]}") from None
    except Exception as problem:  # the readers of archives raise many kinds for broken bytes
        raise Unreadable(f"is a broken {kind}: {problem or type(problem).__name__}") from None
