"""Which server a command works on that opens the database itself: from flags, variables or the file of settings.

The order is that of `serve`: the flag, the variable, the file. But the file stands for one server: what it says is used
together, or not at all, so that no command mixes the folder of one server with the database of another.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from enginehouse.cli import config_file, terminal
from enginehouse.cli.config_file import ConfigFile
from enginehouse.cli.config_view import without_password
from enginehouse.cli.errors import CommandError
from enginehouse.cli.serve import serve
from enginehouse.cli.settings_options import SettingOption
from enginehouse.domain.errors import Refusal

Command = Callable[..., Any]

_TABLE: Final = "serve"
_SET_ASIDE: Final = "enginehouse.file_of_another_server"
_NAMED: Final = {"data": "data folder", "database": "database"}  # what tells one server from another
# The options of the commands, by the keys of the file that stand for them.
_KEYS: Final = {
    "data": "data",
    "database": "database",
    "place": "artifacts",
    "engines": "engines",
    "secret_key": "secret_key",
}
_NEEDED: Final = (
    "Name a server's data folder with --data, or a database with --database; or write them into the file of settings, "
    "as data and database in [serve]."
)


def offline_options(
    data: str = "A server's data folder.", database: str = "A PostgreSQL database.", *, needed: str | None = _NEEDED
) -> Callable[[Command], Command]:
    """The command takes --data, --database and --config, with these texts, and gets the values of the server meant.

    Without one, it ends with the sentence `needed`, or runs if there is no such sentence.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_server(*, config: str | None, **values: Any) -> Any:
            sources = click.get_current_context().get_parameter_source
            typed = frozenset(name for name in values if sources(name) is ParameterSource.COMMANDLINE)
            filled = _filled(config, values, typed)
            if needed is not None and not any(filled.get(name) for name in _NAMED):
                raise CommandError(needed, exit_code=2)
            _check_folder(filled["data"], filled["database"])
            return command(**filled)

        options = (
            click.option("--data", envvar="ENGINEHOUSE_DATA", type=click.Path(path_type=Path), help=data),
            click.option("--database", envvar="ENGINEHOUSE_DATABASE", metavar="URL", help=database),
            config_option,
        )
        return functools.reduce(lambda inner, option: option(inner), reversed(options), with_server)

    return decorate


config_option: Final = click.option(
    "--config",
    envvar=config_file.VARIABLE,
    metavar="FILE",
    help="The file of settings of the server, whose [serve] is used for what neither flags nor variables say, unless "
    "they name another folder or database; none for no file.  [default: the one that serve reads]",
)


def of_file(config: str | None, data: Path, database: str | None) -> str | None:
    """Returns the database of the server with this folder, as the file knows it. Raises CommandError."""
    found: str | None = _filled(config, {"data": data, "database": database}, frozenset({"data"}))["database"]
    return found


def serve_flags() -> str:
    """Returns what `serve` needs besides the flags of this command, so that the file does not lead it elsewhere."""
    return " --config none" if click.get_current_context().meta.get(_SET_ASIDE) else ""


def _check_folder(data: Path | None, database: str | None) -> None:
    """Raises CommandError if the folder remembers that its database is of the other kind."""
    # The server's own imports, which the options of no other command need.
    from enginehouse.server import database_file  # noqa: PLC0415

    try:
        known = None if data is None else database_file.read(data)
    except Refusal:
        return  # what is wrong with the folder, the command tells itself
    if known is None or (known.place == database_file.EMBEDDED) == (database is None):
        return
    how = "give its URL with --database, or write it into the file of settings, as database in [serve]"
    how = how if database is None else "leave --database out, or give another --data"
    raise CommandError(f"The data folder {data} belongs to {known.place}: {how}.", exit_code=2)


def _filled(config: str | None, values: Mapping[str, Any], typed: frozenset[str]) -> dict[str, Any]:
    """Returns the values, with those of the file where nobody gave one. Says on stderr what came of the file."""
    given = {name: value for name, value in values.items() if value is not None}
    if "data" in given:
        given["data"] = given["data"].expanduser()
    path = config_file.find(config)
    if path is None:
        return {**values, **given}
    file = config_file.read(path, _TABLE, {one.key: one for one in serve.params if isinstance(one, SettingOption)})
    unusable = config is not None and file.faults and not file.values
    other = None if unusable else _other_server(file, given, typed)
    if other is not None:
        if file.values.keys() & _KEYS.values() or file.faults:
            click.get_current_context().meta[_SET_ASIDE] = True
            terminal.echo(f"{file.path} {other}, so nothing of it is used.", err=True)
        return {**values, **given}
    if file.faults:
        raise CommandError("\n".join(file.faults), exit_code=2)
    known = {name: _read(file, key) for name, key in _KEYS.items() if name in values and key in file.values}
    used = {name: value for name, value in known.items() if name not in given}
    if shown := [f"--{name} {without_password(str(used[name]))}" for name in _NAMED if name in used]:
        terminal.echo(f"The server is that of {file.path}: {' '.join(shown)}", err=True)
    return {**values, **given, **used}


def _other_server(file: ConfigFile, given: Mapping[str, Any], typed: frozenset[str]) -> str | None:
    """Returns how the file shows that another server is meant than its own, None if it is its own.

    A variable completes a file that does not have its key, as for `serve`: so a password need not be in the file.
    A flag does not: whoever types a folder means what is in it.
    """
    named = [name for name in _NAMED if name in given]
    if named and file.faults and not file.values:
        return f"cannot be used ({file.faults[0].removeprefix(f'{file.path}: ').rstrip('.')})"
    known = [name for name in named if name in file.values]
    for name in known:
        if _comparable(name, file.values[name]) != _comparable(name, given[name]):
            return f"names another {_NAMED[name]}"
    unknown = [name for name in named if name in typed and name not in file.values]
    return f"names no {_NAMED[unknown[0]]}" if unknown and not known else None


def _comparable(name: str, value: str | Path) -> str | Path:
    return Path(value).expanduser().resolve() if name == "data" else value


def _read(file: ConfigFile, key: str) -> Any:
    value = file.values[key]
    return Path(value).expanduser() if key in {"data", "engines"} else value
