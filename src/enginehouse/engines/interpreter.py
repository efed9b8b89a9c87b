"""The Python that runs a child: the server's own, or that of an environment with engines of its own.

Such an environment needs nothing of the server. A child in it imports the environment's packages. Of the server it gets
a folder in which the package `enginehouse` is, and nothing else that is installed beside it. So the code of a child is
always the server's own, whatever is installed there. Its only foreign part is `msgspec`: that of the environment, or
without one the server's, if both are the same version of Python.
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

import enginehouse
from enginehouse.engine import ENTRY_POINT_GROUP, EngineFailure, FailureKind
from enginehouse.engines.keeper import MODEL_VARIABLES, environment, python
from enginehouse.engines.sandbox.levels import Confinement

_PACKAGE: Final = Path(enginehouse.__file__).parent
_MSGSPEC: Final = Path(msgspec.__file__).parent
_OF_THE_SERVER: Final = ("PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`program` is the interpreter of an environment, None for that of the server."""

    program: str | None = None

    def command(self, code: Path, confinement: Confinement) -> list[str]:
        """Returns the command of a child, which the number of its connection follows.

        A child in another environment applies the rules before its interpreter looks at what is installed there.
        """
        if self.program is None:
            return python("enginehouse.engines.child_main")
        main = code / "server" / "enginehouse" / "engines" / "environment_main.py"
        return [self.program, "-S", "-s", str(main), str(code), json.dumps(asdict(confinement))]

    def lend(self, code: Path) -> None:
        """The folder `code` has what a child of another environment imports of the server."""
        if self.program is not None:
            for part, package in (("server", _PACKAGE), ("spare", _MSGSPEC)):
                (code / part).mkdir(parents=True)
                (code / part / package.name).symlink_to(package)

    def environment(self) -> dict[str, str]:
        """Returns the environment variables of a child. Programs of its environment come first."""
        variables = environment()
        if self.program is None:
            return variables
        for name in _OF_THE_SERVER:
            variables.pop(name, None)
        folders = [str(Path(self.program).parent), *filter(None, [variables.get("PATH")])]
        return variables | {"PATH": os.pathsep.join(folders)}

    def import_path(self) -> list[str] | None:
        """Returns where a child imports from, as absolute paths; None for where its own interpreter does.

        Ray puts packages and folders of its own before those of the programs that it starts. Engines do not see them.
        """
        return (
            None
            if self.program or "ray" in sys.modules
            else [str(Path(entry).absolute()) for entry in sys.path if entry]
        )

    def places(self) -> Iterator[str]:
        """Yields the files and folders that a child reads besides those of the system."""
        yield from (place for name in MODEL_VARIABLES if (place := os.environ.get(name)) and Path(place).is_absolute())
        if self.program is None:
            yield from _own_places()
            return
        yield from (str(_PACKAGE), str(_MSGSPEC), self.program)
        yield from map(str, _installations(Path(self.program)))

    def check(self) -> None:
        """Raises EngineFailure if the interpreter is not there."""
        if self.program is not None and not os.access(self.program, os.X_OK):
            text = f"The interpreter {self.program} does not exist, or this server may not start it."
            raise EngineFailure(text, FailureKind.SYSTEM_DEPENDENCY_MISSING)


def _installations(program: Path) -> Iterator[Path]:
    """Yields the virtual environment, if it is one, and the installations of Python behind it.

    They are found by what is on disk: to run the interpreter would run what is installed there.
    """
    prefix = program.parent.parent
    folders = [program.resolve().parent]
    if (home := _home(prefix / "pyvenv.cfg")) is not None:
        yield prefix
        folders += [home, home.resolve()]
    for folder in folders:
        # As Python itself, go by a file of the standard library. Else a folder that only has a `bin` would be opened.
        if any(next((folder.parent / lib).glob("python3.*/os.py"), None) for lib in ("lib", "lib64")):
            yield folder.parent


def _home(settings: Path) -> Path | None:
    """Returns the folder of the program from which the virtual environment was made."""
    try:
        lines = settings.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [value.strip() for name, _, value in (line.partition("=") for line in lines) if name.strip() == "home"]
    return Path(found[0]) if found else None


def _own_places() -> Iterator[str]:
    yield from (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    yield str(Path(sys.executable).parent)
    for entry in sys.path:
        yield str(Path(entry).absolute())
    # An editable package is found by a hook and not by the import path.
    for module in {point.module.partition(".")[0] for point in entry_points(group=ENTRY_POINT_GROUP)} | {"enginehouse"}:
        try:
            found = find_spec(module)
        except (ImportError, ValueError):
            continue
        if found is not None:
            yield from found.submodule_search_locations or ([found.origin] if found.origin else [])
