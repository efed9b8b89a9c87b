"""The options of a command that sets the fields of a settings class."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import click


def settings_options(settings: type) -> Callable[..., Callable[[Any], Any]]:
    """Returns a function that makes the option of a field, `(name, text, **options)`, with the field's default.

    The variable ENGINEHOUSE_<NAME> sets it, too.
    """
    defaults = {field.name: field.default for field in fields(settings) if field.default is not MISSING}

    def option(name: str, text: str, **options: Any) -> Callable[[Any], Any]:
        key = name.removeprefix("--").replace("-", "_")
        default = defaults.get(key)
        if isinstance(default, int | float | str) and not isinstance(default, bool):
            options = {"default": default, "show_default": True} | options
        return click.option(name, envvar=f"ENGINEHOUSE_{key.upper()}", show_envvar=True, help=text, **options)

    return option
