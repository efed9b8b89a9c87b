"""The workers: where work runs, and how it is taken off a machine."""

from typing import Final

from enginehouse.operations import engines, worker_drains, workers
from enginehouse.web.page_request import GoTo, HtmlPage, Page, PageRequest


async def show(request: PageRequest) -> HtmlPage:
    """GET /workers: every worker that has reported within a day."""
    house, principal = request.house, request.principal
    found, running = await workers.with_tasks(house, principal)
    names = {
        task.engine_id: engine.spec.name if (engine := engines.shown(house, principal, task.engine_id)) else "an engine"
        for tasks in running.values()
        for task in tasks
    }
    return HtmlPage(
        "workers.html",
        {"title": "Workers", "workers": found, "running": running, "names": names, "may_change": principal.super_admin},
    )


async def drain(request: PageRequest) -> GoTo:
    """POST /workers/{id}/drain: it takes no more work; what runs ends as usual."""
    await worker_drains.drain(request.house, request.principal, request.path("id"))
    return GoTo("/workers")


async def resume(request: PageRequest) -> GoTo:
    """POST /workers/{id}/resume: it takes work again."""
    await worker_drains.resume(request.house, request.principal, request.path("id"))
    return GoTo("/workers")


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/workers", show),
    ("POST", "/workers/{id}/drain", drain),
    ("POST", "/workers/{id}/resume", resume),
)
