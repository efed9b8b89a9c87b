"""The folders of one child: what its engine may write, what it may read, and how files go in and come out.

An engine never gets a path of the store. Its inputs are linked or copied in before an item, its outputs are taken out
after it. Everything that the engine wrote is untrusted: a path may be a link, and may change at any moment.
"""

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from enginehouse.engine import Chunk, EngineFailure, Work
from enginehouse.engines.frames import OutputsReply
from enginehouse.engines.outcome import check_number

PREFIX: Final = "enginehouse-child-"
_NAME: Final = 100  # characters of an input's name that its copy keeps
_BENEATH: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Workspace:
    """`home` and what is in `work` belong to the engine, `inputs` and `code` it only reads. `user` is its own user id.

    `code` exists only if somebody makes it.

    With `linked` an input is a second name of the stored file. So a level at which the engine could write to it takes
    copies.
    """

    root: Path
    user: int | None = None
    linked: bool = False

    @classmethod
    def create(cls, folder: Path, *, user: int | None = None, linked: bool = False) -> Self:
        """The empty folders exist below `folder`."""
        root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder)).absolute()
        made = cls(root, user, linked)
        for part in (made.home, made.work, made.inputs):
            part.mkdir(mode=0o700)
        if user is not None:
            # Its items' folders belong to the engine. Their parent does not: else it could put a link in their place.
            for part in (root, made.work, made.inputs):
                part.chmod(0o711)
            os.chown(made.home, user, user)
        return made

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def inputs(self) -> Path:
        return self.root / "inputs"

    @property
    def code(self) -> Path:
        return self.root / "code"

    def enter(self, number: int, work: Work) -> Work:
        """Returns the item as its engine gets it: with a folder and with inputs of this workspace."""
        directory = self.work / str(number)
        directory.mkdir()
        if self.user is not None:
            os.chown(directory, self.user, self.user)
        os.utime(directory, ns=(0, 0))
        return replace(work, inputs=self._bring_all(number, work.inputs), directory=directory)

    def is_untouched(self, number: int) -> bool:
        """Returns whether nothing was ever made in the item's folder, so that the next item without inputs may have it.

        An engine could claim it falsely. It would only find its own files again, as in its home folder.
        """
        try:
            return os.lstat(f"{self.root}/work/{number}").st_mtime_ns == 0
        except OSError:
            return False

    def leave_empty(self, number: int) -> bool:
        """The folder of an item without inputs is gone, if it is empty. Else nothing changes. Returns whether it is."""
        try:
            (self.work / str(number)).rmdir()
        except OSError:
            return False
        return True

    def leave(self, number: int) -> None:
        """The item's folders are gone. What cannot be removed while the engine lives goes with the workspace."""
        for folder in (self.work / str(number), self.inputs / str(number)):
            with suppress(RecursionError):
                shutil.rmtree(folder, ignore_errors=True)

    def take(self, number: int, reply: OutputsReply, target: Path) -> OutputsReply:
        """Returns the reply with files in `target`, which the engine cannot reach by name.

        Raises EngineFailure for too many outputs, and for a path that is not a regular file with one name in the item's
        folder. Raises OSError if a file cannot be brought there.
        """
        check_number(reply.outputs)
        folder = self.work / str(number)
        # Several outputs may be one file, which has a second name as soon as it is taken.
        paths = {folder / output.path: output.path for output in reply.outputs if output.path is not None}
        if not paths:
            return reply
        target.mkdir(parents=True, exist_ok=True)
        taken = {
            place: _take(folder, path, target / f"taken-{number}-{n:06d}")
            for n, (place, path) in enumerate(paths.items())
        }
        outputs = [
            output if output.path is None else replace(output, path=taken[folder / output.path])
            for output in reply.outputs
        ]
        return OutputsReply(reply.number, outputs, reply.left_behind)

    def _bring_all(self, number: int, chunks: tuple[Chunk, ...]) -> tuple[Chunk, ...]:
        if not chunks:
            return ()
        inputs = self.inputs / str(number)
        inputs.mkdir()
        if self.user is not None:
            inputs.chmod(0o711)
        return tuple(self._bring(chunk, inputs / f"{n:06d}") for n, chunk in enumerate(chunks))

    def _bring(self, chunk: Chunk, folder: Path) -> Chunk:
        folder.mkdir()
        place = folder / chunk.path.name[-_NAME:]
        if not (self.linked and _link(chunk.path, place)):
            shutil.copyfile(chunk.path, place)
        if self.user is not None:
            folder.chmod(0o711)
            place.chmod(0o644)
        return replace(chunk, path=place)


def _link(path: Path, target: Path) -> bool:
    try:
        os.link(path, target)
    except OSError:
        return False
    return True


def _take(folder: Path, path: Path, target: Path) -> Path:
    try:
        handle = _open(folder, path)
    except (OSError, ValueError):  # it is missing, has a NUL, is a link, or is something else than a file
        message = f'The engine returned the output path "{path}", which is not a file in its working folder.'
        raise EngineFailure(message) from None
    try:
        _link_or_copy(handle, target)
    finally:
        os.close(handle)
    return target


def _open(folder: Path, path: Path) -> int:
    """Returns a descriptor of the file. No part of the path may be a link: the engine may change it meanwhile."""
    inside = path.relative_to(folder) if path.is_absolute() else path
    if not inside.parts or ".." in inside.parts:
        raise ValueError("not in the folder")
    handle = os.open(folder, _BENEATH | os.O_DIRECTORY)
    for place, part in enumerate(inside.parts, start=1):
        parent = handle
        try:
            handle = os.open(part, _BENEATH | (os.O_DIRECTORY if place < len(inside.parts) else 0), dir_fd=parent)
        finally:
            os.close(parent)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(handle)
        raise ValueError("not a regular file with one name")
    return handle


def _link_or_copy(handle: int, target: Path) -> None:
    """The open file has the name `target`, or on another file system a copy of it has."""
    try:
        # Without a folder's descriptor Python does not follow this link, which is the open file.
        os.link(f"/proc/self/fd/{handle}", target, src_dir_fd=handle, follow_symlinks=True)
    except FileExistsError:
        raise
    except OSError:
        with open(handle, "rb", closefd=False) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
