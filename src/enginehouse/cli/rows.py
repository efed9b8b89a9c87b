"""Lists on stdout: one line for each record. On a terminal it fits its width; in a pipe nothing is cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from enginehouse.cli import output, terminal

_GAP: Final = 2
_READABLE: Final = 20  # a flexible column is not made smaller than this to keep an optional one


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list. A `flexible` one is cut if the terminal is too narrow, an `optional` one is left out."""

    title: str
    flexible: bool = False
    optional: bool = False


def flexible(title: str) -> Column:
    """Returns a column that may be cut."""
    return Column(title, flexible=True)


def optional(title: str) -> Column:
    """Returns a column for wide terminals, which may be cut too."""
    return Column(title, flexible=True, optional=True)


def show_rows(columns: Sequence[Column | str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Each row is a line on stdout, below the titles. Without rows, stderr says the sentence `empty`."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        terminal.echo(empty, err=True)
        return
    known = [column if isinstance(column, Column) else Column(column) for column in columns]
    console = output.console()
    widths = _widths(known, cells, console.width if console.is_terminal else None)
    _print(console, [Text(column.title, "bold") for column in known], widths)
    for row in cells:
        _print(console, row, widths)


def show_page(
    columns: Sequence[Column | str], rows: Sequence[Sequence[Any]], *, offset: int, count: int, empty: str
) -> None:
    """The same for a page of a list; when more follows, stderr says how to get it."""
    show_rows(columns, rows, empty=empty)
    if rows and offset + len(rows) < count:
        terminal.echo(f"{len(rows)} of {count}; more with --offset {offset + len(rows)}", err=True)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]], room: int | None) -> list[int]:
    """Returns the width of each column, 0 for one that is left out."""
    natural = [max(len(column.title), *(row[number].cell_len for row in rows)) for number, column in enumerate(columns)]
    if room is None:
        return natural
    shown = [
        any(row[number].plain != output.NOTHING for row in rows) or not column.title
        for number, column in enumerate(columns)
    ]
    for number in reversed(range(len(columns))):
        if columns[number].optional and _least(columns, natural, shown) > room:
            shown[number] = False
    widths = [width if is_shown else 0 for width, is_shown in zip(natural, shown, strict=True)]
    while _whole(widths) > room:
        cut = [number for number, column in enumerate(columns) if column.flexible and widths[number] > 1]
        cut = cut or [number for number, width in enumerate(widths) if width > 1]
        if not cut:
            break
        widths[max(cut, key=widths.__getitem__)] -= 1
    return widths


def _least(columns: Sequence[Column], natural: Sequence[int], shown: Sequence[bool]) -> int:
    """Returns how wide the list is when its flexible columns are as small as they should be."""
    return _whole(
        [
            min(width, _READABLE) if column.flexible else width
            for column, width, is_shown in zip(columns, natural, shown, strict=True)
            if is_shown
        ]
    )


def _whole(widths: Sequence[int]) -> int:
    present = [width for width in widths if width]
    return sum(present) + _GAP * (len(present) - 1)


def _print(console: Console, row: Sequence[Text], widths: Sequence[int]) -> None:
    present = [(cell.copy(), width) for cell, width in zip(row, widths, strict=True) if width]
    for number, (cell, width) in enumerate(present):
        cell.truncate(width, overflow="ellipsis", pad=number < len(present) - 1)
    line = Text(" " * _GAP).join(cell for cell, _ in present)
    line.rstrip()
    console.print(line, soft_wrap=True)


def _cell(value: Any) -> Text:
    """Returns the value as one line."""
    if isinstance(value, Text):
        return Text(" ".join(terminal.escape(value.plain).split()), value.style)
    text = "" if value is None else " ".join(terminal.escape(str(value)).split())
    return Text(text or output.NOTHING)
