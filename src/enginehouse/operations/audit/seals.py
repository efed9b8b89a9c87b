"""Seals the audit rows a few seconds after they are written, and prunes the oldest."""

import time
from collections.abc import Callable
from typing import Final

from enginehouse.operations.house import House
from enginehouse.storage.audit import seals
from enginehouse.storage.audit.seals import BATCH, Horizon

DISTANCE: Final = 5.0
"""Seconds between a row and its seal, at least."""
_MICROS: Final = 1_000_000


class Sealing:
    """Remembers up to which row no earlier one can still appear.

    Rows are numbered before their transaction commits. So what was seen last is sealed only when every transaction that
    was under way at that look has ended.
    """

    def __init__(self, house: House, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._house = house
        self._clock = clock
        self._seen: tuple[float, Horizon] | None = None
        self._until = 0

    async def turn(self) -> bool:
        """A bounded batch of rows is sealed; True when more can be at once."""
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
    """A bounded part of the audit rows older than the keeping time is gone, in whole seals; True when there is more."""
    before = now - house.limits.audit_retention_seconds * _MICROS
    return await house.database.write(lambda tx: seals.prune(tx, before=before)) > 0
