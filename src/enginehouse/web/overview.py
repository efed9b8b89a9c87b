"""The first page: what runs, what waits, what has failed."""

from collections import Counter
from typing import Final

from enginehouse.domain.status import JobStatus
from enginehouse.operations import engines, overview, workers
from enginehouse.web.page_request import HtmlPage, Page, PageRequest


async def show(request: PageRequest) -> HtmlPage:
    """GET /: the state of the organization now."""
    house, principal = request.house, request.principal
    found = await overview.now(house, principal)
    at_work = await workers.summary(house, principal)
    waiting = Counter[str]()
    for row in found.waiting:
        waiting[row.engine_id] += row.tasks
    names = {engine_id: engines.shown(house, principal, engine_id) for engine_id in waiting}
    rows = [
        (engine.spec.name if (engine := names[engine_id]) else engine_id, count)
        for engine_id, count in waiting.most_common()
    ]
    return HtmlPage(
        "overview.html",
        {
            "title": "Overview",
            "found": found,
            "statuses": list(JobStatus),
            "at_work": at_work,
            "waiting": rows,
            "is_empty": not any(found.counts.values()),
        },
    )


PAGES: Final[tuple[Page, ...]] = (("GET", "/", show),)
