"""Who follows which job. One look at the database serves all followers of the jobs that changed."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

from enginehouse.domain.errors import CapacityExceeded, Unavailable
from enginehouse.domain.event import Event, Head, HistoryPosition
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.storage import events
from enginehouse.storage.database.database import Database, Tx

_EVERY: Final = 1.0
# Events of a job that are kept for its followers; a follower that is further behind reads by itself.
_KEPT: Final = 256

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Watched:
    """A job that somebody follows: its last events, up to `place`. `ended` is set once nothing more will be told."""

    job_id: int
    organization_id: int
    place: HistoryPosition
    ended: JobStatus | None = None
    gone: bool = False
    followers: int = 0
    recent: deque[Event] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _news: "asyncio.Future[None] | None" = None

    @property
    def over(self) -> bool:
        return self.ended is not None or self.gone

    def since(self, event_id: int) -> list[Event] | None:
        """The events after that one, in order; None where they are not all at hand."""
        if event_id >= self.place.id:
            return []
        if not self.recent or self.recent[0].id > event_id + 1:
            return None
        return [event for event in self.recent if event.id > event_id]

    async def news(self, seconds: float) -> None:
        """Something was told since this was called, or the time is over."""
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        await asyncio.wait({self._news}, timeout=seconds)

    def wake(self) -> None:
        """Everybody who waits for news goes on."""
        if self._news is not None:
            self._news.set_result(None)
            self._news = None


class JobWatches:
    """The followed jobs of this process. A look is one transaction however many they are and whoever follows them.

    A commit in this process is told at once (`changed`); everything is looked at once a second besides, so that what
    other servers did, and what nobody told, is told too. While nobody follows anything there is nothing to do.
    """

    def __init__(self, database: Database, *, per_organization: int, every: float = _EVERY) -> None:
        self._database = database
        self._per_organization = per_organization
        self._every = every
        self._watched: dict[int, Watched] = {}
        self._changed: set[int] = set()
        self._something = asyncio.Event()
        self._open: Counter[int] = Counter()
        self._looking: asyncio.Task[None] | None = None
        self.closed = False

    def changed(self, job_ids: Iterable[int]) -> None:
        """Something of these jobs was committed. Free of cost while nobody follows any job."""
        if self._watched:
            followed = self._watched.keys() & job_ids
            if followed:
                self._changed |= followed
                self._something.set()

    def many_changed(self) -> None:
        """Something of jobs that were not named was committed."""
        self.changed(self._watched)

    def enter(self, organization_id: int) -> None:
        """One more of the organization follows a job. Raises CapacityExceeded, and Unavailable once it is closed."""
        if self.closed:
            raise Unavailable("The server is stopping.")
        if self._open[organization_id] >= self._per_organization:
            raise CapacityExceeded(
                f"{self._per_organization} event streams of this organization are open, and no more may be. "
                "Close some, or list events instead."
            )
        self._open[organization_id] += 1

    def leave(self, organization_id: int) -> None:
        self._open[organization_id] -= 1
        if not self._open[organization_id]:
            del self._open[organization_id]

    def follow(self, job_id: int, organization_id: int, place: HistoryPosition) -> Watched:
        """The job is looked at from `place` on, at once and from then on. Let go of it with `let_go`."""
        watched = self._watched.get(job_id)
        if watched is None:
            watched = self._watched[job_id] = Watched(job_id, organization_id, place)
        watched.followers += 1
        self.changed([job_id])
        if self._looking is None:
            self._looking = asyncio.create_task(self._keep_looking(), name="watches")
        return watched

    def let_go(self, watched: Watched) -> None:
        watched.followers -= 1
        if not watched.followers:
            del self._watched[watched.job_id]
            self._changed.discard(watched.job_id)

    async def close(self) -> None:
        """Nobody is told anything any more; who follows a job finds `closed`."""
        self.closed = True
        for watched in self._watched.values():
            watched.wake()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def _keep_looking(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._every
        while self._watched:
            try:
                async with asyncio.timeout_at(due):
                    await self._something.wait()
            except TimeoutError:
                pass
            if loop.time() >= due:
                self._changed.update(self._watched)
                due = loop.time() + self._every
            self._something.clear()
            chosen, self._changed = self._changed, set()
            await self._look([self._watched[job_id] for job_id in chosen if job_id in self._watched])
        self._looking = None

    async def _look(self, chosen: list[Watched]) -> None:
        jobs = sorted((watched.job_id, watched.organization_id) for watched in chosen)
        places = {watched.job_id: watched.place for watched in chosen}

        async def read(tx: Tx) -> tuple[dict[int, Head], dict[int, tuple[list[Event], HistoryPosition]]]:
            heads = await events.heads(tx, jobs)
            return heads, await events.news(tx, [(head, places[job_id]) for job_id, head in heads.items()])

        try:
            heads, news = await self._database.read(read)
        except Unavailable:
            return  # it may be back at the next look
        except Exception:
            _log.exception("what is new of followed jobs could not be read", jobs=len(chosen))
            return
        for watched in chosen:
            self._tell(watched, heads.get(watched.job_id), *news.get(watched.job_id, ([], watched.place)))

    def _tell(self, watched: Watched, head: Head | None, news: list[Event], place: HistoryPosition) -> None:
        watched.recent.extend(news)
        watched.place = place
        if head is None:
            watched.gone = True
        elif place.row < head.last:
            self._changed.add(watched.job_id)  # there was more than one look holds
            self._something.set()
        elif head.status in JOB_ENDED:
            watched.ended = head.status
        if news or watched.over:
            watched.wake()
