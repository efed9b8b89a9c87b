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
from enginehouse.web.visit import Visit

_SILENCE: Final = 15.0  # seconds after which a comment keeps the connection open
_PAUSE: Final = 0.5  # seconds between two messages
_HEADERS: Final = {"x-accel-buffering": "no"}


async def job(visit: Visit) -> Response:
    """GET /jobs/{id}/live: a message for every change of the job, until it ends. Raises NotFound."""
    ref = job_view.ref_of(visit.path("id"))
    following = await events.follow(visit.house, visit.principal, ref, after=_after(visit))
    return StreamingResponse(_messages(visit, ref, following), media_type="text/event-stream", headers=_HEADERS)


async def _messages(visit: Visit, ref: Ref, following: Following) -> AsyncIterator[str]:
    async with following:
        while (news := await following.next(_SILENCE)) is not None:
            if not news:
                yield ": still here\n\n"
                continue
            try:
                found = await job_view.values(visit.house, visit.principal, ref)
            except NotFound:
                break
            yield _message(job_view.live_part(found), news[-1].id)
            await asyncio.sleep(_PAUSE)
    yield "event: ended\ndata: \n\n"


def _after(visit: Visit) -> int:
    """Returns the last event that the page knows: from the stream that broke off, or from the address."""
    text = visit.request.headers.get("last-event-id") or visit.query("after")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else events.FIRST


def _message(html: str, event_id: int) -> str:
    lines = "".join(f"data: {line}\n" for line in html.splitlines())
    return f"id: {event_id}\n{lines}\n"
