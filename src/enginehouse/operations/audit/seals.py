"""Seals audit rows a few seconds after they are written, and prunes the oldest."""

import time
from collections.abc import Callable
from typing import Final

from enginehouse.operations.house import House
from enginehouse.storage.audit import seals
from enginehouse.storage.audit.seals import BATCH, Horizon

DISTANCE: Final = 5.0
"""The least number of seconds between a row and its seal."""
_MICROS: Final = 1_000_000


class Sealing:
    """Remembers up to which row no earlier row can still appear.

    A row gets its number before its transaction commits. So the rows seen at one time are sealed only when every
    transaction that ran at that time has ended.
    """

    def __init__(self, house: House, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._house = house
        self._clock = clock
        self._seen: tuple[float, Horizon] | None = None
        self._until = 0

    async def turn(self) -> bool:
        """Seals a bounded batch of rows. Returns True if more can be sealed at once."""
        await self._look()
        database, until = self._house.database, self._until
        seal = await database.read(lambda tx: seals.prepare(tx, until=until)) if until else None
        if seal is None:
            return False
        added = await database.write(lambda tx: seals.add(tx, seal))
        return added and seal.entries == BATCH

    async def _look(self) -> None:
        now, there = self._clock(), await self._house.database.read(seals.horizon)
        if self._seen is None:
            self._seen = now, there
            return
        at, seen = self._seen
        if now - at >= DISTANCE and there.oldest >= seen.following:
            self._until = seen.last_id
            self._seen = now, there


async def prune(house: House, *, now: int) -> bool:
    """Deletes a bounded batch of expired audit rows, in whole seals. Returns True if any were deleted."""
    before = now - house.limits.audit_retention_seconds * _MICROS
    return await house.database.write(lambda tx: seals.prune(tx, before=before)) > 0
