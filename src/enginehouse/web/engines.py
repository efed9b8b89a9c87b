"""The engines: what waits, runs and fails of each, what holds it back, its pause and its limit."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from enginehouse.domain.engine import Engine
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Principal, Role
from enginehouse.operations import engine_numbers, limits
from enginehouse.operations.house import House
from enginehouse.web.page_request import GoTo, HtmlPage, Page, PageRequest


async def show(request: PageRequest) -> HtmlPage:
    """GET /engines: every engine that the organization may use."""
    found = await engine_numbers.of_all(request.house, request.principal)
    return HtmlPage(
        "engines.html",
        {
            "title": "Engines",
            "found": found,
            "changeable": {each.engine.spec.id for each in found if _may_change(request.principal, each.engine)},
            "most_waiting": engine_numbers.MOST_COUNTED,
            "largest_limit": limits.LARGEST_LIMIT,
        },
    )


def _may_change(principal: Principal, engine: Engine) -> bool:
    """Whether the person may pause and limit the engine: a shared one only as a super administrator."""
    return principal.role.covers(Role.ADMIN) and (principal.super_admin or engine.organization_id is not None)


async def pause(request: PageRequest) -> GoTo:
    """POST /engines/{id}/pause: none of its tasks starts any more."""
    return await _do(request, limits.pause_engine)


async def resume(request: PageRequest) -> GoTo:
    """POST /engines/{id}/resume: its tasks start again."""
    return await _do(request, limits.resume_engine)


async def limit(request: PageRequest) -> GoTo:
    """POST /engines/{id}/limit: so many of its attempts may run at once; empty is no limit. Raises InvalidInput."""
    text = request.form.get("limit", "").strip()
    if text and not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput(f'a whole number from 0 to {limits.LARGEST_LIMIT}, or nothing, got "{text[:40]}".', "limit")
    number = int(text) if text else None
    return await _do(request, lambda house, principal, name: limits.limit_engine(house, principal, name, number))


async def _do(request: PageRequest, act: Callable[[House, Principal, str], Awaitable[Any]]) -> GoTo:
    await act(request.house, request.principal, request.path("id"))
    return GoTo("/engines")


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/engines", show),
    ("POST", "/engines/{id}/pause", pause),
    ("POST", "/engines/{id}/resume", resume),
    ("POST", "/engines/{id}/limit", limit),
)
