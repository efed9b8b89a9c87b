"""The organizations of the server, for super administrators: their shares of the worker slots, and their pauses."""

from typing import Final

from enginehouse.domain.errors import InvalidInput, NotFound, Problem
from enginehouse.domain.ids import parse_number
from enginehouse.operations import accounts, limits
from enginehouse.operations.permission import require_super_admin
from enginehouse.web.page_request import Answer, GoTo, HtmlPage, Page, PageRequest


async def show_all(request: PageRequest) -> HtmlPage:
    """GET /organizations: every organization."""
    return await _all(request)


async def _all(request: PageRequest, faults: tuple[str, ...] = ()) -> HtmlPage:
    require_super_admin(request.principal)
    found = await accounts.list_organizations(request.house, request.principal)
    values = {
        "title": "Organizations",
        "organizations": found,
        "own": request.principal.organization_id,
        "given": request.form.get("name", ""),
        "faults": faults,
    }
    return HtmlPage("organizations.html", values, 400 if faults else 200)


async def create(request: PageRequest) -> Answer:
    """POST /organizations: it exists; its first user comes from the command line or REST."""
    try:
        await accounts.create_organization(request.house, request.principal, request.form.get("name", "").strip())
    except InvalidInput as refused:
        return await _all(request, tuple(problem.message for problem in refused.problems))
    return GoTo("/organizations")


async def update(request: PageRequest) -> Answer:
    """POST /organizations/{id}: its weight and its limit are these."""
    require_super_admin(request.principal)
    number = _number(request)
    try:
        weight, limit = (_amount(request, name) for name in ("weight", "limit"))
        if weight is None:
            raise InvalidInput([Problem("weight", "a number is needed.")])
        await limits.set_organization(request.house, request.principal, number, weight=weight, running_limit=limit)
    except InvalidInput as refused:
        return await _all(request, tuple(problem.message for problem in refused.problems))
    return GoTo("/organizations")


async def pause(request: PageRequest) -> GoTo:
    """POST /organizations/{id}/pause: none of its tasks starts any more."""
    require_super_admin(request.principal)
    await limits.pause_organization(request.house, request.principal, _number(request))
    return GoTo("/organizations")


async def resume(request: PageRequest) -> GoTo:
    """POST /organizations/{id}/resume: its tasks start again."""
    require_super_admin(request.principal)
    await limits.resume_organization(request.house, request.principal, _number(request))
    return GoTo("/organizations")


def _number(request: PageRequest) -> int:
    number = parse_number(request.path("id"))
    if number is None:
        raise NotFound("Organization", request.path("id")[:40])
    return number


def _amount(request: PageRequest, name: str) -> int | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput([Problem(name, f"a whole number, got {text[:40]}.")])
    return int(text)


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/organizations", show_all),
    ("POST", "/organizations", create),
    ("POST", "/organizations/{id}", update),
    ("POST", "/organizations/{id}/pause", pause),
    ("POST", "/organizations/{id}/resume", resume),
)
