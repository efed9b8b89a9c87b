"""The reports of a pool that wait for each other, so that they share a transaction."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

REPORT_SECONDS: Final = 0.01  # no report waits longer for others
MOST_REPORTS: Final = 128


@dataclass(slots=True)
class ReportWait:
    """Reports go together when `MOST_REPORTS` wait, when the first has waited REPORT_SECONDS, or when `end` is called.

    A report alone costs nearly as much as thirty together: a transaction, and on PostgreSQL a dozen round trips.
    """

    _waiting: "list[asyncio.Future[None]]" = field(default_factory=list)
    _timer: asyncio.TimerHandle | None = None

    async def join(self) -> None:
        """The reports that wait may be sent now."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        if len(self._waiting) >= MOST_REPORTS:
            self.end()
        elif self._timer is None:
            self._timer = loop.call_later(REPORT_SECONDS, self.end)
        await turn

    def end(self) -> None:
        """No report waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)
