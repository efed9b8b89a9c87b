"""Leases in storage: heartbeats prolong them, and expired ones are read here."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.work import ItemKey
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class AliveLease(NamedTuple):
    """A lease after a heartbeat, and since when its attempt must stop."""

    job_id: int
    ordinal: int
    item: int
    token: int
    stop_requested_at: int | None


class ExpiredLease(NamedTuple):
    """An expired lease, and the worker that holds it."""

    job_id: int
    ordinal: int
    item: int
    token: int
    worker: str


class HeldLease(NamedTuple):
    """A lease of any worker."""

    job_id: int
    ordinal: int
    item: int
    token: int


_PROLONG: Final = Select("work.heartbeat", AliveLease)
_EXPIRED: Final = Select("work.expired", ExpiredLease)
_OF_WORKER: Final = Select("work.leases_of_worker", HeldLease)
_ALL: Final = Select("work.all_leases", HeldLease)


async def heartbeat(
    tx: Tx, held: Sequence[tuple[ItemKey, int]], *, lease_micros: int
) -> dict[tuple[ItemKey, int], bool]:
    """Prolongs the leases that are still held. Returns these, and whether each must stop because of a cancel.

    A lease that is missing from the result is lost: its engine must stop.
    """
    until = await tx.read_clock() + lease_micros
    rows = await _PROLONG.each(tx, [(*key, token, until) for key, token in held])
    return {(_key(row), row.token): row.stop_requested_at is not None for row in rows}


async def expired(tx: Tx, *, limit: int) -> list[tuple[ItemKey, int, str]]:
    """Returns the leases that have expired by the storage clock, with their workers."""
    rows = await _EXPIRED.all(tx, now=await tx.read_clock(), limit=limit)
    return [(_key(row), row.token, row.worker) for row in rows]


async def all_leases(tx: Tx, *, limit: int) -> list[tuple[ItemKey, int]]:
    """Returns every lease of a worker, which an embedded database has from a server that is gone."""
    return [(_key(row), row.token) for row in await _ALL.all(tx, limit=limit)]


async def of_worker(tx: Tx, worker: str, *, limit: int) -> list[tuple[ItemKey, int]]:
    """Returns the leases of one worker."""
    return [(_key(row), row.token) for row in await _OF_WORKER.all(tx, worker=worker, limit=limit)]


def _key(row: AliveLease | ExpiredLease | HeldLease) -> ItemKey:
    return ItemKey(row.job_id, row.ordinal, row.item)
