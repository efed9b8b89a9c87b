"""A command group that knows its commands by name and imports one only when it is called."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Named:
    """Where a command is (`package.module:attribute`) and the line that `--help` shows of it."""

    place: str
    summary: str


class LazyGroup(click.Group):
    """`--help` lists the commands without importing them; so it is quick however much they need."""

    def __init__(self, *args: Any, named: dict[str, Named], **more: Any) -> None:
        super().__init__(*args, **more)
        self._named = named

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._named)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        named = self._named.get(cmd_name)
        if named is None:
            return None
        module, _, attribute = named.place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, named.summary) for name, named in self._named.items()])
