"""Writes rows as a statement of PostgreSQL takes them: each column as an array, or as one value if all rows have it.

Numbers and short words are the text of an array: the driver's own arrays cost twice as much for each element.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from enginehouse.storage.database.sql_statement import Statement

T = TypeVar("T")


def given(statement: Statement, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """Returns the text for these rows, and its values."""
    columns = list(zip(*rows, strict=True))
    if statement.alike and all(
        column.count(column[0]) == len(column)
        for (name, _), column in zip(statement.columns, columns, strict=True)
        if name in statement.alike
    ):
        return statement.text_alike, [
            column[0] if name in statement.alike else _WRITERS[kind](column)
            for (name, kind), column in zip(statement.columns, columns, strict=True)
        ]
    return statement.text, [
        _WRITERS[kind](column) for (_, kind), column in zip(statement.columns, columns, strict=True)
    ]


def _numbers(column: Sequence[int | None]) -> str:
    return _array(column, lambda number: "NULL" if number is None else f"{number:d}")


def _words(column: Sequence[str | None]) -> str:
    return _array(column, lambda word: "NULL" if word is None else _quoted(word))


def _array(column: Sequence[T], write: Callable[[T], str]) -> str:
    """Returns the text of the array. Most columns repeat a few values, so each is written once."""
    written = {value: write(value) for value in set(column)}
    return f"{{{','.join([written[value] for value in column])}}}"


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


_WRITERS: Final[dict[str, Callable[[Sequence[Any]], Any]]] = {
    "bigint": _numbers,
    "int": _numbers,
    "text": _words,
    "document": list,
    "float": list,
    "bytea": list,
}
