"""The people of an organization, for its administrators: who may sign in, and what each may do."""

from collections.abc import Mapping
from typing import Any, Final

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Role, UserRequest, UserStatus
from enginehouse.operations import accounts, passwords, users
from enginehouse.operations.users import UserFilter
from enginehouse.web import refs
from enginehouse.web.page_request import Answer, GoTo, HtmlPage, Page, PageRequest

MOST: Final = 500
_BLANK: Final = {"name": "", "display_name": "", "email": "", "role": Role.USER.value}


async def show_all(request: PageRequest) -> HtmlPage:
    """GET /people: the users of the organization."""
    return await _all(request)


async def _all(request: PageRequest, given: Mapping[str, str] = _BLANK, faults: tuple[str, ...] = ()) -> HtmlPage:
    part = request.query("name")
    found = await users.list_(request.house, request.principal, UserFilter(name=part or None))
    return HtmlPage(
        "people.html",
        {
            "title": "People",
            "users": found[:MOST],
            "count": len(found),
            "part": part,
            "roles": list(Role),
            "shortest": passwords.SHORTEST,
            "given": given,
            "faults": faults,
        },
        400 if faults else 200,
    )


async def create(request: PageRequest) -> Answer:
    """POST /people: the person may sign in, or the form says what is wrong."""
    given = {name: request.form.get(name, otherwise).strip() for name, otherwise in _BLANK.items()}
    try:
        made = await accounts.create_user(
            request.house,
            request.principal,
            name=given["name"],
            password=request.form.get("password") or None,
            role=_role(given["role"]),
            display_name=given["display_name"] or None,
            email=given["email"] or None,
        )
    except InvalidInput as refused:
        return await _all(request, given, tuple(problem.message for problem in refused.problems))
    return GoTo(f"/people/{made.id}")


async def show(request: PageRequest) -> HtmlPage:
    """GET /people/{id}: one person, and what can be changed."""
    return await _one(request)


async def _one(request: PageRequest, faults: tuple[str, ...] = (), done: str = "") -> HtmlPage:
    found = await users.get(request.house, request.principal, refs.uuid(request.path("id")))
    is_own_root = request.principal.super_admin and request.principal.role is Role.ADMIN
    values: dict[str, Any] = {
        "title": found.display_name or found.name,
        "user": found,
        "roles": list(Role),
        "shortest": passwords.SHORTEST,
        "may_change": request.principal.role is Role.ADMIN
        and found.status is not UserStatus.DELETED
        and (is_own_root or not found.super_admin),
        "is_self": found.id == request.principal.user_id,
        "faults": faults,
        "done": done,
    }
    return HtmlPage("person.html", values, 400 if faults else 200)


async def update(request: PageRequest) -> Answer:
    """POST /people/{id}: the role and the names are these."""
    wanted = UserRequest(
        role=_role(request.form.get("role", "")),
        display_name=request.form.get("display_name", "").strip(),
        email=request.form.get("email", "").strip(),
    )
    ref = refs.uuid(request.path("id"))
    try:
        await users.update(request.house, request.principal, ref, wanted)
    except InvalidInput as refused:
        return await _one(request, tuple(problem.message for problem in refused.problems))
    return GoTo(f"/people/{ref.uuid}")


async def set_password(request: PageRequest) -> Answer:
    """POST /people/{id}/password: the person signs in with this one, and every session has ended."""
    ref = refs.uuid(request.path("id"))
    try:
        await users.set_password(request.house, request.principal, ref, request.form.get("password", ""))
    except InvalidInput as refused:
        return await _one(request, tuple(problem.message for problem in refused.problems))
    if ref.key == request.principal.user_id:
        return GoTo("/sign-in")
    return await _one(request, done="The password is set, and the person's sessions have ended.")


async def suspend(request: PageRequest) -> Answer:
    """POST /people/{id}/suspend: the person cannot sign in, and its tokens are not valid."""
    return await _set_status(request, UserStatus.SUSPENDED)


async def restore(request: PageRequest) -> Answer:
    """POST /people/{id}/restore: the person may sign in again."""
    return await _set_status(request, UserStatus.ACTIVE)


async def _set_status(request: PageRequest, status: UserStatus) -> Answer:
    ref = refs.uuid(request.path("id"))
    try:
        await users.set_status(request.house, request.principal, ref, status)
    except InvalidInput as refused:
        return await _one(request, tuple(problem.text for problem in refused.problems))
    return GoTo(f"/people/{ref.uuid}")


async def delete(request: PageRequest) -> Answer:
    """POST /people/{id}/delete: the name is free again; what the person has made stays."""
    try:
        await users.delete(request.house, request.principal, refs.uuid(request.path("id")))
    except InvalidInput as refused:
        return await _one(request, tuple(problem.text for problem in refused.problems))
    return GoTo("/people")


def _role(word: str) -> Role:
    """Returns the role. Raises InvalidInput for another word."""
    if word not in set(Role):
        raise InvalidInput(f"one of {', '.join(Role)}, got {word[:40]}.", "role")
    return Role(word)


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/people", show_all),
    ("POST", "/people", create),
    ("GET", "/people/{id}", show),
    ("POST", "/people/{id}", update),
    ("POST", "/people/{id}/password", set_password),
    ("POST", "/people/{id}/suspend", suspend),
    ("POST", "/people/{id}/restore", restore),
    ("POST", "/people/{id}/delete", delete),
)
