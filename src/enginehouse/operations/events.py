"""The history of a job: as a list, or followed until the job ends."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.event import Event, Head, HistoryPosition
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.operations.house import House
from enginehouse.operations.job_watches import Watched
from enginehouse.operations.organization_feeds import Counts
from enginehouse.operations.permission import require
from enginehouse.storage import events
from enginehouse.storage.database.database import Tx

FIRST: Final = -1  # the place before the first event, which is 0
_PAGE: Final = 200


class EventPage(NamedTuple):
    """Up to `limit` events of a job after the event id `after`."""

    job_id: int
    after: int = FIRST
    limit: int = 1_000


async def list_(house: House, principal: Principal, ref: Ref, *, after: int = FIRST, limit: int = 1_000) -> list[Event]:
    """Returns up to `limit` events of the job after the event id `after`, in the order in which they happened.

    Raises NotFound, InvalidInput.
    """
    page = EventPage(ref.number, after, limit)
    result = await pages(house, principal, [page])
    if page not in result:
        raise NotFound("Job", ref.text)
    return result[page]


class EventWindow(NamedTuple):
    """A part of the history of a job, and the id of the last event of all, from which a follower goes on."""

    events: list[Event]
    last: int


async def read_last(tx: Tx, principal: Principal, ref: Ref) -> int:
    """Returns the id of the last event of the job, in this transaction. Raises NotFound."""
    return (await _end(tx, principal, ref))[1]


async def read_window(tx: Tx, principal: Principal, ref: Ref, *, after: int | None, limit: int) -> EventWindow:
    """Returns up to `limit` events after `after`, by default the last ones, in this transaction. Raises NotFound."""
    head, last = await _end(tx, principal, ref)
    first = max(FIRST, last - limit) if after is None else after
    happened, _ = await events.page(tx, head, first, limit)
    return EventWindow(happened[:limit], last)


async def _end(tx: Tx, principal: Principal, ref: Ref) -> tuple[Head, int]:
    found = await events.end(tx, principal.organization_id, ref.number)
    if found is None:
        raise NotFound("Job", ref.text)
    return found


def check(house: House, page: EventPage) -> None:
    """Raises InvalidInput for a page out of bounds."""
    most = house.limits.page_size
    if not 1 <= page.limit <= most:
        raise InvalidInput(f"1–{most}, got {page.limit}.", "limit")
    if page.after < FIRST:
        raise InvalidInput(f"0 or more, got {page.after}.", "after")


async def pages(house: House, principal: Principal, event_pages: Sequence[EventPage]) -> dict[EventPage, list[Event]]:
    """Returns the pages of jobs that belong to the caller's organization. Raises InvalidInput."""
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
    """Follows the job's events after `after`, as they happen. Close the result, or use it in an `async with`.

    Raises NotFound, CapacityExceeded, and InvalidInput at `name` for an `after` beyond the end of the history.
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
    """A follower of a job. It has no queue: a slow follower reads the next events when it is ready."""

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
        """Reads the first page of events. Call it once, before `next`."""
        self._first = await self._read()
        if self._here is not None and self._here.id < self._after:
            raise InvalidInput(f"the job has events up to {self._here.id}, got {self._after}.", name)

    async def next(self, seconds: float) -> list[Event] | None:
        """Returns the next events; an empty list if nothing happened within `seconds`; None if there will be no more.

        After None, `ended` is the job's last status, or `gone` is true, or neither: the server stops.
        """
        news = await self._next(seconds)
        if news:
            self._after = news[-1].id
        return news

    def close(self) -> None:
        """Ends this follower."""
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
        """Reads the next page for this follower alone. After the last page, `_here` is the place behind it."""

        async def read(tx: Tx) -> tuple[Head, list[Event], HistoryPosition]:
            head = await _head(tx, self._principal, self._ref)
            return head, *await events.page(tx, head, self._after, _PAGE)

        head, news, place = await self._house.database.read(read)
        if len(news) < _PAGE:
            self._here = place
            self.ended = head.status if head.status in JOB_ENDED else None
        return news


async def follow_organization(house: House, principal: Principal) -> "FollowingOrganization":
    """Follows the numbers of the organization's jobs, at most twice a second. Close the result, or use `async with`.

    Raises CapacityExceeded: it counts among the followers of jobs.
    """
    require(principal, Role.READER)
    house.watches.enter(principal.organization_id)
    return FollowingOrganization(house, principal.organization_id)


class FollowingOrganization:
    """A follower of an organization. A slow one gets the numbers of now, and not those in between."""

    def __init__(self, house: House, organization_id: int) -> None:
        self._house = house
        self._organization_id = organization_id
        self._seen = 0
        self._closed = False
        self._feed = house.feeds.follow(organization_id)
        self.ended: JobStatus | None = None  # an organization has no end
        self.gone = False

    async def __aenter__(self) -> "FollowingOrganization":
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.close()

    async def next(self, seconds: float) -> list[Counts] | None:
        """Returns the numbers if they have changed since the last call, [] if not within `seconds`; None at the end.

        The first call returns them at once. The end is that of the server.
        """
        await self._feed.news(self._seen, seconds)
        if self._house.feeds.closed:
            return None
        if self._feed.number == self._seen or self._feed.counts is None:
            return []
        self._seen = self._feed.number
        return [self._feed.counts]

    def close(self) -> None:
        """Ends this follower."""
        if not self._closed:
            self._closed = True
            self._house.watches.leave(self._organization_id)
            self._house.feeds.let_go(self._organization_id)


async def _head(tx: Tx, principal: Principal, ref: Ref) -> Head:
    heads = await events.heads(tx, [(ref.number, principal.organization_id)])
    if ref.number not in heads:
        raise NotFound("Job", ref.text)
    return heads[ref.number]
