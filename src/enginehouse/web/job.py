"""The page of a job, and what can be done with it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.refs import Ref
from enginehouse.operations import events, jobs, limits
from enginehouse.operations.events import EventWindow
from enginehouse.operations.house import House
from enginehouse.operations.job_overview import HistoryChoice
from enginehouse.web import job_view
from enginehouse.web.page_request import GoTo, HtmlPage, Page, PageRequest

_EVENTS: Final = 100  # on one page
_LONGEST_NUMBER: Final = 9  # digits


async def show(request: PageRequest) -> HtmlPage:
    """GET /jobs/{id}: its state, graph, timeline, tasks, outputs and history."""
    ref = job_view.ref_of(request.path("id"))
    house, principal = request.house, request.principal
    choice = HistoryChoice(_after(request), _EVENTS)
    whole = await job_view.overview(house, principal, ref, choice)
    happened, last = whole.history or EventWindow([], events.FIRST)
    before = happened[0].id if happened else 0
    end = happened[-1].id if happened else last
    found = job_view.values(house, principal, whole)
    return HtmlPage(
        "job.html",
        {
            "title": f"Job {found['job_name']}",
            **found,
            "events": happened,
            "earlier": max(events.FIRST, before - 1 - _EVENTS) if before > 0 else None,
            "later": end if end < last else None,
            "last_event": last,
            "may_change": request.may_change,
        },
    )


def _after(request: PageRequest) -> int | None:
    """Returns the event after which the history begins, if the address says it."""
    text = request.query("history")
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST_NUMBER
    return max(events.FIRST, int(text)) if is_number else None


async def cancel(request: PageRequest) -> GoTo:
    """POST /jobs/{id}/cancel: nothing of it starts any more, if it has not started."""
    return await _do(request, jobs.cancel)


async def stop(request: PageRequest) -> GoTo:
    """POST /jobs/{id}/stop: the same, and what runs is stopped."""

    async def stop_all(house: House, principal: Principal, ref: Ref) -> Any:
        return await jobs.cancel(house, principal, ref, include_running=True)

    return await _do(request, stop_all)


async def pause(request: PageRequest) -> GoTo:
    """POST /jobs/{id}/pause: nothing more of it starts."""
    return await _do(request, limits.pause_job)


async def resume(request: PageRequest) -> GoTo:
    """POST /jobs/{id}/resume: it goes on."""
    return await _do(request, limits.resume_job)


async def _do(request: PageRequest, act: Callable[[House, Principal, Ref], Awaitable[Any]]) -> GoTo:
    ref = job_view.ref_of(request.path("id"))
    await act(request.house, request.principal, ref)
    return GoTo(f"/jobs/{job_graphql(ref.number)}")


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/jobs/{id}", show),
    ("POST", "/jobs/{id}/cancel", cancel),
    ("POST", "/jobs/{id}/stop", stop),
    ("POST", "/jobs/{id}/pause", pause),
    ("POST", "/jobs/{id}/resume", resume),
)
