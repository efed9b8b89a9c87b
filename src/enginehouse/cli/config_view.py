"""Shows the settings of a command as a file of settings: each with its value in use and where that comes from."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from enginehouse.cli.settings_options import SettingOption, file_in_use, origin

_HIDDEN: Final = "***"
_PASSWORD: Final = re.compile(r"((?<=://)[^:/@]*:)[^@/]*(?=@)|((?<=[?&])password=)[^&]*")


def lines(table: str, settings: object) -> Iterator[str]:
    """Yields the lines of a TOML file with these settings. Secrets are not shown, and the file would not have them."""
    ctx = click.get_current_context()
    file = file_in_use()
    yield f"# The file of settings is {file.path}." if file is not None else "# No file of settings is in use."
    yield f"[{table}]"
    shown = [(f"{key} = {value}", where) for key, value, where in _rows(ctx, settings)]
    width = max(len(setting) for setting, _ in shown if len(setting) < 60)
    yield from (f"{setting:<{width}}  # {where}" for setting, where in shown)


def without_password(url: str) -> str:
    """Returns the URL with *** in place of a password."""
    return _PASSWORD.sub(rf"\1\2{_HIDDEN}", url)


def _rows(ctx: click.Context, settings: object) -> Iterator[tuple[str, str, str]]:
    for option in ctx.command.params:
        if isinstance(option, SettingOption):
            name = str(option.name)
            value = getattr(settings, name, ctx.params.get(name))
            key = option.key if _is_given(value, option) else f"# {option.key}"
            yield key, _toml(value, is_secret=option.is_secret), _source(ctx, name)


def _is_given(value: Any, option: SettingOption) -> bool:
    return value is not None and not option.is_secret


def _source(ctx: click.Context, name: str) -> str:
    match ctx.get_parameter_source(name):
        case ParameterSource.COMMANDLINE | ParameterSource.ENVIRONMENT | ParameterSource.DEFAULT_MAP:
            return origin(ctx, name)
        case _:
            return "default"


def _toml(value: Any, *, is_secret: bool) -> str:
    if value is None:
        return "not set"
    if is_secret:
        return _HIDDEN
    match value:
        case Path():
            return json.dumps(str(value))
        case tuple() | list():
            return json.dumps([str(each) for each in value])
        case str():
            return json.dumps(without_password(value))
        case _:
            return json.dumps(value)
