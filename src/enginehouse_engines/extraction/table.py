"""Tables: rows stay rows, each a paragraph, and only the columns that hold text are read."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from enginehouse.text.charset import decode
from enginehouse_engines.extraction.section import Section, Unreadable, read_whole

Row = list[str]

_ROWS: Final = 500  # of one section
_LOOKED_AT: Final = 200  # rows
_LONGEST_CELL: Final = 1 << 20
_DELIMITERS: Final = ",;\t|"


def read_csv(path: Path, media_type: str) -> Iterator[Section]:
    """Yields the rows of a table in CSV or TSV. Its first row names the columns."""
    text = decode(read_whole(path), media_type)
    delimiter = "\t" if "tab-separated" in media_type else _delimiter(text)
    csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = [*csv.reader(text.splitlines(keepends=True), delimiter=delimiter)]
    except csv.Error as problem:
        raise Unreadable(f"is a broken table: {problem}") from None
    yield from rows_as_text(rows, {})


def rows_as_text(rows: Sequence[Row], place: dict[str, Any]) -> Iterator[Section]:
    """Yields the rows as paragraphs. `place` of each section gets the first and last row and the columns' names."""
    filled = [(number, row) for number, row in enumerate(rows, start=1) if any(cell.strip() for cell in row)]
    if not filled:
        return
    has_names = len(filled) > 1 and _are_names(filled[0][1])
    names = filled[0][1] if has_names else []
    body = filled[1:] if has_names else filled
    columns = _text_columns([row for _, row in islice(body, _LOOKED_AT)])
    told = [names[column].strip() for column in columns if column < len(names) and names[column].strip()]
    for first in range(0, len(body), _ROWS):
        some = body[first : first + _ROWS]
        where = {**place, "rows": [some[0][0], some[-1][0]]} | ({"columns": told} if told else {})
        yield Section("\n\n".join(line for _, row in some if (line := _line(row, columns))), where)


def _line(row: Row, columns: Iterable[int]) -> str:
    """Returns the texts of a row as sentences."""
    texts = (" ".join(row[column].split()) for column in columns if column < len(row))
    return " ".join(text if text[-1] in ".!?…。！？" else f"{text}." for text in texts if text)


def _are_names(row: Row) -> bool:
    """Returns True if a first row may name the columns: short words, all different, no numbers."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return len({*cells}) == len(cells) and all(
        len(cell) <= 60 and any(character.isalpha() for character in cell) and not cell.endswith((".", "!"))
        for cell in cells
    )


def _text_columns(rows: Sequence[Row]) -> list[int]:
    """Returns the columns with text. Without a column of several words, every column with letters is one."""
    width = max((len(row) for row in rows), default=0)
    cells = [
        [row[column].strip() for row in rows if column < len(row) and row[column].strip()] for column in range(width)
    ]
    lettered = [c for c in range(width) if 2 * sum(map(_has_words, cells[c])) > len(cells[c])]
    spoken = [c for c in lettered if sum(len(cell.split()) for cell in cells[c]) >= 2.5 * len(cells[c])]
    return spoken or lettered


def _has_words(cell: str) -> bool:
    letters = sum(character.isalpha() for character in cell)
    return 2 * letters > len(cell.replace(" ", "")) and "://" not in cell


def _delimiter(text: str) -> str:
    """Returns what stands most often in each of the first lines."""
    lines = [line for line in text[:20_000].splitlines()[:20] if line.strip()]
    return max(_DELIMITERS, key=lambda mark: min((line.count(mark) for line in lines), default=0))
