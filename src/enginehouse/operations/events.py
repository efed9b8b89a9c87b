"""The history of a job: as a list, and followed until the job ends."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.event import Event, Head, HistoryPosition
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.operations.house import House
from enginehouse.operations.job_watches import Watched
from enginehouse.operations.permission import require
from enginehouse.storage import events
from enginehouse.storage.database.database import Tx

FIRST: Final = -1  # where a history begins: before the event 0
_PAGE: Final = 200


class EventPage(NamedTuple):
    """Up to `limit` events of a job, those behind the one with the id `after`."""

    job_id: int
    after: int = FIRST
    limit: int = 1_000


async def list_(house: House, principal: Principal, ref: Ref, *, after: int = FIRST, limit: int = 1_000) -> list[Event]:
    """Up to `limit` events of the job, those behind the one with the id `after`, in the order in which they happened.

    Raises NotFound, InvalidInput.
    """
    page = EventPage(ref.number, after, limit)
    result = await pages(house, principal, [page])
    if page not in result:
        raise NotFound("Job", ref.text)
    return result[page]


def check(house: House, page: EventPage) -> None:
    """Returns when such a page may be asked for. Raises InvalidInput."""
    most = house.limits.page_size
    if not 1 <= page.limit <= most:
        raise InvalidInput(f"1–{most}, got {page.limit}.", "limit")
    if page.after < FIRST:
        raise InvalidInput(f"0 or more, got {page.after}.", "after")


async def pages(house: House, principal: Principal, event_pages: Sequence[EventPage]) -> dict[EventPage, list[Event]]:
    """The pages of those jobs that are the caller's organization's. Raises InvalidInput."""
    require(principal, Role.READER)
    for page in event_pages:
        check(house, page)

    async def read(tx: Tx) -> dict[EventPage, list[Event]]:
        heads = await events.heads(tx, sorted({(page.job_id, principal.organization_id) for page in event_pages}))
        result: dict[EventPage, list[Event]] = {}
        for page in event_pages:
            if (head := heads.get(page.job_id)) is not None:
                happened, _ = await events.page(tx, head, page.after, page.limit)
                result[page] = happened[: page.limit]
        return result

    return await house.database.read(read)


async def follow(
    house: House, principal: Principal, ref: Ref, *, after: int = FIRST, name: str = "after"
) -> "Following":
    """The job's events from there on, as they happen. Close it, or use it in an `async with`.

    Raises NotFound, CapacityExceeded, and InvalidInput at `name` for an `after` that the history has not come to.
    """
    require(principal, Role.READER)
    house.watches.enter(principal.organization_id)
    following = Following(house, principal, ref, after)
    try:
        await following.start(name)
    except BaseException:
        following.close()
        raise
    return following


class Following:
    """A job that is followed. Nothing is kept for a slow follower: each takes the next events when it is ready."""

    def __init__(self, house: House, principal: Principal, ref: Ref, after: int) -> None:
        self._house = house
        self._principal = principal
        self._ref = ref
        self._after = after
        self._first: list[Event] = []
        self._here: HistoryPosition | None = None
        self._watched: Watched | None = None
        self._closed = False
        self.ended: JobStatus | None = None
        self.gone = False

    async def __aenter__(self) -> "Following":
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.close()

    async def start(self, name: str) -> None:
        """What there is now is at hand. To be called once."""
        self._first = await self._read()
        if self._here is not None and self._here.id < self._after:
            raise InvalidInput(f"the job has events up to {self._here.id}, got {self._after}.", name)

    async def next(self, seconds: float) -> list[Event] | None:
        """The events that come next; none when nothing happened in that time. None when there will be no more.

        Then `ended` is the job's status, or `gone` is true, or neither: the server stops.
        """
        news = await self._next(seconds)
        if news:
            self._after = news[-1].id
        return news

    def close(self) -> None:
        """Nothing is kept for this one any more."""
        if not self._closed:
            self._closed = True
            self._house.watches.leave(self._principal.organization_id)
            if self._watched is not None:
                self._house.watches.let_go(self._watched)

    async def _next(self, seconds: float) -> list[Event] | None:
        if self._first:
            news, self._first = self._first, []
            return news
        if self._here is None:
            return await self._read()
        if self.ended is not None:
            return None
        if self._watched is None:
            organization_id = self._principal.organization_id
            self._watched = self._house.watches.follow(self._ref.number, organization_id, self._here)
        return await self._news(self._watched, seconds)

    async def _news(self, watched: Watched, seconds: float) -> list[Event] | None:
        for waited in (False, True):
            if self._house.watches.closed:
                return None
            news = watched.since(self._after)
            if news is None:
                news = await self._read()
            if news:
                return news
            if watched.over:
                self.ended, self.gone = watched.ended, watched.gone
                return None
            if not waited:
                await watched.news(seconds)
        return []

    async def _read(self) -> list[Event]:
        """A page of what comes next, read for this one alone; where it is the last, the place behind it is known."""

        async def read(tx: Tx) -> tuple[Head, list[Event], HistoryPosition]:
            head = await _head(tx, self._principal, self._ref)
            return head, *await events.page(tx, head, self._after, _PAGE)

        head, news, place = await self._house.database.read(read)
        if len(news) < _PAGE:
            self._here = place
            self.ended = head.status if head.status in JOB_ENDED else None
        return news


async def _head(tx: Tx, principal: Principal, ref: Ref) -> Head:
    heads = await events.heads(tx, [(ref.number, principal.organization_id)])
    if ref.number not in heads:
        raise NotFound("Job", ref.text)
    return heads[ref.number]
