"""The Python environments of engines: the file `engines.toml` names them, each with its interpreter.

    [environments.whisper]
    python = "/opt/engines/whisper/.venv/bin/python"

What is wrong in the file keeps no server from starting: it is said, and the rest of the file counts.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple

FILE: Final = "engines.toml"
_TABLE: Final = "environments"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,60}")
_MOST: Final = 100


class PythonEnvironment(NamedTuple):
    """An environment with engines of its own: its name in the file, and the path of its interpreter."""

    name: str
    python: str


class EnvironmentList(NamedTuple):
    """The environments that can be used, in the order of the file, and a sentence about everything that cannot."""

    environments: tuple[PythonEnvironment, ...] = ()
    problems: tuple[str, ...] = ()


def read(file: Path, *, named: bool) -> EnvironmentList:
    """Returns the environments in the file. It may be missing, unless somebody has `named` it."""
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return EnvironmentList(problems=(f"{file} does not exist.",) if named else ())
    except OSError as error:
        return EnvironmentList(problems=(f"{file} cannot be read: {error.strerror}.",))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return EnvironmentList(problems=(f"{file} is not TOML: {error}.",))
    problems = [_unknown(file, name, f"[{_TABLE}.NAME]") for name in document if name != _TABLE]
    tables = document.get(_TABLE, {})
    if not isinstance(tables, dict):
        return EnvironmentList(problems=(*problems, f"{file}: {_TABLE}: tables [{_TABLE}.NAME], got {tables!a:.60}."))
    if len(tables) > _MOST:
        problems.append(f"{file}: {_TABLE}: at most {_MOST}, got {len(tables)}; the first {_MOST} count.")
    environments = list[PythonEnvironment]()
    for name, table in [*tables.items()][:_MOST]:
        faults = _faults(file, name, table)
        problems += faults
        if not faults:
            environments.append(PythonEnvironment(name, str(_place(file, table["python"]))))
    return EnvironmentList(tuple(environments), tuple(problems))


def _faults(file: Path, name: str, table: Any) -> list[str]:
    path = f"{file}: {_TABLE}.{name}"
    if not _NAME.fullmatch(name):
        return [f"{file}: {_TABLE}: a name has 1–60 letters, digits and . _ -, got {name!a:.80}."]
    if not isinstance(table, dict):
        return [f'{path}: a table with python = "…", got {table!a:.60}.']
    faults = [_unknown(file, f"{_TABLE}.{name}.{key}", "python") for key in table if key != "python"]
    python = table.get("python")
    if not isinstance(python, str) or not python:
        return [
            *faults,
            f"{path}.python: the path of an interpreter, got {'nothing' if python is None else repr(python)[:60]}.",
        ]
    place = _place(file, python)
    if not place.exists():
        faults.append(f"{path}.python: {place} does not exist.")
    elif not place.is_file() or not os.access(place, os.X_OK):
        faults.append(f"{path}.python: {place} is not a program that this server may start.")
    return faults


def _place(file: Path, python: str) -> Path:
    """Returns the absolute path. No link is followed: the path through a link is what makes a virtual environment."""
    return file.absolute().parent / Path(python).expanduser()


def _unknown(file: Path, name: str, allowed: str) -> str:
    return f"{file}: {name[:80]}: is not known here; allowed is {allowed}."
