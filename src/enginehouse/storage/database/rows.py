"""Rows with names: a statement and the type of its rows, declared once, so that no reader counts columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

from enginehouse.storage.database.database import Tx

R = TypeVar("R", bound=tuple[Any, ...])

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
        make = self._make()
        return [make(row) for row in await tx.all(self.statement, **params)]

    async def one(self, tx: Tx, **params: Any) -> R | None:
        """The first row, or None."""
        row = await tx.one(self.statement, **params)
        return None if row is None else self._make()(row)

    async def each(self, tx: Tx, rows: Sequence[Sequence[Any]]) -> list[R]:
        """What the statement returns, run once over all `rows`."""
        make = self._make()
        return [make(row) for row in await tx.each(self.statement, rows)]

    def _make(self) -> Any:
        return cast("type[NamedTuple]", self.row)._make
