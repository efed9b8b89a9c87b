"""The file with the settings of `serve`, `worker run` and `run`: TOML, a table for each of the three commands.

A key is a flag without its dashes. Everything that is wrong in the file is named at once, with the file and the key.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

TABLES: Final = ("serve", "worker", "run")
NONE: Final = "none"  # in place of a file: no file is read, also not one of PLACES
VARIABLE: Final = "ENGINEHOUSE_CONFIG"
_NAME: Final = "server.toml"
_FAR: Final = 60  # characters of a wrong value that are shown


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The values of a command by the names of its options, and what is wrong with the file."""

    path: Path
    table: str
    values: Mapping[str, Any]
    faults: Sequence[str]


def places() -> tuple[Path, ...]:
    """Returns where a file is looked for that nobody names; the first one that is there is read."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return home / "enginehouse" / _NAME, Path("/etc/enginehouse") / _NAME


def find(named: str | None) -> Path | None:
    """Returns the file that is read: the one of this name, or else the first of `places` that is there."""
    if named is not None:
        return None if named == NONE else Path(named).expanduser()
    return next((place for place in places() if os.path.isfile(place)), None)  # noqa: PTH113 - no error if it is closed


def read(path: Path, table: str, options: Mapping[str, click.Option]) -> ConfigFile:
    """Returns what the file says for the command of this table, which has these options by their keys."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        return ConfigFile(path, table, {}, [f"{path}: cannot be read: {error.strerror}."])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return ConfigFile(path, table, {}, [f"{path}: not TOML: {error}."])
    faults = [f"{path}: {name}: no table; one of {_listed(TABLES)}." for name in content if name not in TABLES]
    faults += [
        f"{path}: {name}: a table, as in [{name}], got {_shown(value)}."
        for name, value in content.items()
        if name in TABLES and not isinstance(value, dict)
    ]
    own = found if isinstance(found := content.get(table), dict) else {}
    faults += [f"{path}: {fault}" for fault in _faults(own, table, options)]
    values = {
        str(options[key].name): [value] if options[key].multiple and isinstance(value, str) else value
        for key, value in own.items()
        if key in options and allowed(options[key], value) is None
    }
    return ConfigFile(path, table, values, faults)


def allowed(option: click.Option, value: object) -> str | None:
    """Returns what the option takes, if this value of a file is nothing like it; else None."""
    if option.is_flag:
        return None if isinstance(value, bool) else "true or false"
    if option.multiple:
        is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return None if is_list or isinstance(value, str) else "a list of texts"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match option.type:
        case click.types.IntParamType():
            return None if is_number and isinstance(value, int) else "a whole number"
        case click.types.FloatParamType():
            return None if is_number else "a number"
        case _:
            return None if isinstance(value, str) else "a text in quotes"


def _faults(own: Mapping[str, Any], table: str, options: Mapping[str, click.Option]) -> Iterator[str]:
    for key, value in own.items():
        if key not in options:
            near = difflib.get_close_matches(key.replace("_", "-").lstrip("-"), options, 1)
            what = f"did you mean {near[0]}?" if near else f"the keys are: {_listed(sorted(options))}."
            yield f"{table}.{key}: unknown; {what}"
        elif (takes := allowed(options[key], value)) is not None:
            yield f"{table}.{key}: {takes}, got {_shown(value)}."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _shown(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)[:_FAR]
