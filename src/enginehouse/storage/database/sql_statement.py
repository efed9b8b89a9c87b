"""Makes one block of a .sql file a statement for one driver."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from enginehouse.storage.database import sql_rows, sql_text
from enginehouse.storage.database.sql_text import BadStatement, fill
from enginehouse.storage.database.sql_words import Dialect

_TYPES: Final = frozenset({"bigint", "int", "text", "document", "float", "bytea"})


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


def statement(name: str, body: str, dialect: Dialect) -> Statement:
    """Returns the statement of a block. Raises BadStatement."""
    declared = sql_text.declarations(body)
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
        def put(key: str, among: str) -> str:
            used.add(key)
            if key == "rows" and columns:
                return among + rows
            if key in lists:
                return sql_rows.in_list(among.strip(), place(key), lists[key], dialect)
            return among + fill(name, sql_text.fragment(name, key, dialect), put, param)  # it may have parameters

        return put

    plain, each = sql_rows.rows_of(columns, dialect)
    text = fill(name, body, fragment(plain), param).strip()
    if not text:
        raise BadStatement(f"{name}: the block is empty.")
    inserts: tuple[tuple[int, str], ...] = ()
    portions: tuple[tuple[int, str], ...] = ()
    if columns and dialect == "sqlite":
        names = [column for column, _ in columns]
        text, inserts = sql_rows.inserts(sql_rows.update(text, plain, names), plain, names)
        portions = _portions(name, text, declared, columns, lambda rows: fill(name, body, fragment(rows), param))
    writes_to = _writes_to(name, text, plain, declared.get("changes") if dialect == "postgres" else None)
    unused = ({"rows"} if columns else set()) | lists.keys()
    if unused - used and "parts" not in declared:
        raise BadStatement(f"{name}: declared and not used: {', '.join(sorted(unused - used))}.")
    each = fill(name, body, fragment(each), param).strip() if columns else ""
    used_lists = frozenset(lists.keys() & params.keys())
    alike = _alike(name, declared.get("alike", ""), {column for column, _ in columns})
    shorter = sql_rows.rows_of(columns, dialect, alike)[0] if dialect == "postgres" else ""
    text_alike = fill(name, body, fragment(shorter), param).strip() if alike and shorter else ""
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
    name: str,
    text: str,
    declared: Mapping[str, str],
    columns: tuple[tuple[str, str], ...],
    with_rows: Callable[[str], str],
) -> tuple[tuple[int, str], ...]:
    """Returns the texts of the statement for several rows and for one, if it finds for each what it finds alone."""
    if "apart" not in declared:
        return ()
    if declared["apart"] != "rows" or not sql_rows.is_apart(text):
        raise BadStatement(f'{name}: "-- apart: rows" is for rows that each find their own.')
    return (*((count, with_rows(rows)) for count, rows in sql_rows.portions(columns)), (1, text))


def _typed(name: str, declaration: str) -> Iterator[tuple[str, str]]:
    for part in declaration.split(","):
        match part.split():
            case [column, kind] if kind in _TYPES:
                yield column, kind
            case _:
                allowed = ", ".join(sorted(_TYPES))
                raise BadStatement(f'{name}: "{part.strip()}" is not `name type` with a type of {allowed}.')
