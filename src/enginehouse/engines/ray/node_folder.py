"""The folder of all hosts on a node: the register of their keepers, and a folder for each host.

A host's folder has the name of its keeper, and the host holds a lock on it while it lives. What neither the lock nor
the register knows is left over.
"""

import fcntl
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from enginehouse import folders
from enginehouse.engines import keeper_register
from enginehouse.engines.keeper import Keeper

KEEPERS: Final = "keepers"
_HOSTS: Final = "hosts"
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def root(given: str | None) -> Path:
    """Returns the folder, which exists and belongs to this user. Raises OSError."""
    path = Path(given) if given is not None else Path(tempfile.gettempdir()) / f"enginehouse-ray-{os.getuid()}"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    seen = path.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to another user")
    return path


def enter(root: Path, keeper: Keeper) -> Path:
    """Returns the new folder of the host with this keeper: this process. Nothing is left of hosts that live no more."""
    hosts, register = root / _HOSTS, root / KEEPERS
    hosts.mkdir(exist_ok=True, mode=0o700)
    own = hosts / keeper.owner
    own.mkdir(mode=0o700)
    fcntl.flock(os.open(own, _FOLDER), fcntl.LOCK_EX)  # until this process ends
    # A keeper has its entry before its host has a folder.
    before = [folder for folder in hosts.iterdir() if folder != own]
    keeper_register.end_orphans(register, besides=keeper.entry, wait=False)
    for folder in before:
        if not any(register.glob(f"{folder.name}.*")):
            _remove(folder)
    return own


def end(given: str | None, owner: str) -> None:
    """Nothing is left of the host whose keeper this was, neither processes nor files. This call blocks."""
    at = root(given)
    keeper_register.end_orphans(at / KEEPERS, wait=True, entries=f"{owner}.*")
    folders.remove(at / _HOSTS / owner)


def let_through(root: Path, own: Path) -> None:
    """Other users reach what is below the host's folder, by its name. Engines with a user id of their own need that."""
    for part in (root, root / _HOSTS, own):
        part.chmod(0o711)


def _remove(folder: Path) -> None:
    """The folder is gone, unless its host lives. A host without a register has lost its keeper, and gets another."""
    with suppress(FileNotFoundError):
        descriptor = os.open(folder, _FOLDER)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folders.remove(folder)
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)
