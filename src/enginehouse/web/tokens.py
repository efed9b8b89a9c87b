"""The keys and sessions of an organization, for its administrators. A new secret is shown once."""

from collections.abc import Mapping
from typing import Final

from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Role, Token, TokenKind
from enginehouse.operations import identity, maintenance, token_users
from enginehouse.operations.sessions import IssuedToken
from enginehouse.web import refs
from enginehouse.web.page_request import GoTo, HtmlPage, Page, PageRequest

_DAY: Final = 86_400_000_000
_MOST_DAYS: Final = 36_500
_BLANK: Final = {"name": "", "role": Role.USER.value, "days": ""}


async def show_all(request: PageRequest) -> HtmlPage:
    """GET /tokens: the keys of the organization, and who is signed in."""
    return await _all(request)


async def _all(
    request: PageRequest,
    given: Mapping[str, str] = _BLANK,
    faults: tuple[str, ...] = (),
    issued: IssuedToken | None = None,
) -> HtmlPage:
    found, people = await token_users.list_(request.house, request.principal)
    return HtmlPage(
        "tokens.html",
        {
            "title": "Tokens",
            "keys": [token for token in found if token.kind is not TokenKind.SESSION],
            "sessions": [token for token in found if token.kind is TokenKind.SESSION],
            "key_names": {token.id: shown_name(token) for token in found},
            "users": people,
            "this": request.principal.token_id,
            "roles": [role for role in Role if request.principal.role.covers(role)],
            "given": given,
            "faults": faults,
            "secret": None if issued is None else issued.secret,
        },
        400 if faults else 200,
    )


def shown_name(token: Token) -> str:
    """Returns the name of a key, or else the beginning of its secret."""
    return token.name or f"{token.prefix}…"


async def create(request: PageRequest) -> HtmlPage:
    """POST /tokens: the key exists, and this page is the only place with its secret."""
    given = {name: request.form.get(name, otherwise).strip() for name, otherwise in _BLANK.items()}
    try:
        role, days = _role(given["role"]), _days(given["days"])
        now = await maintenance.storage_time(request.house)
        issued = await identity.create_token(
            request.house,
            request.principal,
            name=given["name"] or None,
            role=role,
            expires_at=None if days is None else now + days * _DAY,
        )
    except InvalidInput as refused:
        return await _all(request, given, tuple(problem.message for problem in refused.problems))
    return await _all(request, issued=issued)


async def revoke(request: PageRequest) -> GoTo:
    """POST /tokens/{id}/revoke: the token is not valid any more, and neither are the sessions that it has opened."""
    await identity.revoke_token(request.house, request.principal, refs.uuid(request.path("id")).uuid)
    return GoTo("/tokens")


def _role(word: str) -> Role:
    if word not in set(Role):
        raise InvalidInput(f"one of {', '.join(Role)}, got {word[:40]}.", "role")
    return Role(word)


def _days(text: str) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= _MOST_DAYS:
        return int(text)
    raise InvalidInput([Problem("days", f"1–{_MOST_DAYS}, or nothing for no end, got {text[:40]}.")])


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/tokens", show_all),
    ("POST", "/tokens", create),
    ("POST", "/tokens/{id}/revoke", revoke),
)
