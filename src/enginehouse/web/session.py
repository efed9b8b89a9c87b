"""Who looks at a page: the session in a cookie, and the proof that a form comes from a page of this server."""

import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from enginehouse.domain.errors import AuthenticationFailed, NotAllowed
from enginehouse.domain.identity import Principal
from enginehouse.operations import identity
from enginehouse.operations.house import House

CSRF: Final = "csrf"  # the field of every form
_SESSION: Final = "eh"
_SIGN_IN: Final = "eh-sign-in"  # a random text, before there is a session
_PURPOSE: Final = "forms of the dashboard"
_OWN_SITES: Final = frozenset({"same-origin", "none"})


class ForgedForm(NotAllowed):
    """A form that did not come from a page of this server, or from one that is too old."""

    def __init__(self) -> None:
        super().__init__("This form is too old, or it came from another site. Go back, load the page again and repeat.")


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person: the token in the cookie, and its holder."""

    secret: str = field(repr=False)
    principal: Principal


async def session_of(house: House, request: Request) -> Session | None:
    """Returns the session of the cookie, None if there is none or it has ended."""
    secret = request.cookies.get(_name(request, _SESSION))
    if not secret:
        return None
    try:
        principal = await identity.authenticate(house, secret)
    except AuthenticationFailed:
        return None
    if principal.task is not None or principal.worker is not None:
        return None
    return Session(secret, principal)


def begin(request: Request, response: Response, secret: str, seconds: int) -> None:
    """The browser has the session until it ends."""
    _set(request, response, _SESSION, secret, seconds)
    _set(request, response, _SIGN_IN, "", 0)


def end(request: Request, response: Response) -> None:
    """The browser has no session any more."""
    _set(request, response, _SESSION, "", 0)


def proof(house: House, bound_to: str) -> str:
    """Returns what a form must carry: it fits only to the cookie that it is bound to."""
    key = house.secret_key.derive(_PURPOSE)
    return hmac.new(key, sha256(bound_to.encode()).digest(), sha256).hexdigest()


def refuse_forged(house: House, request: Request, given: str, bound_to: str | None) -> None:
    """Raises ForgedForm unless a page of this server has sent the form, by what the browser says and by the proof."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _OWN_SITES:
        raise ForgedForm
    if bound_to is None or not hmac.compare_digest(given.encode(), proof(house, bound_to).encode()):
        raise ForgedForm


def sign_in_text(request: Request) -> str:
    """Returns the random text of this browser, to which the sign-in form is bound. It may be new."""
    return request.cookies.get(_name(request, _SIGN_IN)) or secrets.token_urlsafe(32)


def keep_sign_in_text(request: Request, response: Response, text: str) -> None:
    """The browser has the text for the sign-in form."""
    _set(request, response, _SIGN_IN, text, 3600)


def known_sign_in_text(request: Request) -> str | None:
    """Returns the random text that this browser has got, None if it has none."""
    return request.cookies.get(_name(request, _SIGN_IN))


def keep(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """The browser has a cookie of this name, which only this server reads."""
    _set(request, response, name, value, seconds)


def kept(request: Request, name: str) -> str | None:
    """Returns the value of a cookie that the browser has kept."""
    return request.cookies.get(_name(request, name))


def signed(house: House, purpose: str, content: bytes) -> str:
    """Returns the content with a proof that this server has written it for this purpose."""
    return f"{content.hex()}.{_seal(house, purpose, content)}"


def verified(house: House, purpose: str, text: str) -> bytes | None:
    """Returns the content of `signed`, None for any other text."""
    written, _, given = text.partition(".")
    try:
        content = bytes.fromhex(written)
    except ValueError:
        return None
    return content if hmac.compare_digest(given.encode(), _seal(house, purpose, content).encode()) else None


def _seal(house: House, purpose: str, content: bytes) -> str:
    return hmac.new(house.secret_key.derive(purpose), content, sha256).hexdigest()


def _set(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _name(request: Request, name: str) -> str:
    """Returns the name of a cookie. With TLS no other host and no page without TLS can set it."""
    return f"__Host-{name}" if request.url.scheme == "https" else name
