"""Signing in at an identity provider: to its page, and back with a session.

What the browser must bring back (state, nonce, verifier) is in a cookie for ten minutes, signed by this server.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from enginehouse.domain.errors import Refusal
from enginehouse.domain.oidc import SignInRefused
from enginehouse.operations import oidc
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.oidc import IdentityProvider
from enginehouse.web import session as sessions
from enginehouse.web import sign_in
from enginehouse.web.redirects import own_path

_COOKIE: Final = "eh-oidc"
_SECONDS: Final = 600
_OLD: Final = "This sign-in took too long, or began in another browser. Start again."


class Begun(msgspec.Struct, frozen=True):
    """What a browser keeps of a sign-in that has begun."""

    state: str
    nonce: str
    verifier: str
    back: str


async def begin(provider: IdentityProvider, house: House, request: Request) -> Response:
    """GET /sign-in/oidc: the browser goes to the provider."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    begun = Begun(state, nonce, verifier, own_path(request.query_params.get("next", "/")))
    challenge = urlsafe_b64encode(sha256(begun.verifier.encode()).digest()).decode().rstrip("=")
    try:
        address = await provider.address(
            _back(provider, request), state=begun.state, nonce=begun.nonce, challenge=challenge
        )
    except SignInRefused as refused:
        return sign_in.form(provider.settings.name, house, request, begun.back, refused.message, status=502)
    response = RedirectResponse(address, 303)
    sessions.keep(request, response, _COOKIE, sessions.signed(house, _COOKIE, msgspec.json.encode(begun)), _SECONDS)
    return response


async def come_back(provider: IdentityProvider, house: House, request: Request) -> Response:
    """GET /sign-in/oidc/back: the browser has a session, or the form says why not."""
    given, begun = request.query_params, _begun(house, request)
    back = "/" if begun is None else begun.back
    try:
        if begun is None or not hmac.compare_digest(given.get("state", "").encode(), begun.state.encode()):
            raise SignInRefused(_OLD)
        if "code" not in given:
            told = given.get("error_description") or given.get("error") or "no code"
            raise SignInRefused(f"The provider did not sign you in: {told[:200]}.")
        if given.get("iss", provider.settings.issuer) != provider.settings.issuer:
            raise SignInRefused("Another provider has answered.")
        claims = await provider.claims(
            given["code"], _back(provider, request), verifier=begun.verifier, nonce=begun.nonce
        )
    except SignInRefused as refused:
        await house.refusals.note(trail.stranger("userLogin", refused.message[:200]))
        return _refused(provider, house, request, back, refused)
    try:
        opened = await oidc.login(house, provider.settings, claims)
    except Refusal as refused:
        return _refused(provider, house, request, back, refused)
    response = sign_in.entered(house, request, back, opened.token)
    sessions.keep(request, response, _COOKIE, "", 0)
    return response


def _refused(provider: IdentityProvider, house: House, request: Request, back: str, refused: Refusal) -> Response:
    name = provider.settings.name
    response = sign_in.form(name, house, request, back, refused.message, status=refused.rest_status)
    sessions.keep(request, response, _COOKIE, "", 0)
    return response


def _begun(house: House, request: Request) -> Begun | None:
    found = sessions.verified(house, _COOKIE, sessions.kept(request, _COOKIE) or "")
    try:
        return None if found is None else msgspec.json.decode(found, type=Begun)
    except msgspec.DecodeError:
        return None


def _back(provider: IdentityProvider, request: Request) -> str:
    """Returns the address to which the provider sends the browser back, which must be registered there."""
    return provider.settings.redirect_url or f"{request.url.scheme}://{request.url.netloc}/sign-in/oidc/back"
