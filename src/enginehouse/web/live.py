"""The stream of a page: the part that changes, sent again when something has happened."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response, StreamingResponse

from enginehouse.domain.errors import NotFound
from enginehouse.domain.refs import Ref
from enginehouse.operations import events
from enginehouse.operations.events import Following
from enginehouse.web import job_view
from enginehouse.web.page_request import Page, PageRequest

_LOOK: Final = 1.0  # seconds after which a stream notices that its turn is over
_SILENCE: Final = 15.0  # seconds after which a comment keeps the connection open
_NEXT_TURN: Final = 5_000  # ms until the browser opens such a stream again
_PAUSE: Final = 0.5  # seconds between two messages
_HEADERS: Final = {"x-accel-buffering": "no"}


async def job(request: PageRequest) -> Response:
    """GET /jobs/{id}/live: a message for every change of the job, until it ends. Raises NotFound."""
    ref = job_view.ref_of(request.path("id"))
    following = await events.follow(request.house, request.principal, ref, after=_after(request))
    return StreamingResponse(_messages(request, ref, following), media_type="text/event-stream", headers=_HEADERS)


async def _messages(request: PageRequest, ref: Ref, following: Following) -> AsyncIterator[str]:
    silent = 0.0
    with request.streams.turn(request.session.secret) as turn:
        async with following:
            while (news := await following.next(_LOOK)) is not None:
                if turn.is_over:
                    yield f"retry: {_NEXT_TURN}\nevent: turn\ndata: \n\n"
                    return
                if not news:
                    silent += _LOOK
                    if silent >= _SILENCE:
                        silent = 0.0
                        yield ": still here\n\n"
                    continue
                silent = 0.0
                try:
                    found = await job_view.values(request.house, request.principal, ref)
                except NotFound:
                    break
                yield _message(job_view.live_part(found), news[-1].id)
                await asyncio.sleep(_PAUSE)
    yield "event: ended\ndata: \n\n"


def _after(request: PageRequest) -> int:
    """Returns the last event that the page knows: from the stream that broke off, or from the address."""
    text = request.http.headers.get("last-event-id") or request.query("after")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else events.FIRST


def _message(html: str, event_id: int) -> str:
    lines = "".join(f"data: {line}\n" for line in html.splitlines())
    return f"id: {event_id}\n{lines}\n"


PAGES: Final[tuple[Page, ...]] = (("GET", "/jobs/{id}/live", job),)
