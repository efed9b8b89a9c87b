"""How many items wait in each lane, and how many of them may start now. Nothing is locked or leased."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain.quotas import Lane, startable
from enginehouse.domain.times import LAST_MOMENT
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.database.sql import shape
from enginehouse.storage.work import lanes, quotas


class SizedLane(NamedTuple):
    """A lane with its items. `in_time`: those that need not wait for their next try."""

    organization_id: int
    engine_id: str
    weight: int | None
    organization_limit: int | None
    paused_at: int | None
    state: str | None
    engine_limit: int | None
    unavailable_until: int | None
    waiting: int
    in_time: int


class LeasedItems(NamedTuple):
    """How many items of an engine are leased."""

    pool: str
    engine_id: str
    items: int


@dataclass(frozen=True, slots=True)
class LaneSize:
    """How many items of a lane wait, and how many of these may start now: their lane has no obstacle."""

    pool: str
    lane: Lane
    waiting: int
    startable: int


_SIZES: Final = Select(shape("lanes.waiting", ("sizes",)), SizedLane)
_LEASED: Final = Select("lanes.leased", LeasedItems)


async def look(tx: Tx, pools: Sequence[str], *, most: int) -> list[LaneSize]:
    """Returns every lane of the pools that has waiting items. They are counted up to `most` in each."""
    rows = [
        (pool, row)
        for pool in pools
        for row in await _SIZES.all(tx, pool=pool, before=LAST_MOMENT, now=tx.now, most=most)
    ]
    found = lanes.quotas_of([row for _, row in rows])
    if found.limited:
        found = await quotas.count_live(tx, found)
    named = [Lane(row.organization_id, row.engine_id) for _, row in rows]
    may_start = startable(zip(named, (row.in_time for _, row in rows), strict=True), found)
    return [
        LaneSize(pool, lane, row.waiting, items)
        for (pool, row), lane, items in zip(rows, named, may_start, strict=True)
    ]


async def leased(tx: Tx) -> list[LeasedItems]:
    """Returns the number of leased items of each pool and engine."""
    return await _LEASED.all(tx)
