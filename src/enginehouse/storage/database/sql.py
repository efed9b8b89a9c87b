"""Turns the portable text of a statement into the text for each database.

A file `<noun>.sql` holds blocks that begin with `-- name: <statement>`; the block is called `<noun>.<statement>`. Lines
under the name may declare what the block takes: `-- rows: job_id bigint, ordinal int`, `-- lists: ids bigint`, and
`-- only: sqlite` or `-- only: postgres` for a block that only one database uses.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, Literal

from enginehouse.domain.status import TASK

Dialect = Literal["sqlite", "postgres"]

STORAGE: Final[Traversable] = files("enginehouse.storage")
_NOT_STATEMENTS: Final = frozenset({"schema.sql", "migrations"})
_TYPES: Final = frozenset({"bigint", "int", "text", "float", "bytea"})

_TOKEN: Final = re.compile(
    r"""(?P<comment> --[^\n]* | /\*.*?\*/ )
      | (?P<literal> '(?:[^']|'')*' | "(?:[^"]|"")*" )
      | (?P<cast> :: )
      | :(?P<param> [a-z_][a-z0-9_]* )
      | \{(?P<fragment> [^{}]* )\}
      | (?P<end> ; )""",
    re.VERBOSE | re.DOTALL,
)
_NAME: Final = re.compile(r"^-- name:[ ]*(\S*)[ ]*$", re.MULTILINE)
_DECLARATION: Final = re.compile(r"^[ \t]*-- (rows|lists|only):[ ]*(.*?)[ ]*$", re.MULTILINE)
_KEY: Final = re.compile(r"\bBIGINT\s+PRIMARY\s+KEY\b", re.IGNORECASE)

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "sqlite": {
        "for_update": "",
        "skip_locked": "",
        "clustered": "WITHOUT ROWID",
        "serial": "INTEGER PRIMARY KEY AUTOINCREMENT",
    },
    "postgres": {
        "for_update": "FOR UPDATE",
        "skip_locked": "FOR UPDATE SKIP LOCKED",
        "clustered": "",
        "serial": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    },
}

# An open bulk cancel covers a job: the job is aborted, though its row is not updated yet. `<job>` is its alias.
_COVERING: Final = """FROM barrier cover
    WHERE cover.organization_id = <job>.organization_id AND cover.settled_at IS NULL
      AND <job>.created_at BETWEEN cover.created_from AND cover.created_to AND <job>.cancellable_since < cover.id"""
_COVER: Final[Mapping[str, str]] = {
    "covered": f"EXISTS (SELECT 1 {_COVERING})",
    # Since when, and by which bulk cancel: if several cover a job, the first one aborted it. NULL if none covers it.
    "covered_at": f"(SELECT MIN(cover.accepted_at) {_COVERING})",
    "covered_by": f"(SELECT MIN(cover.id) {_COVERING})",
    # The same, or a bulk cancel with `include_running` stops a job that has started: none of its tasks may start.
    "halted": """EXISTS (SELECT 1 FROM barrier cover
    WHERE cover.organization_id = <job>.organization_id AND cover.settled_at IS NULL
      AND <job>.created_at BETWEEN cover.created_from AND cover.created_to
      AND (<job>.cancellable_since < cover.id
           OR cover.include_running = 1 AND <job>.created_at <= cover.accepted_at))""",
}

# The columns of a locked job that `storage.work.job_locks.LockedJob` names, in this order.
_COLUMNS: Final[Mapping[str, str]] = {
    "job_state": "<job>.id, <job>.organization_id, <job>.status, <job>.cancelled, <job>.started_at, <job>.tasks_total,"
    " <job>.tasks_queued, <job>.tasks_running,\n       <job>.tasks_complete, <job>.tasks_failed, <job>.tasks_aborted,"
    " <job>.target_id, <job>.stopping, <job>.paused_at",
}
_OF_JOB: Final = {**_COVER, **_COLUMNS}


class BadStatement(Exception):
    """A block of a .sql file is invalid. The message names the block."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement for one driver.

    `params` are the names of its parameters in the order of their numbers; `lists` are those that take a list.
    `columns` (name, type) are the columns of `{rows}`; then `each` is the text that takes all rows as one value.
    """

    name: str
    text: str
    params: tuple[str, ...] = ()
    lists: frozenset[str] = frozenset()
    columns: tuple[tuple[str, str], ...] = ()
    each: str = ""

    def check(self, params: Mapping[str, object]) -> None:
        """Raises TypeError unless `params` are exactly the parameters of the statement."""
        if len(params) != len(self.params) or self.columns:
            takes = "rows (call many or each)" if self.columns else ", ".join(self.params) or "nothing"
            raise TypeError(f"{self.name} takes {takes}; given: {', '.join(params) or 'nothing'}.")

    def check_rows(self) -> None:
        """Raises TypeError unless the statement declares rows."""
        if not self.columns:
            raise TypeError(f"{self.name} declares no rows; call all, one or run.")


class Statements(dict[str, Statement]):
    """Every statement of one dialect by its name. An unknown name raises LookupError."""

    def __missing__(self, name: str) -> Statement:
        raise LookupError(f'There is no statement "{name}" in the .sql files of storage.')


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
        for statement in _blocks(noun, file.read_text(encoding="utf-8"), dialect):
            if statement.name in named:
                raise BadStatement(f"{statement.name}: this name is given twice.")
            named[statement.name] = statement
    return named


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
            filled = _fill(name, part, lambda fragment: _fragment(name, fragment, dialect), _no_params(name)).strip()
            if filled:
                statements_.append(_KEY.sub("INTEGER PRIMARY KEY", filled) if dialect == "sqlite" else filled)
    return statements_


def _blocks(noun: str, text: str, dialect: Dialect) -> Iterator[Statement]:
    head, *rest = _NAME.split(text)
    if _fill(noun, head, lambda fragment: fragment, lambda param: param).strip():
        raise BadStatement(f"{noun}.sql: there is text before the first `-- name:`.")
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        full = f"{noun}.{name}"
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
            raise BadStatement(f'{full}: a name is made of a-z, 0-9 and "_".')
        if _wanted(full, body, dialect):
            yield _statement(full, body, dialect)


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
            raise BadStatement(f"{name}: :{key} is a list; write {{{key}}}.")
        return place(key)

    def fragment(rows: str) -> Callable[[str], str]:
        def fill(key: str) -> str:
            used.add(key)
            if key == "rows" and columns:
                return rows
            if key in lists:
                return _list(place(key), lists[key], dialect)
            return _fragment(name, key, dialect)

        return fill

    plain, each = _rows(columns, dialect)
    text = _fill(name, body, fragment(plain), param).strip()
    if not text:
        raise BadStatement(f"{name}: the block is empty.")
    unused = ({"rows"} if columns else set()) | lists.keys()
    if unused - used:
        raise BadStatement(f"{name}: declared and not used: {', '.join(sorted(unused - used))}.")
    each = _fill(name, body, fragment(each), param).strip() if columns else ""
    return Statement(name, text, tuple(params), frozenset(lists), columns, each)


def _rows(columns: tuple[tuple[str, str], ...], dialect: Dialect) -> tuple[str, str]:
    if dialect == "postgres":
        arrays = ", ".join(f"${n}::{_postgres(kind)}[]" for n, (_, kind) in enumerate(columns, 1))
        rows = f"(SELECT * FROM unnest({arrays}) AS given({', '.join(name for name, _ in columns)}))"
        return rows, rows
    single = ", ".join(f"?{n} AS {name}" for n, (name, _) in enumerate(columns, 1))
    parts = ", ".join(f"json_extract(value, '$[{n}]') AS {name}" for n, (name, _) in enumerate(columns))
    return f"(SELECT {single})", f"(SELECT {parts} FROM json_each(?1))"


def _list(param: str, kind: str, dialect: Dialect) -> str:
    if dialect == "sqlite":
        return f"(SELECT value FROM json_each({param}))"
    return f"(SELECT unnest({param}::{_postgres(kind)}[]))"


def _postgres(kind: str) -> str:
    return "double precision" if kind == "float" else kind


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
    if only not in _WORDS:
        raise BadStatement(f'{name}: "-- only: {only}" is not sqlite or postgres.')
    return bool(only == dialect)


def _fragment(name: str, key: str, dialect: Dialect) -> str:
    if key in _WORDS[dialect]:
        return _WORDS[dialect][key]
    match key.split(":"):
        case ["status", verb] if verb in TASK:
            return f"({', '.join(_quoted(word) for word in sorted(TASK[verb].sources))})"
        case ["target", verb] if verb in TASK:
            return _quoted(TASK[verb].target)
        case [word, job] if word in _OF_JOB and job.isidentifier():
            return _OF_JOB[word].replace("<job>", job)
    raise BadStatement(f"{name}: nothing is known to put in place of {{{key}}}.")


def _quoted(word: str) -> str:
    return f"'{word}'"


def _no_params(name: str) -> Callable[[str], str]:
    def refuse(key: str) -> str:
        raise BadStatement(f"{name}: :{key} stands in a text that takes no parameters.")

    return refuse


def _fill(name: str, text: str, fragment: Callable[[str], str], param: Callable[[str], str]) -> str:
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
                return fragment(match["fragment"])
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
