"""The first page: what runs, what waits, what has failed, and the last hour; it changes while somebody looks."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from enginehouse.domain.status import JobStatus
from enginehouse.operations import events, overview
from enginehouse.operations.events import FollowingOrganization
from enginehouse.web.html import render
from enginehouse.web.page_request import HtmlPage, Page, PageRequest

_LOOK: Final = 1.0  # seconds after which a stream notices that its turn is over
_AGAIN: Final = 15  # looks after which the page is sent anew, although no job has changed: the minutes go on
_NEXT_TURN: Final = 5_000  # ms until the browser opens such a stream again
_HEADERS: Final = {"x-accel-buffering": "no"}
MOVES: Final = (
    ("created", "--accent", "[]"), ("complete", "--complete", "[8, 4]"), ("failed", "--failed", "[2, 3]"),
    ("aborted", "--aborted", "[8, 3, 2, 3]"),
)  # fmt: skip
"""What the chart draws: each with its colour, and its dashes, so that none is told by its colour alone."""


async def show(request: PageRequest) -> HtmlPage:
    """GET /: the state of the organization now."""
    return HtmlPage("overview.html", {"title": "Overview", **await _values(request)})


async def live(request: PageRequest) -> Response:
    """GET /overview/live: the changing part of the page, again whenever jobs have changed, twice a second at most."""
    following = await events.follow_organization(request.house, request.principal)
    return StreamingResponse(_messages(request, following), media_type="text/event-stream", headers=_HEADERS)


async def _messages(request: PageRequest, following: FollowingOrganization) -> AsyncIterator[str]:
    looks = 0
    with request.streams.turn(request.session.secret) as turn:
        async with following:
            while (news := await following.next(_LOOK)) is not None:
                if turn.is_over:
                    yield f"retry: {_NEXT_TURN}\nevent: turn\ndata: \n\n"
                    return
                looks += 1
                if news or looks >= _AGAIN:
                    looks = 0
                    html = render("overview_live.html", may_create=request.may_change, **await _values(request))
                    yield "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"
    yield "event: ended\ndata: \n\n"


async def _values(request: PageRequest) -> Mapping[str, Any]:
    found = await overview.now(request.house, request.principal)
    return {
        "found": found,
        "statuses": list(JobStatus),
        "at_work": found.workers,
        "moves": MOVES,
        "rates": found.rates[::-1],
        "is_empty": not any(found.counts.values()),
        "most_waiting": 1_000,
    }


PAGES: Final[tuple[Page, ...]] = (("GET", "/", show), ("GET", "/overview/live", live))
