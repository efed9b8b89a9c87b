"""Tells those who follow an organization that the numbers of its jobs have changed: twice a second at most.

All followers of this process share one read of the numbers. A notice of another server has no content, so it only
starts that read; and without any notice the numbers are read every few seconds.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.status import JobStatus
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import queries

PAUSE: Final = 0.5  # seconds between two reads
_EVERY: Final = 5.0  # seconds after which the numbers are read without a notice
_log: Final = structlog.get_logger(__name__)

Counts = Mapping[JobStatus, int]


async def counts(tx: Tx, organization_id: int) -> Counts:
    """Returns how many jobs of the organization have each status."""
    return of_each(await queries.counts_by_status(tx, organization_id))


def of_each(counted: queries.StatusCounts) -> Counts:
    """Returns the same for every status, also for those that no job has."""
    return {status: counted.totals[status.value] for status in JobStatus}


@dataclass(slots=True, eq=False)
class Feed:
    """The numbers of a followed organization. `number` rises with each change."""

    counts: Counts | None = None
    number: int = 0
    followers: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, counts: Counts) -> None:
        """Wakes the followers if the numbers have changed."""
        if counts != self.counts:
            self.counts = counts
            self.number += 1
            self.wake()

    def wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def news(self, after: int, seconds: float) -> None:
        """Waits until the number is greater than `after`, at most so long."""
        if self.number <= after:
            news = self._news
            try:
                async with asyncio.timeout(seconds):
                    await news.wait()
            except TimeoutError:
                return


class OrganizationFeeds:
    """The followed organizations of this process. `tell_others` wakes the other servers."""

    def __init__(self, database: Database, *, pause: float = PAUSE) -> None:
        self._database = database
        self._pause = pause
        self._feeds: dict[int, Feed] = {}
        self._changed: set[int] = set()
        self._something = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._telling: asyncio.TimerHandle | None = None
        self.tell_others: Callable[[], None] | None = None
        self.closed = False

    def changed(self, organizations: Collection[int]) -> None:
        """A commit has changed the numbers of these organizations. It costs nothing while nobody wants to know."""
        if self._feeds:
            self._mark(self._feeds.keys() & organizations)
        if self.tell_others is not None and self._telling is None and not self.closed:
            self._telling = asyncio.get_running_loop().call_later(self._pause, self._tell, self.tell_others)

    def changed_elsewhere(self) -> None:
        """Another server has changed numbers of any organization."""
        self._mark(self._feeds.keys())

    def follow(self, organization_id: int) -> Feed:
        """Begins to read the numbers of the organization. `let_go` ends it."""
        feed = self._feeds.setdefault(organization_id, Feed())
        feed.followers += 1
        self._mark({organization_id})
        if self._reading is None:
            self._reading = asyncio.create_task(self._keep_reading(), name="organization feeds")
        return feed

    def let_go(self, organization_id: int) -> None:
        """One follower less."""
        feed = self._feeds[organization_id]
        feed.followers -= 1
        if not feed.followers:
            del self._feeds[organization_id]

    async def close(self) -> None:
        """Wakes all followers, which then see `closed`."""
        self.closed = True
        for feed in self._feeds.values():
            feed.wake()
        if self._telling is not None:
            self._telling.cancel()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def _mark(self, organizations: Collection[int]) -> None:
        if organizations:
            self._changed |= set(organizations)
            self._something.set()

    def _tell(self, tell: Callable[[], None]) -> None:
        self._telling = None
        tell()

    async def _keep_reading(self) -> None:
        while self._feeds:
            try:
                async with asyncio.timeout(_EVERY):
                    await self._something.wait()
            except TimeoutError:
                self._changed |= self._feeds.keys()
            self._something.clear()
            chosen, self._changed = sorted(self._changed & self._feeds.keys()), set()
            if chosen:
                await self._read(chosen)
                await asyncio.sleep(self._pause)
        self._reading = None

    async def _read(self, chosen: list[int]) -> None:
        async def read(tx: Tx) -> dict[int, Counts]:
            return {organization_id: await counts(tx, organization_id) for organization_id in chosen}

        try:
            found = await self._database.read(read)
        except Unavailable:
            return  # the next read may succeed
        except Exception:
            _log.exception("the numbers of followed organizations could not be read")
            return
        for organization_id, numbers in found.items():
            if (feed := self._feeds.get(organization_id)) is not None:
                feed.tell(numbers)
