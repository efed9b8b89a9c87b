"""The followed jobs of this process. One read of the database serves all followers of the jobs that changed."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

from enginehouse.domain.errors import CapacityExceeded, Unavailable
from enginehouse.domain.event import Event, Head, HistoryPosition
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.storage import events
from enginehouse.storage.database.database import Database, Tx

_EVERY: Final = 1.0
_TELL_AFTER: Final = 0.05  # seconds: the changes of this time are one notice to the other servers
_LOOK_AFTER: Final = 0.1  # seconds: the notices of this time are one read of the followed jobs
# How many events of a job are kept for its followers. A follower that is further behind reads them itself.
_KEPT: Final = 256

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Watched:
    """A followed job: its last events, up to `place`. `ended` is set when there will be no more events."""

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
        """Returns the events after that one, in order; None if not all of them are in memory."""
        if event_id >= self.place.id:
            return []
        if not self.recent or self.recent[0].id > event_id + 1:
            return None
        return [event for event in self.recent if event.id > event_id]

    async def news(self, seconds: float) -> None:
        """Waits for a change of this job, at most `seconds`."""
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        await asyncio.wait({self._news}, timeout=seconds)

    def wake(self) -> None:
        """Wakes everyone who waits in `news`."""
        if self._news is not None:
            self._news.set_result(None)
            self._news = None


class JobWatches:
    """The followed jobs of this process. One read is one transaction for any number of jobs and followers.

    A commit in this process is reported at once (`changed`), one of another server by its notice
    (`changed_elsewhere`). Once a second all followed jobs are read too, because notices can be lost. While there are
    no followers, no task runs. `tell_others` sends a notice to the other servers.
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
        self._due = 0.0
        self._telling: asyncio.TimerHandle | None = None
        self.tell_others: Callable[[], None] | None = None
        self.closed = False

    def changed(self, job_ids: Iterable[int]) -> None:
        """Reports a commit that changed these jobs. It costs nothing while no job is followed and no server is told."""
        if self._watched:
            followed = self._watched.keys() & job_ids
            if followed:
                self._changed |= followed
                self._something.set()
        if self.tell_others is not None and self._telling is None and not self.closed:
            self._telling = asyncio.get_running_loop().call_later(_TELL_AFTER, self._tell_others, self.tell_others)

    def many_changed(self) -> None:
        """Reports a commit that may have changed any job."""
        self.changed(self._watched)

    def changed_elsewhere(self) -> None:
        """Reports that another server changed jobs. The followed ones are read soon."""
        if self._watched:
            self._due = min(self._due, asyncio.get_running_loop().time() + _LOOK_AFTER)
            self._something.set()

    def enter(self, organization_id: int) -> None:
        """Counts one more follower of the organization. Raises CapacityExceeded, and Unavailable after `close`."""
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
        """Begins to read the job's events after `place`, at once and repeatedly. `let_go` ends it."""
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
        """Stops reading and wakes all followers, which then see `closed`."""
        self.closed = True
        for watched in self._watched.values():
            watched.wake()
        if self._telling is not None:
            self._telling.cancel()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    def _tell_others(self, tell: Callable[[], None]) -> None:
        self._telling = None
        tell()

    async def _keep_looking(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + self._every
        while self._watched:
            try:
                async with asyncio.timeout_at(self._due):
                    await self._something.wait()
            except TimeoutError:
                pass
            if loop.time() >= self._due:
                self._changed.update(self._watched)
                self._due = loop.time() + self._every
            self._something.clear()
            chosen, self._changed = self._changed, set()
            if chosen:
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
            return  # the next read may succeed
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
            self._changed.add(watched.job_id)  # there are more events than one read returns
            self._something.set()
        elif head.status in JOB_ENDED:
            watched.ended = head.status
        if news or watched.over:
            watched.wake()
