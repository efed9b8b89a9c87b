"""Loads the portable statements of the .sql files for one database.

A file `<noun>.sql` holds blocks that begin with `-- name: <statement>`; the block is called `<noun>.<statement>`. Lines
under the name may declare what the block takes: `-- rows: job_id bigint, ordinal int`, `-- lists: ids bigint`, and
`-- only: sqlite` or `-- only: postgres` for a block that only one database uses. A text of the type `document` may be
long. `-- alike: organization_id` names columns that are usually the same in all rows: then PostgreSQL gets them as one
value. `-- changes: task` says that the statement changes or deletes rows of this table, which the transaction has
locked already, and looks at nothing else: on PostgreSQL it goes together with other changes. `-- apart: rows` says
that the statement returns for many rows what it returns for each alone: SQLite takes them in portions.

A block with `-- parts: by_target newest` is a family of statements. The line after `-- if: by_target` is only in those
with this part, the line after `-- if: not by_target` only in the others. `<noun>.<statement>[by_target newest]` names
one of them. So a filter that is not set leaves nothing in the statement, and the rest can use an index.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, get_args

from enginehouse.storage.database.sql_statement import Statement, statement
from enginehouse.storage.database.sql_text import BadStatement, declarations, fill, fragment, no_params, split
from enginehouse.storage.database.sql_words import Dialect

STORAGE: Final[Traversable] = files("enginehouse.storage")
_NOT_STATEMENTS: Final = frozenset({"schema.sql", "migrations"})

_NAME: Final = re.compile(r"^-- name:[ ]*(\S*)[ ]*$", re.MULTILINE)
_IF: Final = re.compile(r"^[ \t]*-- if:[ ]*(.*?)[ ]*\n(.*\n?)", re.MULTILINE)
_SHAPE: Final = re.compile(r"([a-z_.]+)\[([a-z_ ]*)\]")
# More shapes than a server meets; a caller that tries all combinations of filters cannot fill the memory.
_MOST_SHAPES: Final = 512
_KEY: Final = re.compile(r"\bBIGINT\s+PRIMARY\s+KEY\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Family:
    """A block with optional parts, for one dialect."""

    name: str
    body: str
    parts: frozenset[str]
    dialect: Dialect

    def shape(self, chosen: frozenset[str]) -> Statement:
        """Returns the statement with exactly these of the declared parts. Raises BadStatement for another part."""
        if chosen - self.parts:
            raise BadStatement(f"{self.name}: no part is called {', '.join(sorted(chosen - self.parts))}.")
        name = f"{self.name}[{' '.join(sorted(chosen))}]"
        return statement(
            name, _IF.sub(lambda line: line[2] if _holds(line[1], chosen) else "", self.body), self.dialect
        )


def _holds(condition: str, chosen: frozenset[str]) -> bool:
    part = condition.removeprefix("not ")
    return (part in chosen) == (part == condition)


class Statements(dict[str, Statement]):
    """Every statement of one dialect by its name; those of `families` are made when they are first used.

    An unknown name raises LookupError.
    """

    def __init__(self) -> None:
        super().__init__()
        self.families: Final[dict[str, Family]] = {}
        self._shapes: Final[dict[str, Statement]] = {}

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or str(name).partition("[")[0] in self.families

    def __missing__(self, name: str) -> Statement:
        known = self._shapes.get(name)
        if known is not None:
            return known
        match = _SHAPE.fullmatch(name)
        if match is None or match[1] not in self.families:
            raise LookupError(f'There is no statement "{name}" in the .sql files of storage.')
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        return self._shapes.setdefault(name, self.families[match[1]].shape(frozenset(match[2].split())))


def shape(family: str, parts: Iterable[str]) -> str:
    """Returns the name of the statement of the family with these parts."""
    return f"{family}[{' '.join(sorted(parts))}]"


def statements(dialect: Dialect, directory: Traversable = STORAGE) -> Statements:
    """Returns the statements of every .sql file in `directory` for `dialect`. Raises BadStatement."""
    return _shipped(dialect) if directory is STORAGE else _load(dialect, directory)


@cache
def _shipped(dialect: Dialect) -> Statements:
    return _load(dialect, STORAGE)


def _load(dialect: Dialect, directory: Traversable) -> Statements:
    named = Statements()
    for file in _files(directory):
        noun = file.name.removesuffix(".sql")
        for name, body in _blocks(noun, file.read_text(encoding="utf-8"), dialect):
            if name in named or name in named.families:
                raise BadStatement(f"{name}: this name is given twice.")
            if (parts := _parts(name, body)) is not None:
                named.families[name] = Family(name, body, parts, dialect)
            else:
                named[name] = statement(name, body, dialect)
    return named


def _parts(name: str, body: str) -> frozenset[str] | None:
    """Returns the parts that the block declares, None if it is a single statement."""
    declared = declarations(body).get("parts")
    parts = frozenset((declared or "").split())
    used = {condition.removeprefix("not ") for condition, _ in _IF.findall(body)}
    if parts != used:
        raise BadStatement(f"{name}: parts declared and not used, or the reverse: {', '.join(sorted(parts ^ used))}.")
    return None if declared is None else parts


def _files(directory: Traversable) -> Iterator[Traversable]:
    """Yields the .sql files with statements, also those in packages."""
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name not in _NOT_STATEMENTS:
            yield from _files(entry)
        elif entry.name.endswith(".sql") and entry.name not in _NOT_STATEMENTS:
            yield entry


def script(text: str, dialect: Dialect, name: str = "script") -> list[str]:
    """Returns the statements of a schema or migration for `dialect`, in order. Obeys `-- only:`."""
    statements_: list[str] = []
    for part in split(text):
        if _wanted(name, part, dialect):
            filled = fill(name, part, lambda key, among: among + fragment(name, key, dialect), no_params(name)).strip()
            if filled:
                statements_.append(_KEY.sub("INTEGER PRIMARY KEY", filled) if dialect == "sqlite" else filled)
    return statements_


def _blocks(noun: str, text: str, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Yields the name and the text of each block for `dialect`."""
    head, *rest = _NAME.split(text)
    if fill(noun, head, lambda key, among: key, lambda param: param).strip():
        raise BadStatement(f"{noun}.sql: there is text before the first `-- name:`.")
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        full = f"{noun}.{name}"
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
            raise BadStatement(f'{full}: a name is made of a-z, 0-9 and "_".')
        if _wanted(full, body, dialect):
            yield full, body


def _wanted(name: str, part: str, dialect: Dialect) -> bool:
    only = declarations(part).get("only", dialect)
    if only not in get_args(Dialect):
        raise BadStatement(f'{name}: "-- only: {only}" is not sqlite or postgres.')
    return bool(only == dialect)
