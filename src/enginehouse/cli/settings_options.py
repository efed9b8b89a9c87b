"""The options of a command that sets the fields of a settings class: from a flag, a variable, a file, or by default.

That is the order, and the only one: a flag goes before its variable, that before the file, that before the default.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from enginehouse.cli import config_file
from enginehouse.cli.config_file import ConfigFile
from enginehouse.cli.errors import CommandError
from enginehouse.settings import UnusableSettings

S = TypeVar("S")

_FAULTS: Final = "enginehouse.setting_faults"
_FILE: Final = "enginehouse.config_file"
_SECRETS: Final = frozenset({"init_token", "secret_key", "metrics_token", "token"})
_TYPES: Final = {"integer": "a whole number", "float": "a number", "boolean": "true or false"}


class SettingOption(click.Option):
    """An option that a variable and the file may set too. A wrong value is noted, so that all are told at once."""

    @property
    def key(self) -> str:
        """Its name in the file: the flag without its dashes."""
        return self.opts[0].removeprefix("--")

    @property
    def is_secret(self) -> bool:
        """True if nobody may read its value."""
        return self.name in _SECRETS

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Returns the value, None if it is wrong."""
        try:
            return super().process_value(ctx, value)
        except click.MissingParameter:
            others = f"{self.envvar} or {self.key} in the file of settings"
            _faults(ctx)[str(self.name)] = f"{self.opts[0]}: must be given, here or as {others}."
        except click.BadParameter:
            takes = _TYPES.get(self.type.name, self.type.name)
            _faults(ctx)[str(self.name)] = f'{origin(ctx, str(self.name))}: {takes}, got "{value}".'
        return None


def settings_options(settings: type | None = None) -> Callable[..., Callable[[Any], Any]]:
    """Returns a function that makes the option of a field, `(name, text, **options)`, with the field's default.

    The variable ENGINEHOUSE_<NAME> sets it, too, and a key of the file.
    """
    known = fields(settings) if settings is not None else ()
    defaults = {field.name: field.default for field in known if field.default is not MISSING}

    def option(name: str, text: str | None = None, *, envvar: str = "", **options: Any) -> Callable[[Any], Any]:
        key = name.removeprefix("--").replace("-", "_")
        default = defaults.get(key)
        if isinstance(default, int | float | str) and not isinstance(default, bool):
            options = {"default": default, "show_default": True} | options
        variable = envvar or f"ENGINEHOUSE_{key.upper()}"
        return click.option(name, cls=SettingOption, envvar=variable, show_envvar=True, help=text, **options)

    return option


def file_options(table: str) -> Callable[[Any], Any]:
    """The command takes --config, and the values of this table of the file. With --print-config it only shows them."""

    def read(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        path = config_file.find(value)
        if path is not None:
            options = {one.key: one for one in ctx.command.params if isinstance(one, SettingOption)}
            ctx.meta[_FILE] = found = config_file.read(path, table, options)
            ctx.default_map = dict(found.values)

    where = " or ".join(("~/.config/enginehouse/server.toml", "/etc/enginehouse/server.toml"))
    config = click.option(
        "--config",
        envvar=config_file.VARIABLE,
        show_envvar=True,
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=read,
        help=f"The file of settings, TOML; none for no file.  [default: {where}, if it is there]",
    )
    show = click.option(
        "--print-config", "print_config", is_flag=True, help="Only show each setting and where it comes from, as TOML."
    )
    return lambda command: config(show(command))


def file_in_use() -> ConfigFile | None:
    """Returns the file of settings that this command has read."""
    found: ConfigFile | None = click.get_current_context().meta.get(_FILE)
    return found


def settled(make: Callable[[Mapping[str, Any]], S], values: Mapping[str, Any], stand_ins: Mapping[str, Any]) -> S:
    """Returns the settings that `make` makes of the values, without those that nobody gave.

    The stand-ins are for what must be given. Raises CommandError with everything that is wrong on the command line, in
    variables and in the file.
    """
    ctx = click.get_current_context()
    wrong = dict(_faults(ctx))
    file = file_in_use()
    faults = [*(file.faults if file is not None else ()), *wrong.values()]
    given = {name: value for name, value in values.items() if value is not None}
    try:
        settings = make({**stand_ins, **given})
    except UnusableSettings as unusable:
        for line in str(unusable).splitlines():
            name, colon, text = line.partition(":")
            if name not in wrong:
                faults.append(f"{origin(ctx, name)}{colon}{text}")
    else:
        if not faults:
            return settings
    raise CommandError("\n".join(faults), exit_code=2)


def origin(ctx: click.Context, name: str) -> str:
    """Returns how to name the setting to whoever set it: the variable, the file and the key, or else the flag."""
    option = next((one for one in ctx.command.params if one.name == name and isinstance(one, SettingOption)), None)
    if option is None:
        return f"--{name.replace('_', '-')}"
    match ctx.get_parameter_source(name):
        case ParameterSource.ENVIRONMENT:
            return str(option.envvar)
        case ParameterSource.DEFAULT_MAP:
            file: ConfigFile = ctx.meta[_FILE]
            return f"{file.path}: {file.table}.{option.key}"
        case _:
            return option.opts[0]


def _faults(ctx: click.Context) -> dict[str, str]:
    noted: dict[str, str] = ctx.meta.setdefault(_FAULTS, {})
    return noted
