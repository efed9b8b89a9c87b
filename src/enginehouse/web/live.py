"""The stream of a page: the parts that change, sent again when something has happened."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.responses import Response, StreamingResponse

from enginehouse.domain.errors import NotFound
from enginehouse.domain.refs import Ref
from enginehouse.operations import events
from enginehouse.operations.events import Following
from enginehouse.web import job_view, task_stream, task_view
from enginehouse.web.page_request import Page, PageRequest

_LOOK: Final = 1.0  # seconds after which a stream notices that its turn is over, and looks at the log
_SILENCE: Final = 15  # looks without news after which a comment keeps the connection open
_NEXT_TURN: Final = 5_000  # ms until the browser opens such a stream again
_PAUSE: Final = 0.5  # seconds between two messages
_HEADERS: Final = {"x-accel-buffering": "no"}
_OVER: Final = f"retry: {_NEXT_TURN}\nevent: turn\ndata: \n\n"
_ENDED: Final = "event: ended\ndata: \n\n"
_LINE_ENDS: Final = re.compile(r"\r\n|\r|\n")


class PageFeed(Protocol):
    """What the stream of one page sends."""

    async def changed(self) -> str:
        """Returns what has changed after an event. Raises NotFound."""

    async def printed(self) -> str:
        """Returns what has changed without one, perhaps nothing."""

    async def rest(self) -> str:
        """Returns what is left when there will be no more events, perhaps nothing. It is called until there is none."""

    def place(self, event: int) -> str:
        """Returns the place from which a stream that broke off goes on."""


@dataclass(frozen=True, slots=True)
class JobFeed:
    """The feed of the page of a job."""

    request: PageRequest
    ref: Ref

    async def changed(self) -> str:
        """Returns the part of the page that changes. Raises NotFound."""
        house, principal = self.request.house, self.request.principal
        found = await job_view.overview(house, principal, self.ref)
        return job_view.live_part(job_view.values(house, principal, found))

    async def printed(self) -> str:
        return ""

    async def rest(self) -> str:
        return ""

    def place(self, event: int) -> str:
        return str(event)


async def job(request: PageRequest) -> Response:
    """GET /jobs/{id}/live: a message for every change of the job, until it ends. Raises NotFound."""
    ref = job_view.ref_of(request.path("id"))
    return await _stream(request, ref, JobFeed(request, ref), "after")


async def task(request: PageRequest) -> Response:
    """GET /jobs/{id}/tasks/{n}/live: the parts of the page that change, and what is printed. Raises NotFound."""
    ref = task_view.ref_of(request)
    return await _stream(request, Ref.of(ref.job_id), await task_stream.opened(request, ref), "event")


async def _stream(request: PageRequest, ref: Ref, feed: PageFeed, name: str) -> Response:
    after = _after(request, name)
    following = await events.follow(request.house, request.principal, ref, after=after)
    messages = _messages(request, following, feed, after)
    return StreamingResponse(messages, media_type="text/event-stream", headers=_HEADERS)


async def _messages(request: PageRequest, following: Following, feed: PageFeed, event: int) -> AsyncIterator[str]:
    """Yields the messages. A stream that breaks off because the server stops does not say that it has ended."""
    quiet = 0
    with request.streams.turn(request.session.secret) as turn:
        async with following:
            while (news := await following.next(_LOOK)) is not None:
                if turn.is_over:
                    yield _OVER
                    return
                event = news[-1].id if news else event
                try:
                    html = await (feed.changed() if news else feed.printed())
                except NotFound:
                    break
                quiet = 0 if html else quiet + 1
                if html:
                    yield _message(html, feed.place(event))
                    await asyncio.sleep(_PAUSE)
                elif quiet % _SILENCE == 0:
                    yield ": still here\n\n"
            else:
                if following.ended is None and not following.gone:
                    return
            while html := await feed.rest():
                yield _message(html, feed.place(event))
    yield _ENDED


def _after(request: PageRequest, name: str) -> int:
    """Returns the last event that the page knows: from the stream that broke off, or from the address."""
    text = (request.http.headers.get("last-event-id") or request.query(name)).partition(".")[0]
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else events.FIRST


def _message(html: str, place: str) -> str:
    lines = "".join(f"data: {line}\n" for line in _LINE_ENDS.split(html))
    return f"id: {place}\n{lines}\n"


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/jobs/{id}/live", job),
    ("GET", "/jobs/{id}/tasks/{n}/live", task),
)
