"""Rows with names: a statement and the type of its rows, declared once, so that no reader counts columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from enginehouse.storage.database.database import Tx

R = TypeVar("R", bound=tuple[Any, ...])

# A third of what `_make` costs, which also counts the columns: a test has done that once for every row.
_new: Final = tuple.__new__

SELECTS: Final[list["Select[Any]"]] = []
"""Every declared statement. A test compares its row type with the columns that each database returns."""


@dataclass(frozen=True, slots=True)
class Select(Generic[R]):
    """A named statement whose rows are `row`, a NamedTuple with one field per column, in their order."""

    statement: str
    row: type[R]

    def __post_init__(self) -> None:
        SELECTS.append(self)

    async def all(self, tx: Tx, **params: Any) -> list[R]:
        """Every row."""
        row = self.row
        return [_new(row, values) for values in await tx.all(self.statement, **params)]

    async def one(self, tx: Tx, **params: Any) -> R | None:
        """The first row, or None."""
        values = await tx.one(self.statement, **params)
        return None if values is None else _new(self.row, values)

    async def each(self, tx: Tx, rows: Sequence[Sequence[Any]]) -> list[R]:
        """What the statement returns, run once over all `rows`."""
        row = self.row
        return [_new(row, values) for values in await tx.each(self.statement, rows)]
