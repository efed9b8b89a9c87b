"""One outage of the storage, however many loops meet it: a line when it begins, and one when it is over."""

import time
from collections.abc import Callable

import structlog

from enginehouse.domain.work import ItemKey

log = structlog.get_logger(__name__)


class Outage:
    """What the loops of a server know together about a storage that does not answer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = 0.0
        self._loops: set[str] = set()
        self._reports = 0

    def begin(self, loop: str, reason: str) -> None:
        """The loop waits for the storage. The first one that does says so in the log."""
        if not self._loops:
            self._since = self._clock()
            log.warning("storage is not reachable", loop=loop, reason=reason)
        self._loops.add(loop)

    def end(self, loop: str) -> None:
        """The loop has had an answer. The last one that waited for it says in the log how long the outage was."""
        if loop not in self._loops:
            return
        self._loops.remove(loop)
        if not self._loops:
            seconds = round(self._clock() - self._since, 1)
            log.warning("storage is reachable again", seconds=seconds, reports_lost=self._reports)
            self._reports = 0

    def lose_report(self, item: ItemKey) -> None:
        """An attempt's end is recorded nowhere; its lease will run out. In an outage such reports are only counted."""
        if self._loops:
            self._reports += 1
        else:
            log.warning("a report was not accepted; the lease will run out", item=item)
