"""What commands write: tables for people, JSON for machines; no colours and no folding where nobody looks."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 240  # a piped line is for other programs, which do not want it broken

_COLOURS = {
    "complete": "green",
    "running": "cyan",
    "queued": "blue",
    "pending": "dim",
    "failed": "red",
    "aborted": "yellow",
}

json_option: Callable[[Any], Any] = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def console(*, err: bool = False) -> Console:
    """The terminal, or the pipe, that the command writes to."""
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, width=None if stream.isatty() else _WIDE, highlight=False, emoji=False, markup=False)


def show_json(value: Any) -> None:
    """The value is on stdout, and nothing else is."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> Table:
    """Rows under headings, None as a dash; a word that is a status in its colour."""
    made = Table(box=None, pad_edge=False, title=title, title_justify="left", header_style="bold", padding=(0, 2, 0, 0))
    made.show_header = any(columns)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*map(_cell, row))
    return made


def status(word: str) -> Text:
    """The status in its colour."""
    return Text(word, style=_COLOURS.get(word, ""))


def _cell(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    return Text("–" if value is None else str(value))
