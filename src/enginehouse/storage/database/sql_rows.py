"""How a statement takes rows and lists: `{rows}` and `IN {ids}` in the words of each database."""

import re
from typing import Final

from enginehouse.storage.database.sql_words import Dialect

_ADDS: Final = re.compile(
    r"INSERT INTO (\w+) \([\w, \n]*\)\s+SELECT (?:r\.\w+,\s*)*r\.\w+\s+FROM \{rows\} r"
    r"(?:\s+WHERE true\s+ON CONFLICT .*)?",
    re.DOTALL,
)
_PLAIN: Final = r"(?:(?!\b(?:SELECT|RETURNING)\b).)*"  # no look at another table, and no result
_ALONE: Final = r"(?:(?!\b(?:SELECT|RETURNING|FROM|USING)\b).)*"
_CHANGES: Final = re.compile(
    rf"UPDATE (\w+)\s+SET {_PLAIN}\s+FROM \{{rows\}} r\s+WHERE {_PLAIN}"
    r"|DELETE FROM (\w+)\s+WHERE \([\w, ]+\) IN \(SELECT (?:r\.\w+,\s*)*r\.\w+ FROM \{rows\} r\)"
    rf"|UPDATE (\w+)\s+SET {_ALONE}\s+WHERE {_ALONE}|DELETE FROM (\w+)\s+WHERE {_ALONE}",
    re.DOTALL,
)
_AT_ONCE: Final = (64, 16, 4)  # rows that one statement takes on SQLite


def rows_of(
    columns: tuple[tuple[str, str], ...], dialect: Dialect, alike: frozenset[str] = frozenset()
) -> tuple[str, str]:
    """Returns the text of `{rows}` for one row after the other (PostgreSQL: for all), and for all rows as one value.

    PostgreSQL gets the columns in `alike` as one value for all rows, and the others as arrays.
    """
    if dialect == "postgres":
        # Not FROM unnest(…): PostgreSQL would write each array into a store of its own before it reads a row.
        given = (
            f"{f'${n}::{_postgres(kind)}' if name in alike else f'unnest(${n}::{_array(kind)})'} AS {name}"
            for n, (name, kind) in enumerate(columns, 1)
        )
        rows = f"(SELECT {', '.join(given)})"
        return rows, rows
    single = ", ".join(f"?{n} AS {name}" for n, (name, _) in enumerate(columns, 1))
    parts = ", ".join(f"json_extract(value, '$[{n}]') AS {name}" for n, (name, _) in enumerate(columns))
    return f"(SELECT {single})", f"(SELECT {parts} FROM json_each(?1))"


def portions(columns: tuple[tuple[str, str], ...]) -> tuple[tuple[int, str], ...]:
    """Returns the text of `{rows}` for so many rows with a value in each place, the largest number first (SQLite).

    Each row so costs two thirds of what it costs as a part of one JSON text.
    """
    names, width = ", ".join(name for name, _ in columns), len(columns)

    def rows(count: int) -> str:
        places = ", ".join(f"({', '.join(f'?{row * width + n}' for n in range(1, width + 1))})" for row in range(count))
        return f"(WITH given({names}) AS (VALUES {places}) SELECT * FROM given)"

    return tuple((count, rows(count)) for count in _AT_ONCE)


def is_apart(text: str) -> bool:
    """Returns True unless the statement brings its rows together."""
    return re.search(r"\b(?:ORDER|LIMIT|GROUP|DISTINCT|UNION|OVER)\b", text, re.IGNORECASE) is None


def inserts(text: str, rows: str, columns: list[str]) -> tuple[str, tuple[tuple[int, str], ...]]:
    """Returns an INSERT with VALUES if it inserts a row as it is, also for several rows at once.

    SQLite does that faster than it selects the row. It inserts several rows without the interpreter's lock.
    """
    match = re.search(rf"SELECT ((?:r\.\w+,\s*)*r\.\w+)\s+FROM {re.escape(rows)} r\Z", text)
    if match is None:
        return text, ()
    places = [columns.index(value.strip().removeprefix("r.")) + 1 for value in match[1].split(",")]

    def insert(count: int) -> str:
        values = (", ".join(f"?{place + n * len(columns)}" for place in places) for n in range(count))
        return f"{text[: match.start()]}VALUES {', '.join(f'({each})' for each in values)}"

    return insert(1), tuple((count, insert(count)) for count in _AT_ONCE)


def update(text: str, rows: str, columns: list[str]) -> str:
    """Returns an UPDATE that names its values where it uses them, if it changes one row for each of its rows.

    SQLite would put the row into a table of its own first, which costs more than the update.
    """
    if re.fullmatch(rf"UPDATE \w+\s+SET .*\s+FROM {re.escape(rows)} r\s+WHERE .*", text, re.DOTALL) is None:
        return text
    alone = re.sub(rf"\s+FROM {re.escape(rows)} r(?=\s+WHERE )", "", text, count=1)
    return re.sub(r"\br\.(\w+)\b", lambda value: f"?{columns.index(value[1]) + 1}", alone)


def in_list(among: str, param: str, kind: str, dialect: Dialect) -> str:
    """Returns the condition to be among the list, or not to be. PostgreSQL looks up an array in any index of it."""
    if dialect == "sqlite":
        return f"{among} (SELECT value FROM json_each({param}))"
    return f"{'= ANY' if among == 'IN' else '<> ALL'} ({param}::{_postgres(kind)}[])"


def _array(kind: str) -> str:
    """Returns the type of a column of rows. Numbers and short words come as the text of an array."""
    return f"text::{kind}[]" if kind in {"bigint", "int", "text"} else f"{_postgres(kind)}[]"


def _postgres(kind: str) -> str:
    match kind:
        case "float":
            return "double precision"
        case "document":
            return "text"
        case _:
            return kind


def table_of(text: str, rows: str) -> str | None:
    """Returns the table to which the statement only adds its rows; None if it does or reads more."""
    adds = _ADDS.fullmatch(text.replace(rows, "{rows}"))
    return adds and adds[1]


def changed_by(text: str, rows: str) -> str | None:
    """Returns the table of which the statement only changes or deletes rows; None if it does or reads more."""
    changes = _CHANGES.fullmatch(text.replace(rows, "{rows}"))
    return changes and changes[changes.lastindex or 0]
