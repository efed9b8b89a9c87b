"""What a backup needs of a database: one snapshot of it, whose parts are read one after the other."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from enginehouse.storage.database.database import Tx

R = TypeVar("R")

Add = Callable[[str, int, Iterable[bytes]], None]
"""Takes a part of a database: its name, its size, and its bytes."""


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """What a snapshot is of. `taken_at` is µs of the storage clock; `store_id` names the store of its bytes."""

    dialect: str
    schema: int
    taken_at: int
    store_id: str | None
    jobs: int


class DatabaseSnapshot(Protocol):
    """A database as it was at one moment. What is written meanwhile is not in it."""

    facts: SnapshotFacts

    async def read(self, verb: Callable[[Tx], Awaitable[R]]) -> R:
        """Returns what the function reads from the snapshot."""

    async def save(self, add: Add) -> None:
        """`add` has been given every part, from which the same database can be made again."""


async def facts_of(tx: Tx, dialect: str, schema: int, store_id: str | None) -> SnapshotFacts:
    """Returns the facts of the snapshot that this transaction reads."""
    [(jobs,)] = await tx.all("keys.jobs")
    return SnapshotFacts(dialect, schema, await tx.read_clock(), store_id, int(jobs))
