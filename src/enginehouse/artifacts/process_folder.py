"""The folder for the unfinished files of one process. It is removed even if the process is killed."""

import fcntl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from enginehouse import folders


class ProcessFolder:
    """Temporary files and the scratch folder, as `session/<name>/` below the store's root.

    A session lives as long as its process holds a lock on `<name>.lock`. So the next process that opens the store can
    tell the residue of a killed process, and removes it. It does not touch the session of a living one. Before, `save`
    gets the folder of a killed session and the new one, to move over what is still needed.
    """

    def __init__(self, root: Path, save: Callable[[Path, Path], None] = lambda killed, own: None) -> None:
        sessions = root / "session"
        sessions.mkdir(parents=True, exist_ok=True)
        self._sessions_lock = root / "session.lock"
        with _locked(self._sessions_lock):
            self.folder = Path(tempfile.mkdtemp(prefix="", dir=sessions))
            self._lock = _open_locked(self.folder.with_suffix(".lock"))
            _remove_residue(sessions, lambda killed: save(killed, self.folder))
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process that has a session here is in this block."""
        with _locked(self._sessions_lock):
            yield

    def close(self, *, keep: bool = False) -> None:
        """The session's files are gone and its lock is free. With `keep` the next process finds the files."""
        if not keep:
            folders.remove(self.folder)
            self.folder.with_suffix(".lock").unlink(missing_ok=True)
        self._lock.close()


def _open_locked(path: Path) -> BinaryIO:
    file = path.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _open_locked(path):
        yield


def _remove_residue(sessions: Path, save: Callable[[Path], None]) -> None:
    for session in [path for path in sessions.iterdir() if path.is_dir()]:
        lock = session.with_suffix(".lock")
        with lock.open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            save(session)
            folders.remove(session)
            lock.unlink(missing_ok=True)
