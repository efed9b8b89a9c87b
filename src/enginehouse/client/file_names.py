"""The names of files for outputs. Engines choose the names of outputs, and a file system cannot hold all of them."""

import unicodedata
from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

_MOST_BYTES: Final = 255
_LONGEST_SUFFIX: Final = 32  # characters; more is no suffix of a file


def file_names(names: Iterable[str]) -> list[str]:
    """Returns a name of a file in one folder for each of the names. No two of them mean the same file.

    A name that a file system can hold stays. A name that it would not tell from another gets a number before its
    suffix: some file systems ignore case, or how a letter with an accent is encoded.
    """
    taken: set[str] = set()
    numbers: dict[str, int] = {}  # where the search for a free number goes on
    files = []
    for name in names:
        stem, suffix = _parts(name)
        first = _folded(_shortened(stem, suffix))
        number = numbers.get(first, 1)
        while _folded(file := _numbered(stem, suffix, number)) in taken:
            number += 1
        numbers[first] = number
        taken.add(_folded(file))
        files.append(file)
    return files


def _parts(name: str) -> tuple[str, str]:
    """Returns the stem and the suffix of the file, without what a file system does not take."""
    clean = "".join(_character(c) for c in name).encode("utf-8", "replace").decode()
    path = PurePath(clean if clean.strip(". ") else "output")
    suffix = path.suffix if len(path.suffix) <= _LONGEST_SUFFIX else ""
    return path.name.removesuffix(suffix), suffix


def _numbered(stem: str, suffix: str, number: int) -> str:
    return _shortened(stem, suffix if number == 1 else f"-{number}{suffix}")


def _character(character: str) -> str:
    return "_" if character in "/\\" or unicodedata.category(character) == "Cc" else character


def _shortened(stem: str, end: str) -> str:
    room = _MOST_BYTES - len(end.encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + end


def _folded(file: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", file).casefold())
