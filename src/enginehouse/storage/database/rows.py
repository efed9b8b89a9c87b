"""Rows with names: each statement is declared once with the type of its rows, so that no reader counts columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from enginehouse.storage.database.database import Tx

R = TypeVar("R", bound=tuple[Any, ...])

# Costs a third of `_make`, which also counts the columns; a test compares the columns of every row type instead.
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
        """Returns every row."""
        row = self.row
        return [_new(row, values) for values in await tx.all(self.statement, **params)]

    async def one(self, tx: Tx, **params: Any) -> R | None:
        """Returns the first row, or None."""
        values = await tx.one(self.statement, **params)
        return None if values is None else _new(self.row, values)

    async def each(self, tx: Tx, rows: Sequence[Sequence[Any]]) -> list[R]:
        """Runs the statement once over all `rows`, and returns its rows."""
        row = self.row
        return [_new(row, values) for values in await tx.each(self.statement, rows)]

    async def lock_each(self, tx: Tx, rows: Sequence[Sequence[Any]]) -> list[R]:
        """The same for rows that the statement locks, and reads `tx.now` after their locks."""
        row = self.row
        return [_new(row, values) for values in await tx.lock_each(self.statement, rows)]
