"""The sandbox of this server's engines: its level, and the command and the rules of each child."""

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse.engines.interpreter import Interpreter
from enginehouse.engines.keeper import environment
from enginehouse.engines.sandbox import bubblewrap, landlock, system
from enginehouse.engines.sandbox.levels import Confinement, SandboxLevel
from enginehouse.engines.sandbox.syscalls import machine
from enginehouse.engines.workspace import Workspace

AUTO: Final = "auto"
_FIRST_USER, _USERS = 1_879_048_192, 1 << 28  # a range that no system gives to people or services
_SECONDS: Final = 60.0


class SandboxMissing(Exception):
    """The level cannot be used on this machine."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`read` and `write` are places outside the workspace that every engine may use, `hidden` those that none sees."""

    level: SandboxLevel = SandboxLevel.NONE
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    _readable: dict[Interpreter, list[str]] = field(default_factory=dict, init=False)

    def workspace(self, folder: Path) -> Workspace:
        """Returns a new workspace for one child."""
        if self.level is SandboxLevel.UID:
            return Workspace.create(folder, user=_FIRST_USER + secrets.randbelow(_USERS))
        return Workspace.create(folder, linked=self.level in (SandboxLevel.BWRAP, SandboxLevel.LANDLOCK))

    def command(self, inside: list[str], workspace: Workspace, python: Interpreter, *, network: bool) -> list[str]:
        """Returns the command that starts the child with this Python."""
        if self.level is not SandboxLevel.BWRAP:
            return inside
        return bubblewrap.command(
            inside,
            read=self._read(workspace, python),
            write=self._write(workspace),
            network=network,
            folder=str(workspace.home),
        )

    def confinement(self, workspace: Workspace, python: Interpreter, *, network: bool) -> Confinement:
        """Returns the rules that the child applies to itself."""
        if self.level is not SandboxLevel.LANDLOCK:
            return Confinement(level=self.level, network=network, user=workspace.user)
        return Confinement(
            level=self.level,
            read=[*self._read(workspace, python), *system.KERNEL, *system.PROCESS],
            write=[*self._write(workspace), *system.DEVICES, *system.accelerators()],
            network=network,
        )

    def check(self, python: Interpreter) -> None:
        """Raises EngineFailure if a child cannot run with this Python, because it is hidden from engines."""
        python.check()
        if self.level in (SandboxLevel.BWRAP, SandboxLevel.LANDLOCK) and python.program is not None:
            place = Path(python.program)
            if secret := next((one for one in self.hidden if place.absolute().is_relative_to(one.absolute())), None):
                text = f"The interpreter {place} is in {secret}, which no engine sees. Move its environment elsewhere."
                raise EngineFailure(text, FailureKind.SYSTEM_DEPENDENCY_MISSING)

    def _read(self, workspace: Workspace, python: Interpreter) -> list[str]:
        found = self._readable.get(python)
        if found is None:
            wanted = [*system.readable(python.places()), *map(str, self.read)]
            found = self._readable[python] = [*system.without(wanted, self.hidden)]
        return [*found, str(workspace.inputs), str(workspace.code)]

    def _write(self, workspace: Workspace) -> list[str]:
        extra = system.without(map(str, self.write), self.hidden)
        return [*extra, str(workspace.home), str(workspace.work)]


def choose(wanted: str) -> SandboxLevel:
    """Returns the wanted level, or for "auto" the first that can be used. Raises SandboxMissing."""
    if wanted != AUTO:
        level = SandboxLevel(wanted)
        if why := missing(level):
            raise SandboxMissing(why)
        return level
    return next(level for level in SandboxLevel if missing(level) is None)


def missing(level: SandboxLevel) -> str | None:
    """Returns why the level cannot be used on this machine, None if it can."""
    match level:
        case SandboxLevel.BWRAP:
            return bubblewrap.missing()
        case SandboxLevel.LANDLOCK:
            if not landlock.version():
                return "the kernel has no Landlock"
            return None if machine() else "there is no filter of system calls for this processor"
        case SandboxLevel.UID:
            return _no_user()
        case SandboxLevel.NONE:
            return None


def _no_user() -> str | None:
    if os.geteuid() != 0:
        return "the server is not root, so it cannot change to another user"
    probe = [sys.executable, "-P", "-c", "import enginehouse.engines.child_main"]
    try:
        done = subprocess.run(  # noqa: S603 -- our own command
            probe,
            user=_FIRST_USER,
            group=_FIRST_USER,
            extra_groups=[],
            env=environment(),
            cwd="/",
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        readable = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        readable = False
    return None if readable else "another user cannot read Python and the installed packages of this server"
