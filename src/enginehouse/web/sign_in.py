"""Signing in and out."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from enginehouse.domain.errors import AuthenticationFailed, Refusal, TooManyFailures
from enginehouse.operations import identity, token_sessions
from enginehouse.operations.house import House
from enginehouse.operations.sessions import LoginRefused
from enginehouse.web import session as sessions
from enginehouse.web.html import render
from enginehouse.web.redirects import own_path


async def show(provider: str | None, house: House, request: Request) -> Response:
    """GET /sign-in: the form. Whoever is signed in goes on at once."""
    back = own_path(request.query_params.get("next", "/"))
    if await sessions.session_of(house, request) is not None:
        return RedirectResponse(back, 303)
    return form(provider, house, request, back)


async def enter(provider: str | None, house: House, request: Request) -> Response:
    """POST /sign-in: the browser has a session, or the form says why not."""
    given = await request.form(max_files=0, max_fields=8)
    back = own_path(str(given.get("next", "/")))
    try:
        bound_to = sessions.known_sign_in_text(request)
        sessions.refuse_forged(house, request, str(given.get(sessions.CSRF, "")), bound_to)
        opened = await identity.login(house, str(given.get("name", "")).strip(), str(given.get("password", "")))
    except LoginRefused as refused:
        return form(provider, house, request, back, refused.message, status=401, name=str(given.get("name", "")))
    except Refusal as refusal:
        return form(
            provider, house, request, back, refusal.message, status=refusal.rest_status, name=str(given.get("name", ""))
        )
    return entered(house, request, back, opened.token)


async def enter_with_key(provider: str | None, house: House, request: Request) -> Response:
    """POST /sign-in/key: the browser has a session of the key, and not the key; or the form says why not."""
    given = await request.form(max_files=0, max_fields=8)
    back = own_path(str(given.get("next", "/")))
    try:
        bound_to = sessions.known_sign_in_text(request)
        sessions.refuse_forged(house, request, str(given.get(sessions.CSRF, "")), bound_to)
        opened = await token_sessions.login(house, str(given.get("key", "")).strip())
    except AuthenticationFailed as refused:
        said = (
            refused.message if isinstance(refused, TooManyFailures) else "This key is unknown, or not valid any more."
        )
        return form(provider, house, request, back, said, status=refused.rest_status, with_key=True)
    except Refusal as refusal:
        return form(provider, house, request, back, refusal.message, status=refusal.rest_status, with_key=True)
    return entered(house, request, back, opened.token)


def entered(house: House, request: Request, back: str, secret: str) -> Response:
    """Returns the way to the page `back`, with the session."""
    response = RedirectResponse(back, 303)
    sessions.begin(request, response, secret, house.limits.session_seconds)
    return response


async def leave(house: House, request: Request) -> Response:
    """POST /sign-out: the session has ended, in the browser and here."""
    session = await sessions.session_of(house, request)
    response = RedirectResponse("/sign-in", 303)
    if session is not None:
        given = await request.form(max_files=0, max_fields=8)
        try:
            sessions.refuse_forged(house, request, str(given.get(sessions.CSRF, "")), session.secret)
        except Refusal:
            return RedirectResponse("/", 303)
        await identity.logout(house, session.secret)
    sessions.end(request, response)
    return response


def form(
    provider: str | None,
    house: House,
    request: Request,
    back: str,
    fault: str = "",
    *,
    status: int = 200,
    name: str = "",
    with_key: bool = False,
) -> Response:
    """Returns the form, with what is wrong. `provider` is what signing in at the identity provider is called here."""
    text = sessions.sign_in_text(request)
    body = render(
        "sign_in.html",
        csrf=sessions.proof(house, text),
        back=back,
        fault=fault,
        name=name,
        with_key=with_key,
        provider=provider,
        session=None,
    )
    response = HTMLResponse(body, status)
    sessions.keep_sign_in_text(request, response, text)
    return response
