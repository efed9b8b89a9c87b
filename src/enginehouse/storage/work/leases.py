"""Leases in storage: prolonged by heartbeats, found when they have run out."""

from collections.abc import Sequence

from enginehouse.domain.work import ItemKey
from enginehouse.storage.database.database import Tx


async def heartbeat(
    tx: Tx, held: Sequence[tuple[ItemKey, int]], *, lease_micros: int
) -> dict[tuple[ItemKey, int], bool]:
    """The leases still held run on; answers those, and whether each has to stop since its job was cancelled.

    A lease that is missing from the answer is lost: stop its engine.
    """
    until = await tx.read_clock() + lease_micros
    rows = await tx.each("work.heartbeat", [(*key, token, until) for key, token in held])
    return {(ItemKey(row[0], row[1], row[2]), row[3]): row[4] is not None for row in rows}


async def expired(tx: Tx, *, limit: int) -> list[tuple[ItemKey, int, str]]:
    """Leases whose end has passed on the storage clock, with who holds them."""
    rows = await tx.all("work.expired", now=await tx.read_clock(), limit=limit)
    return [(ItemKey(row[0], row[1], row[2]), row[3], row[4]) for row in rows]


async def all_leases(tx: Tx, *, limit: int) -> list[tuple[ItemKey, int]]:
    """Every lease there is: on an embedded database, those of a server that is gone."""
    return [(ItemKey(row[0], row[1], row[2]), row[3]) for row in await tx.all("work.all_leases", limit=limit)]
