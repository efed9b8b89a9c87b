"""Leases in storage: prolonged by heartbeats, read when they have run out."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.work import ItemKey
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class AliveLease(NamedTuple):
    """A lease that was just prolonged, and since when its attempt is to stop."""

    job_id: int
    ordinal: int
    item: int
    token: int
    stop_requested_at: int | None


class ExpiredLease(NamedTuple):
    """A lease that has run out, and who holds it."""

    job_id: int
    ordinal: int
    item: int
    token: int
    worker: str


class HeldLease(NamedTuple):
    """A lease, whoever holds it."""

    job_id: int
    ordinal: int
    item: int
    token: int


_PROLONG: Final = Select("work.heartbeat", AliveLease)
_EXPIRED: Final = Select("work.expired", ExpiredLease)
_ALL: Final = Select("work.all_leases", HeldLease)


async def heartbeat(
    tx: Tx, held: Sequence[tuple[ItemKey, int]], *, lease_micros: int
) -> dict[tuple[ItemKey, int], bool]:
    """The leases still held run on; returns those, and whether each has to stop since its job was cancelled.

    A lease that is missing from the result is lost: stop its engine.
    """
    until = await tx.read_clock() + lease_micros
    rows = await _PROLONG.each(tx, [(*key, token, until) for key, token in held])
    return {(_key(row), row.token): row.stop_requested_at is not None for row in rows}


async def expired(tx: Tx, *, limit: int) -> list[tuple[ItemKey, int, str]]:
    """Leases whose end has passed on the storage clock, with who holds them."""
    rows = await _EXPIRED.all(tx, now=await tx.read_clock(), limit=limit)
    return [(_key(row), row.token, row.worker) for row in rows]


async def all_leases(tx: Tx, *, limit: int) -> list[tuple[ItemKey, int]]:
    """Every lease there is: on an embedded database, those of a server that is gone."""
    return [(_key(row), row.token) for row in await _ALL.all(tx, limit=limit)]


def _key(row: AliveLease | ExpiredLease | HeldLease) -> ItemKey:
    return ItemKey(row.job_id, row.ordinal, row.item)
