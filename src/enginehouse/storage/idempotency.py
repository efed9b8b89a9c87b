"""Idempotency keys in storage: the requests that used one, and their answers.

The transaction that carries out the request takes the key and stores the answer. So every visible key has an answer,
and a lost transaction has taken no key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain import times
from enginehouse.domain.errors import KeyReused
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

KeyName = tuple[int, str, str]
"""(organization, operation, key). The same text in another organization or operation is a different key."""


class KeyRow(NamedTuple):
    """A stored key."""

    organization_id: int
    operation: str
    key: str
    request_hash: str
    answer: str
    created_at: int


_LOOK_UP: Final = Select("idempotency.known", KeyRow)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The key of a request; `request_hash` is the digest of the whole request."""

    organization_id: int
    operation: str
    key: str
    request_hash: str

    @property
    def name(self) -> KeyName:
        """The name under which the key is stored."""
        return self.organization_id, self.operation, self.key


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A key that an earlier request took: the hash of that request, its answer, and the time (µs)."""

    request_hash: str
    answer: str
    at: int

    def answer_to(self, again: RequestKey) -> str:
        """Returns the answer to a later request with the same key. Raises KeyReused for a different request."""
        if again.request_hash != self.request_hash:
            raise KeyReused(again.key, times.rest(self.at // times.SECOND * times.SECOND))
        return self.answer


async def take(tx: Tx, keys: Iterable[RequestKey], now: int) -> dict[KeyName, StoredAnswer]:
    """Takes every free key for this transaction, which must answer it. Returns the stored answers of the others.

    If several keys have the same name, the first is taken. Waits for a key that another transaction holds.
    """
    free: dict[KeyName, RequestKey] = {}
    for key in keys:
        free.setdefault(key.name, key)
    before: dict[KeyName, StoredAnswer] = {}
    while free:
        rows = [(*name, free[name].request_hash, now) for name in sorted(free)]
        for taken in await tx.each("idempotency.take", rows):
            del free[taken]
        # An existing key may have been pruned since then: a key that is not found now is free, and is tried again.
        there = await look_up(tx, free)
        before |= there
        free = {name: key for name, key in free.items() if name not in there}
    return before


async def look_up(tx: Tx, names: Iterable[KeyName]) -> dict[KeyName, StoredAnswer]:
    """Returns the answers of those keys that are taken."""
    return {
        (row.organization_id, row.operation, row.key): StoredAnswer(row.request_hash, row.answer, row.created_at)
        for row in await _LOOK_UP.each(tx, sorted(names))
    }


async def answer(tx: Tx, answers: Mapping[KeyName, str]) -> None:
    """Stores the answers of the keys that this transaction has taken."""
    await tx.many("idempotency.answer", [(*name, text) for name, text in sorted(answers.items())])


async def oldest(tx: Tx) -> int | None:
    """Returns when the oldest stored key was taken (µs); None if there are no keys."""
    oldest_at: int | None
    [(oldest_at,)] = await tx.all("idempotency.oldest")
    return oldest_at


async def prune(tx: Tx, *, before: int, limit: int) -> int:
    """Deletes about `limit` keys that were stored before `before` (µs). Returns how many; they are free again."""
    return await tx.run("idempotency.prune", before=before, limit=limit)
