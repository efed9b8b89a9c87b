"""Records refused requests in the audit, and bounds the number of rows."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from enginehouse.domain.audit import NOBODYS, Entry
from enginehouse.storage.audit import entries as audit_entries
from enginehouse.storage.database.batcher import Batcher
from enginehouse.storage.database.database import Database

AT_ONCE: Final = 100  # how many separate rows may come at once
A_SECOND: Final = 1.0  # how many more are allowed each second
_SUMS: Final = 100  # how many sums are kept; further refusals are summed up without their organization


class Refusals:
    """Records each refusal as its own row while they are few. Further ones are summed up in rows with a number."""

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
        """Records the refusal, or counts it for the next sum."""
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
        """Records the refusals counted since the last call: a row for each event and organization."""
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
        """Records everything that was noted."""
        await self._rows.close()
        await self.sum_up()
