"""The output of commands: tables for people, JSON for programs. In a pipe it has no colours and no wrapped lines."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from enginehouse.cli import terminal

NOTHING: Final = "–"  # what a table shows for a value that is not there

_KILO: Final = 1000
_WIDE: Final = 100_000  # programs read a pipe, so its lines are not wrapped

_COLOURS = {
    "complete": "green",
    "running": "cyan",
    "queued": "blue",
    "pending": "dim",
    "failed": "red",
    "aborted": "yellow",
}

json_option: Callable[[Any], Any] = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


class SafeConsole(Console):
    """A console on which the characters of a text only show: the only control sequences are its own styles."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields the segments of the renderable, escaped."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=terminal.escape(segment.text))

    def print(self, *objects: Any, **options: Any) -> None:
        """The objects are printed; in a pipe, the cells of a table have no spaces after the last one of a line."""
        if self.is_terminal:
            super().print(*objects, **options)
            return
        with self.capture() as captured:
            super().print(*objects, **options)
        self.file.write("\n".join(line.rstrip(" ") for line in captured.get().split("\n")))
        self.file.flush()


def console(*, err: bool = False) -> Console:
    """Returns the terminal, or the pipe, that the command writes to."""
    stream = sys.stderr if err else sys.stdout
    return SafeConsole(stderr=err, width=None if stream.isatty() else _WIDE, highlight=False, emoji=False, markup=False)


def show_json(value: Any) -> None:
    """The value is on stdout, and nothing else is."""
    click.echo(terminal.escape_json(json.dumps(value, ensure_ascii=False, indent=2)))


def show_json_line(value: Any) -> None:
    """The value is one line on stdout."""
    click.echo(terminal.escape_json(json.dumps(value, ensure_ascii=False)))


def show(value: Any, text: str, *, as_json: bool) -> None:
    """The value is on stdout for programs, or the text for people."""
    if as_json:
        show_json(value)
    else:
        terminal.echo(text)


def warn(warnings: Iterable[str]) -> None:
    """Each warning is a line on stderr."""
    for warning in warnings:
        terminal.echo(f"warning: {warning}", err=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """Returns a table of the rows under these headings, with a dash for None."""
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0), show_header=any(columns))
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*map(_cell, row))
    return grid


def facts(pairs: Iterable[tuple[str, Any]], *, title: str = "") -> Table:
    """Returns a table of names and values, without those that are None."""
    return table((title, ""), [pair for pair in pairs if pair[1] is not None])


def many(number: int, noun: str) -> str:
    """Returns the number with its noun: `1 task`, `2 tasks`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size(number: float | None) -> str | None:
    """Returns the number of bytes in the unit that people read: `12.3 MB`."""
    if number is None:
        return None
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < _KILO or unit == "GB":
            break
        number /= _KILO
    return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"


def status(word: str) -> Text:
    """Returns the status in its colour."""
    return Text(word, style=_COLOURS.get(word, ""))


def _cell(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    return Text(NOTHING if value is None else terminal.escape(str(value)))
