"""Records refused requests, and bounds how many rows that makes."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from enginehouse.domain.audit import NOBODYS, Entry
from enginehouse.storage.audit import entries as audit_entries
from enginehouse.storage.database.batcher import Batcher
from enginehouse.storage.database.database import Database

AT_ONCE: Final = 100  # rows of their own that may come together
A_SECOND: Final = 1.0  # and how many more each second brings
_SUMS: Final = 100  # different sums kept; what is not among them is added up without its organization


class Refusals:
    """Each refusal is a row of its own while they are few; of a flood the rest becomes one row with a number."""

    def __init__(
        self, database: Database, *, in_flight: int, at_once: int = AT_ONCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        async def write(entries: list[Entry]) -> Sequence[None]:
            await database.write(lambda tx: audit_entries.record(tx, entries))
            return [None] * len(entries)

        self._database = database
        self._rows: Batcher[Entry, None] = Batcher(write, in_flight=in_flight)
        self._clock = clock
        self._at_once = self._left = float(at_once)
        self._looked = clock()
        self._sums: Counter[tuple[str, int]] = Counter()

    async def note(self, entry: Entry) -> None:
        """The refusal is recorded, or counted for the next sum."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._looked) * A_SECOND)
        self._looked = now
        if self._left >= 1:
            self._left -= 1
            await self._rows.ask(entry)
            return
        key = (entry.event, entry.organization_id)
        if key not in self._sums and len(self._sums) >= _SUMS:
            key = (entry.event, NOBODYS)
        self._sums[key] += 1

    async def sum_up(self) -> None:
        """What was counted since the last time is recorded: a row for each kind and organization."""
        sums, self._sums = self._sums, Counter()
        if not sums:
            return
        rows = [
            Entry(event=event, organization_id=organization_id, success=False, detail=f"{count} more like this")
            for (event, organization_id), count in sums.items()
        ]
        try:
            await self._database.write(lambda tx: audit_entries.record(tx, rows))
        except BaseException:
            self._sums.update(sums)
            raise

    async def close(self) -> None:
        """Everything noted is recorded."""
        await self._rows.close()
        await self.sum_up()
