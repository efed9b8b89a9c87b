"""One outage of the storage for all loops: it logs a line when the outage begins, and one when it is over."""

import time
from collections.abc import Callable
from typing import Literal

import structlog

from enginehouse.domain.work import ItemKey

log = structlog.get_logger(__name__)


class Outage:
    """The shared knowledge of a process's loops about a storage, or a server, that is not reachable."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, of: Literal["storage", "server"] = "storage"
    ) -> None:
        self._clock = clock
        self._of = of
        self._since = 0.0
        self._loops: set[str] = set()
        self._reports = 0

    def begin(self, loop: str, reason: str) -> None:
        """The loop waits for the storage. The first loop that waits logs it."""
        if not self._loops:
            self._since = self._clock()
            self._log_begin(loop, reason)
        self._loops.add(loop)

    def _log_begin(self, loop: str, reason: str) -> None:
        match self._of:
            case "storage":
                log.warning("storage is not reachable", loop=loop, reason=reason)
            case "server":
                log.warning("the server is not reachable", loop=loop, reason=reason)

    def _log_end(self, seconds: float) -> None:
        match self._of:
            case "storage":
                log.warning("storage is reachable again", seconds=seconds, reports_lost=self._reports)
            case "server":
                log.warning("the server is reachable again", seconds=seconds, reports_lost=self._reports)

    def end(self, loop: str) -> None:
        """The loop has reached the storage. The last loop that waited logs how long the outage was."""
        if loop not in self._loops:
            return
        self._loops.remove(loop)
        if not self._loops:
            seconds = round(self._clock() - self._since, 1)
            self._log_end(seconds)
            self._reports = 0

    def lose_report(self, item: ItemKey) -> None:
        """The end of an attempt is not recorded, so its lease will run out.

        In an outage these reports are only counted.
        """
        if self._loops:
            self._reports += 1
        else:
            log.warning("a report was not accepted; the lease will run out", item=item)
