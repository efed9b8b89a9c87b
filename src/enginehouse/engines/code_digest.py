"""The state of an engine's code on disk, as the child that has loaded it sees it."""

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_MOST_FILES: Final = 5_000
_INSTALLED: Final = (".dist-info", ".egg-info", ".egg-link", ".pth")


def code_digest(module: str, path: Sequence[str]) -> str:
    """Returns a text that changes with the files of the module's package, and with anything installed on the path.

    An engine that imports another package may behave differently after that one has changed. So whatever is installed,
    upgraded or removed in its environment changes the code digests of all its engines.
    """
    digest = hashlib.sha256()
    for name, changed_at, size in sorted({*_installed(path), *_files(module.partition(".")[0])}):
        digest.update(f"{name}\0{changed_at}\0{size}\n".encode("utf-8", "replace"))
    return digest.hexdigest()[:32]


def _installed(path: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    for folder in path:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(_INSTALLED):
                    with suppress(OSError):
                        yield entry.path, entry.stat().st_mtime_ns, 0


def _files(package: str) -> Iterator[tuple[str, int, int]]:
    """Yields the source files of the package, or of a single module."""
    loaded = sys.modules.get(package)
    folders = list(getattr(loaded, "__path__", ()))
    if not folders and (file := getattr(loaded, "__file__", None)):
        yield from _seen(Path(file))
    left = _MOST_FILES
    for folder in folders:
        for file in Path(folder).rglob("*.py"):
            yield from _seen(file)
            left -= 1
            if left <= 0:
                return


def _seen(file: Path) -> Iterator[tuple[str, int, int]]:
    with suppress(OSError):
        status = file.stat()
        yield str(file), status.st_mtime_ns, status.st_size
