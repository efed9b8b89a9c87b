"""Turns the portable text of a statement into the text for each database.

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
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, get_args

from enginehouse.storage.database import sql_rows, sql_words

Dialect = sql_words.Dialect

STORAGE: Final[Traversable] = files("enginehouse.storage")
_NOT_STATEMENTS: Final = frozenset({"schema.sql", "migrations"})
_TYPES: Final = frozenset({"bigint", "int", "text", "document", "float", "bytea"})

_TOKEN: Final = re.compile(
    r"""(?P<comment> --[^\n]* | /\*.*?\*/ )
      | (?P<literal> '(?:[^']|'')*' | "(?:[^"]|"")*" )
      | (?P<cast> :: )
      | :(?P<param> [a-z_][a-z0-9_]* )
      | (?P<among> \b(?:NOT[ ]+)?IN[ ]+ )?\{(?P<fragment> [^{}]* )\}
      | (?P<end> ; )""",
    re.VERBOSE | re.DOTALL,
)
_NAME: Final = re.compile(r"^-- name:[ ]*(\S*)[ ]*$", re.MULTILINE)
_DECLARATION: Final = re.compile(r"^[ \t]*-- (rows|lists|only|parts|changes|alike|apart):[ ]*(.*?)[ ]*$", re.MULTILINE)
_IF: Final = re.compile(r"^[ \t]*-- if:[ ]*(.*?)[ ]*\n(.*\n?)", re.MULTILINE)
_SHAPE: Final = re.compile(r"([a-z_.]+)\[([a-z_ ]*)\]")
# More shapes than a server meets; a caller that tries all combinations of filters cannot fill the memory.
_MOST_SHAPES: Final = 512
_KEY: Final = re.compile(r"\bBIGINT\s+PRIMARY\s+KEY\b", re.IGNORECASE)


class BadStatement(Exception):
    """A block of a .sql file is invalid. The message names the block."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement for one driver.

    `params` are the names of its parameters in the order of their numbers; `lists` are those that take a list.
    `columns` (name, type) are the columns of `{rows}`; then `each` is the text that takes all rows as one value.
    `inserts` are the texts of an INSERT for several rows at once, by their number, the largest first (only SQLite);
    `portions` are the same of a statement that returns rows for each row alone, the last one for a single row.
    `writes_to` is the table to which the statement only adds its rows, or of which it only changes rows that are
    locked, without a look at anything else. `text_alike` is the text for rows that are the same in the columns `alike`.
    """

    name: str
    text: str
    params: tuple[str, ...] = ()
    lists: frozenset[str] = frozenset()
    columns: tuple[tuple[str, str], ...] = ()
    each: str = ""
    inserts: tuple[tuple[int, str], ...] = ()
    portions: tuple[tuple[int, str], ...] = ()
    writes_to: str | None = None
    alike: frozenset[str] = frozenset()
    text_alike: str = ""

    def check(self, params: Mapping[str, object]) -> None:
        """Raises TypeError unless `params` are exactly the parameters of the statement."""
        if len(params) != len(self.params) or self.columns:
            takes = "rows (call many or each)" if self.columns else ", ".join(self.params) or "nothing"
            raise TypeError(f"{self.name} takes {takes}; given: {', '.join(params) or 'nothing'}.")

    def check_rows(self) -> None:
        """Raises TypeError unless the statement declares rows."""
        if not self.columns:
            raise TypeError(f"{self.name} declares no rows; call all, one or run.")


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
        return _statement(
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
                named[name] = _statement(name, body, dialect)
    return named


def _parts(name: str, body: str) -> frozenset[str] | None:
    """Returns the parts that the block declares, None if it is a single statement."""
    declared = dict(_DECLARATION.findall(body)).get("parts")
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
    for part in _split(text):
        if _wanted(name, part, dialect):
            filled = _fill(
                name, part, lambda key, among: among + _fragment(name, key, dialect), _no_params(name)
            ).strip()
            if filled:
                statements_.append(_KEY.sub("INTEGER PRIMARY KEY", filled) if dialect == "sqlite" else filled)
    return statements_


def _blocks(noun: str, text: str, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Yields the name and the text of each block for `dialect`."""
    head, *rest = _NAME.split(text)
    if _fill(noun, head, lambda key, among: key, lambda param: param).strip():
        raise BadStatement(f"{noun}.sql: there is text before the first `-- name:`.")
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        full = f"{noun}.{name}"
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
            raise BadStatement(f'{full}: a name is made of a-z, 0-9 and "_".')
        if _wanted(full, body, dialect):
            yield full, body


def _statement(name: str, body: str, dialect: Dialect) -> Statement:
    declared = dict(_DECLARATION.findall(body))
    columns = tuple(_typed(name, declared["rows"])) if "rows" in declared else ()
    lists = dict(_typed(name, declared["lists"])) if "lists" in declared else {}
    params: dict[str, int] = {}
    used: set[str] = set()

    def place(key: str) -> str:
        if columns:
            raise BadStatement(f"{name}: {key} beside {{rows}}; a statement over rows takes all its values from them.")
        number = params.setdefault(key, len(params) + 1)
        return f":{key}" if dialect == "sqlite" else f"${number}"

    def param(key: str) -> str:
        if key in lists:
            raise BadStatement(f"{name}: :{key} is a list; write IN {{{key}}}.")
        return place(key)

    def fragment(rows: str) -> Callable[[str, str], str]:
        def fill(key: str, among: str) -> str:
            used.add(key)
            if key == "rows" and columns:
                return among + rows
            if key in lists:
                return sql_rows.in_list(among.strip(), place(key), lists[key], dialect)
            return among + _fill(name, _fragment(name, key, dialect), fill, param)  # it may have parameters

        return fill

    plain, each = sql_rows.rows_of(columns, dialect)
    text = _fill(name, body, fragment(plain), param).strip()
    if not text:
        raise BadStatement(f"{name}: the block is empty.")
    inserts: tuple[tuple[int, str], ...] = ()
    portions: tuple[tuple[int, str], ...] = ()
    if columns and dialect == "sqlite":
        names = [column for column, _ in columns]
        text, inserts = sql_rows.inserts(sql_rows.update(text, plain, names), plain, names)
        portions = _portions(name, text, declared, columns, lambda rows: _fill(name, body, fragment(rows), param))
    writes_to = _writes_to(name, text, plain, declared.get("changes") if dialect == "postgres" else None)
    unused = ({"rows"} if columns else set()) | lists.keys()
    if unused - used and "parts" not in declared:
        raise BadStatement(f"{name}: declared and not used: {', '.join(sorted(unused - used))}.")
    each = _fill(name, body, fragment(each), param).strip() if columns else ""
    used_lists = frozenset(lists.keys() & params.keys())
    alike = _alike(name, declared.get("alike", ""), {column for column, _ in columns})
    shorter = sql_rows.rows_of(columns, dialect, alike)[0] if dialect == "postgres" else ""
    text_alike = _fill(name, body, fragment(shorter), param).strip() if alike and shorter else ""
    return Statement(
        name=name,
        text=text,
        params=tuple(params),
        lists=used_lists,
        columns=columns,
        each=each,
        inserts=inserts,
        portions=portions,
        writes_to=writes_to,
        alike=alike,
        text_alike=text_alike,
    )


def _alike(name: str, declaration: str, columns: set[str]) -> frozenset[str]:
    """Returns the columns that are usually the same in all rows. Another column tells how many rows there are."""
    alike = frozenset(declaration.split())
    if unknown := sorted(alike - columns):
        raise BadStatement(f"{name}: {', '.join(unknown)} is no column of its rows.")
    if alike and alike == columns:
        raise BadStatement(f"{name}: all of its columns are alike, so nothing tells how many rows there are.")
    return alike


def _writes_to(name: str, text: str, rows: str, changed: str | None) -> str | None:
    """Returns the table to which a statement writes, if it does nothing else. It says that it changes `changed`."""
    if changed is not None and sql_rows.changed_by(text, rows) != changed:
        raise BadStatement(f"{name}: it does more than change or delete rows of {changed}.")
    return changed or sql_rows.table_of(text, rows)


def _portions(
    name: str, text: str, declared: Mapping[str, str], columns: tuple[tuple[str, str], ...], fill: Callable[[str], str]
) -> tuple[tuple[int, str], ...]:
    """Returns the texts of the statement for several rows and for one, if it finds for each what it finds alone."""
    if "apart" not in declared:
        return ()
    if declared["apart"] != "rows" or not sql_rows.is_apart(text):
        raise BadStatement(f'{name}: "-- apart: rows" is for rows that each find their own.')
    return (*((count, fill(rows)) for count, rows in sql_rows.portions(columns)), (1, text))


def _typed(name: str, declaration: str) -> Iterator[tuple[str, str]]:
    for part in declaration.split(","):
        match part.split():
            case [column, kind] if kind in _TYPES:
                yield column, kind
            case _:
                allowed = ", ".join(sorted(_TYPES))
                raise BadStatement(f'{name}: "{part.strip()}" is not `name type` with a type of {allowed}.')


def _wanted(name: str, part: str, dialect: Dialect) -> bool:
    only = dict(_DECLARATION.findall(part)).get("only", dialect)
    if only not in get_args(Dialect):
        raise BadStatement(f'{name}: "-- only: {only}" is not sqlite or postgres.')
    return bool(only == dialect)


def _fragment(name: str, key: str, dialect: Dialect) -> str:
    text = sql_words.fragment(key, dialect)
    if text is None:
        raise BadStatement(f"{name}: nothing is known to put in place of {{{key}}}.")
    return text


def _no_params(name: str) -> Callable[[str], str]:
    def refuse(key: str) -> str:
        raise BadStatement(f"{name}: :{key} stands in a text that takes no parameters.")

    return refuse


def _fill(name: str, text: str, fragment: Callable[[str, str], str], param: Callable[[str], str]) -> str:
    """Returns `text` without comments, with every fragment and parameter outside literals replaced."""

    def replace(match: re.Match[str]) -> str:
        match match.lastgroup:
            case "comment":
                return ""
            case "cast":
                raise BadStatement(f'{name}: "::" is PostgreSQL\'s alone; write CAST(… AS …).')
            case "param":
                return param(match["param"])
            case "fragment":
                return fragment(match["fragment"], match["among"] or "")
            case "end" if text[match.end() :].strip() and not _only_comments(text[match.end() :]):
                raise BadStatement(f"{name}: one statement per block; text follows the semicolon.")
            case "end":
                return ""
            case _:
                return match[0]

    lines = (line.rstrip() for line in _TOKEN.sub(replace, text).splitlines())
    return "\n".join(line for line in lines if line)


def _only_comments(text: str) -> bool:
    return not re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL).strip()


def _split(text: str) -> Iterator[str]:
    start = 0
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "end":
            yield text[start : match.start()]
            start = match.end()
    yield text[start:]
