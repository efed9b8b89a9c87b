"""The page of a task: its state and why, its items, attempts, log, outputs, routes and payload."""

from typing import Final
from urllib.parse import urlencode

from enginehouse.domain.work import Attempt
from enginehouse.operations.attempts import LogPart
from enginehouse.web import task_view
from enginehouse.web.page_request import HtmlPage, Page, PageRequest
from enginehouse.web.task_view import Choice


async def show(request: PageRequest) -> HtmlPage:
    """GET /jobs/{id}/tasks/{n}: one task."""
    ref, choice = task_view.ref_of(request), Choice.of(request)
    found = await task_view.values(request, ref, choice)
    log = await task_view.log_values(request, ref, found["shown"], choice)
    return HtmlPage(
        "task.html",
        {
            "title": found["label"],
            **found,
            **task_view.fixed(request, found["job"], found["task"]),
            **log,
            "stream_query": _stream_query(request, found["shown"], log["log"], found["last_event"]),
            "may_change": request.may_change,
        },
    )


def _stream_query(request: PageRequest, shown: Attempt | None, log: LogPart | None, event: int) -> str:
    """Returns what the stream needs to know of the page: what the address chooses, and how far its log goes."""
    chosen = {name: text for name in ("attempt", "status", "after", "output") if (text := request.query(name))}
    if shown is not None:
        chosen["seen"] = f"{shown.item}.{shown.number}"
        is_earlier = log is not None and log.next < log.size
        chosen["log"] = "none" if is_earlier else str(0 if log is None else log.next)
    return urlencode({**chosen, "event": event})


PAGES: Final[tuple[Page, ...]] = (("GET", "/jobs/{id}/tasks/{n}", show),)
