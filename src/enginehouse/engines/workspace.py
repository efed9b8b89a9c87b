"""The folders of one child: what its engine may write, what it may read, and how files go in and come out.

An engine never gets a path of the store. Its inputs are linked or copied in before an item, its outputs are taken out
after it. Everything that the engine wrote is untrusted: a path may be a link, and may change at any moment.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from enginehouse.domain.artifact import MAX_OUTPUTS
from enginehouse.engine import Chunk, EngineFailure, Output, Work
from enginehouse.engines.frames import OutputsReply

PREFIX: Final = "enginehouse-child-"
_NAME: Final = 100  # characters of an input's name that its copy keeps
_BENEATH: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Workspace:
    """`home` and `work` belong to the engine, `inputs` it only reads. `user` is the user id of an engine with its own.

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
            root.chmod(0o711)
            made.inputs.chmod(0o711)
            for part in (made.home, made.work):
                os.chown(part, user, user)
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

    def enter(self, number: int, work: Work) -> Work:
        """Returns the item as its engine gets it: with a folder and with inputs of this workspace."""
        directory, inputs = self.work / str(number), self.inputs / str(number)
        directory.mkdir()
        inputs.mkdir()
        if self.user is not None:
            inputs.chmod(0o711)
            os.chown(directory, self.user, self.user)
        chunks = tuple(self._bring(chunk, inputs / f"{n:06d}") for n, chunk in enumerate(work.inputs))
        return replace(work, inputs=chunks, directory=directory)

    def leave(self, number: int) -> None:
        """The item's folders are gone."""
        for folder in (self.work / str(number), self.inputs / str(number)):
            shutil.rmtree(folder, ignore_errors=True)

    def take(self, number: int, reply: OutputsReply, target: Path) -> OutputsReply:
        """Returns the reply with files in `target`, which the engine cannot reach.

        Raises EngineFailure for too many outputs, and for a path that is not a regular file with one name in the item's
        folder.
        """
        if len(reply.outputs) > MAX_OUTPUTS:
            raise EngineFailure(f"The engine returned {len(reply.outputs)} outputs; at most {MAX_OUTPUTS} are allowed.")
        if all(output.path is None for output in reply.outputs):
            return reply
        target.mkdir(parents=True, exist_ok=True)
        folder = self.work / str(number)
        outputs = [
            _take(output, folder, target / f"taken-{number}-{n:06d}") if output.path is not None else output
            for n, output in enumerate(reply.outputs)
        ]
        return OutputsReply(reply.number, outputs, reply.left_behind)

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


def _take(output: Output, folder: Path, target: Path) -> Output:
    if output.path is None:
        return output
    try:
        with _opened(folder, output.path) as handle:
            _move(handle, target)
    except (OSError, ValueError):  # it is missing, has a NUL, is a link, or is something else than a file
        message = f'The engine returned the output path "{output.path}", which is not a file in its working folder.'
        raise EngineFailure(message) from None
    return replace(output, path=target)


@contextmanager
def _opened(folder: Path, path: Path) -> Iterator[int]:
    """Yields a descriptor of the file. No part of the path may be a link: the engine may change it meanwhile."""
    inside = path.relative_to(folder) if path.is_absolute() else path
    if not inside.parts or ".." in inside.parts:
        raise ValueError("not in the folder")
    handle = os.open(folder, _BENEATH | os.O_DIRECTORY)
    try:
        for part in inside.parts[:-1]:
            handle = _step(handle, part, os.O_DIRECTORY)
        handle = _step(handle, inside.parts[-1], 0)
        seen = os.fstat(handle)
        if not stat.S_ISREG(seen.st_mode) or seen.st_nlink != 1:
            raise ValueError("not a regular file with one name")
        yield handle
    finally:
        os.close(handle)


def _step(handle: int, part: str, flags: int) -> int:
    try:
        return os.open(part, _BENEATH | flags, dir_fd=handle)
    finally:
        os.close(handle)


def _move(handle: int, target: Path) -> None:
    """The open file has the name `target`, or a copy of it has."""
    try:
        os.link(f"/proc/self/fd/{handle}", target, follow_symlinks=True)
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise
        with open(handle, "rb", closefd=False) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
