"""Removes folders that an engine has filled, whatever their depth and their rights."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

__all__ = ["remove"]


def remove(folder: Path) -> None:
    """The folder is gone, except for what this user may not remove. Nothing else may write to it meanwhile.

    `shutil.rmtree` needs a level of recursion and a descriptor for each level, and the right to enter it. Here every
    folder moves to the top before it is emptied. A link is left alone.
    """
    if folder.is_symlink():
        return
    stuck: set[Path] = set()
    while inner := [path for path in _folders(folder) if path not in stuck]:
        for path in inner:
            _empty(path, folder)
            try:
                path.rmdir()
            except OSError:
                stuck.add(path)
    _empty(folder, None)
    with suppress(OSError):
        folder.rmdir()


def _folders(folder: Path) -> list[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _empty(folder: Path, top: Path | None) -> None:
    """The folder's files are gone, and the folders in it are in `top`."""
    with suppress(OSError):
        folder.chmod(0o700)
        with os.scandir(folder) as entries:
            inside = [(Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in entries]
        for path, is_folder in inside:
            with suppress(OSError):
                if not is_folder:
                    path.unlink()
                elif top is not None:
                    path.chmod(0o700)  # only a folder that its user may write to can move
                    path.rename(top / secrets.token_hex(8))
