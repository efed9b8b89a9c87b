"""The caller's own account: the password, the sessions and the keys."""

from typing import Final

from enginehouse.domain.errors import CapacityExceeded, InvalidInput, NotAllowed
from enginehouse.domain.identity import Token, TokenKind
from enginehouse.operations import identity, passwords, user_tokens, users
from enginehouse.web import refs
from enginehouse.web.page_request import Answer, GoTo, HtmlPage, Page, PageRequest
from enginehouse.web.tokens import shown_name


async def show(request: PageRequest) -> HtmlPage:
    """GET /account: who is signed in, and everywhere it is."""
    return await _page(request)


async def _page(request: PageRequest, faults: tuple[str, ...] = (), status: int = 400) -> HtmlPage:
    user, organization = await identity.me(request.house, request.principal)
    found: list[Token] | None
    try:
        found = await user_tokens.list_(request.house, request.principal)
    except NotAllowed:
        found = None  # a key that may do less than its user, or that has none
    return HtmlPage(
        "account.html",
        {
            "title": "Account",
            "user": user,
            "organization": organization,
            "role": request.principal.role,
            "is_own": found is not None,
            "sessions": [token for token in found or () if token.kind is TokenKind.SESSION],
            "keys": [token for token in found or () if token.kind is not TokenKind.SESSION],
            "key_names": {token.id: shown_name(token) for token in found or ()},
            "this": request.principal.token_id,
            "shortest": passwords.SHORTEST,
            "faults": faults,
        },
        status if faults else 200,
    )


async def change_password(request: PageRequest) -> Answer:
    """POST /account/password: the new password holds, and every session has ended, this one too."""
    new = request.form.get("new", "")
    try:
        if new != request.form.get("again", ""):
            raise InvalidInput("The new password is not the same twice.")
        await users.change_password(request.house, request.principal, request.form.get("old", ""), new)
    except InvalidInput as refused:
        return await _page(request, tuple(problem.message for problem in refused.problems))
    except CapacityExceeded as refused:
        return await _page(request, (refused.message,), refused.rest_status)
    return GoTo("/sign-in?next=/account")


async def end_others(request: PageRequest) -> GoTo:
    """POST /account/sessions/end: nobody is signed in as this person anywhere else."""
    await user_tokens.end_others(request.house, request.principal)
    return GoTo("/account")


async def revoke(request: PageRequest) -> GoTo:
    """POST /account/tokens/{id}/revoke: the session has ended, or the key is not valid any more."""
    await user_tokens.revoke(request.house, request.principal, refs.uuid(request.path("id")))
    return GoTo("/account")


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/account", show),
    ("POST", "/account/password", change_password),
    ("POST", "/account/sessions/end", end_others),
    ("POST", "/account/tokens/{id}/revoke", revoke),
)
