"""Idempotency keys in storage: which requests carried one, and what each was answered.

A key is taken in the transaction that does what the request asks, and answered in it. So a key that can be read has an
answer, and one whose transaction was lost was never taken.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain import times
from enginehouse.domain.errors import KeyReused
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

KeyName = tuple[int, str, str]
"""Which key is meant: of which organization, for which operation. Another organization's is another key."""


class KeyRow(NamedTuple):
    """A key as it is stored."""

    organization_id: int
    operation: str
    key: str
    request_hash: str
    answer: str
    created_at: int


_LOOK_UP: Final = Select("idempotency.known", KeyRow)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A key as a request carries it; `request_hash` stands for all that the request asks."""

    organization_id: int
    operation: str
    key: str
    request_hash: str

    @property
    def name(self) -> KeyName:
        """What the key is found by."""
        return self.organization_id, self.operation, self.key


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A key that an earlier request took: what that one asked, what it was answered, when (µs)."""

    request_hash: str
    answer: str
    at: int

    def answer_to(self, again: RequestKey) -> str:
        """What the request is answered that carries the key again. Raises KeyReused when it asks something else."""
        if again.request_hash != self.request_hash:
            raise KeyReused(again.key, times.rest(self.at // times.SECOND * times.SECOND))
        return self.answer


async def take(tx: Tx, keys: Iterable[RequestKey], now: int) -> dict[KeyName, StoredAnswer]:
    """Every key that was free is this transaction's, to be answered in it; the others are returned as they are known.

    Of several with one name the first is taken. A key that another transaction holds is waited for.
    """
    free: dict[KeyName, RequestKey] = {}
    for key in keys:
        free.setdefault(key.name, key)
    before: dict[KeyName, StoredAnswer] = {}
    while free:
        rows = [(*name, free[name].request_hash, now) for name in sorted(free)]
        for taken in await tx.each("idempotency.take", rows):
            del free[taken]
        # What was there may have been pruned since, so one that is not found now is free after all.
        there = await look_up(tx, free)
        before |= there
        free = {name: key for name, key in free.items() if name not in there}
    return before


async def look_up(tx: Tx, names: Iterable[KeyName]) -> dict[KeyName, StoredAnswer]:
    """Those of the keys that were taken and answered."""
    return {
        (row.organization_id, row.operation, row.key): StoredAnswer(row.request_hash, row.answer, row.created_at)
        for row in await _LOOK_UP.each(tx, sorted(names))
    }


async def answer(tx: Tx, answers: Mapping[KeyName, str]) -> None:
    """The keys, taken in this transaction, have their answers."""
    await tx.many("idempotency.answer", [(*name, text) for name, text in sorted(answers.items())])


async def oldest(tx: Tx) -> int | None:
    """When the first of the keys that are kept was taken (µs)."""
    oldest_at: int | None
    [(oldest_at,)] = await tx.all("idempotency.oldest")
    return oldest_at


async def prune(tx: Tx, *, before: int, limit: int) -> int:
    """Up to `limit` keys stored before a moment (µs) are free again; returns how many."""
    return await tx.run("idempotency.prune", before=before, limit=limit)
