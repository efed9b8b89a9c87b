"""The engines: what waits for each, what holds it back, and its pause."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from enginehouse.domain.engine import Engine
from enginehouse.domain.identity import Principal, Role
from enginehouse.operations import backlog, engine_health, engines, limits
from enginehouse.operations.engines import EngineFilter
from enginehouse.operations.house import House
from enginehouse.web.page_request import GoTo, HtmlPage, Page, PageRequest

_MOST: Final = 1_000


async def show(request: PageRequest) -> HtmlPage:
    """GET /engines: every engine that the organization may use."""
    house, principal = request.house, request.principal
    found = await engines.list_(house, principal, EngineFilter(limit=_MOST))
    waiting = Counter[str]()
    for row in await backlog.summary(house, principal):
        waiting[row.engine_id] += row.tasks
    return HtmlPage(
        "engines.html",
        {
            "title": "Engines",
            "engines": found,
            "waiting": waiting,
            "unavailable": await engine_health.unavailable(house, principal),
            "changeable": {engine.spec.id for engine in found if _may_change(principal, engine)},
            "offered": {engine.spec.id for engine in found if house.presence.offers(engine)},
        },
    )


def _may_change(principal: Principal, engine: Engine) -> bool:
    """Whether the person may pause the engine: a shared one only as a super administrator."""
    return principal.role.covers(Role.ADMIN) and (principal.super_admin or engine.organization_id is not None)


async def pause(request: PageRequest) -> GoTo:
    """POST /engines/{id}/pause: none of its tasks starts any more."""
    return await _do(request, limits.pause_engine)


async def resume(request: PageRequest) -> GoTo:
    """POST /engines/{id}/resume: its tasks start again."""
    return await _do(request, limits.resume_engine)


async def _do(request: PageRequest, act: Callable[[House, Principal, str], Awaitable[Any]]) -> GoTo:
    await act(request.house, request.principal, request.path("id"))
    return GoTo("/engines")


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/engines", show),
    ("POST", "/engines/{id}/pause", pause),
    ("POST", "/engines/{id}/resume", resume),
)
