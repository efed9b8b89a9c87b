"""Speaks with an identity provider: discovery, the code for a token, and the checks of that token.

The provider's address is the operator's own, so it may be private, as that of an engine over HTTP. No redirect is
followed, and every answer is bounded. It is imported only where a provider is set: `pip install "enginehouse[oidc]"`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from enginehouse.domain.oidc import LEEWAY, OidcSettings, SignInRefused

_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_TIMEOUT: Final = 10.0
_MOST: Final = 1 << 20  # bytes of an answer
_FRESH: Final = 3600.0  # seconds for which what was discovered holds
_AGAIN: Final = 60.0  # seconds between two looks at the keys because of an unknown one


@dataclass(frozen=True, slots=True)
class Discovered:
    """What the provider says of itself, and the keys with which it signs."""

    at: float
    authorization: str
    token: str
    userinfo: str | None
    keys: jwk.KeySet
    posts_secret: bool


class OidcProvider:
    """One provider. `clock` is Unix seconds, by which tokens are valid."""

    def __init__(self, settings: OidcSettings, secret: str | None, *, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self._secret = secret
        self._clock = clock
        self._known: Discovered | None = None
        self._lock = asyncio.Lock()

    async def address(self, back: str, *, state: str, nonce: str, challenge: str) -> str:
        """Returns the provider's page on which a person signs in. Raises SignInRefused if it cannot be reached."""
        known = await self._discovered(_FRESH)
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": back,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(known.authorization).query else "?"
        return f"{known.authorization}{joint}{urlencode(query)}"

    async def claims(self, code: str, back: str, *, verifier: str, nonce: str) -> Mapping[str, Any]:
        """Returns what the provider says of the person, for the code with which it sent them back.

        Raises SignInRefused, with a sentence for the person, if the provider cannot be reached or its token is wrong.
        """
        known = await self._discovered(_FRESH)
        async with _client() as client:
            answer = await self._exchange(client, known, code, back, verifier)
            claims = await self._verified(str(answer.get("id_token", "")), nonce)
            if self.settings.claim in claims or known.userinfo is None:
                return claims
            # Some providers give the scopes' claims only here.
            bearer = {"authorization": f"Bearer {answer.get('access_token', '')}"}
            more = await _json(client.build_request("GET", known.userinfo, headers=bearer), client)
        if more.get("sub") != claims["sub"]:
            raise SignInRefused("The provider's answers are about two different people.")
        return {**more, **claims}

    async def _exchange(
        self, client: httpx.AsyncClient, known: Discovered, code: str, back: str, verifier: str
    ) -> Mapping[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        login = None
        if self._secret is None or known.posts_secret:
            form |= {"client_id": self.settings.client_id}
            form |= {} if self._secret is None else {"client_secret": self._secret}
        else:
            login = httpx.BasicAuth(quote(self.settings.client_id, safe=""), quote(self._secret, safe=""))
        request = client.build_request("POST", known.token, data=form)
        return await _json(request, client, login)

    async def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        """Returns the claims of a token that this provider has signed for this server and this sign-in."""
        try:
            try:
                found = jwt.decode(token, (await self._discovered(_FRESH)).keys, algorithms=_ALGORITHMS)
            except (JoseError, ValueError):
                found = jwt.decode(token, (await self._discovered(_AGAIN)).keys, algorithms=_ALGORITHMS)
            checks = jwt.JWTClaimsRegistry(
                now=lambda: int(self._clock()),
                leeway=LEEWAY,
                iss={"essential": True, "value": self.settings.issuer},
                aud={"essential": True, "value": self.settings.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            checks.validate(found.claims)
        except (JoseError, ValueError) as wrong:
            raise SignInRefused(f"The provider's token cannot be trusted: {_reason(wrong)}.") from wrong
        if found.claims.get("azp", self.settings.client_id) != self.settings.client_id:
            raise SignInRefused("The provider's token is for another program.")
        return dict(found.claims)

    async def _discovered(self, seconds: float) -> Discovered:
        """Returns what the provider says of itself, no older than these seconds."""
        async with self._lock:
            now = time.monotonic()
            if self._known is None or now - self._known.at > seconds:
                async with _client() as client:
                    self._known = await self._discover(client, now)
            return self._known

    async def _discover(self, client: httpx.AsyncClient, now: float) -> Discovered:
        place = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        said = await _json(client.build_request("GET", place), client)
        if said.get("issuer") != self.settings.issuer:
            named = str(said.get("issuer"))[:200]
            raise SignInRefused(f'The provider calls itself "{named}", and not "{self.settings.issuer}".')
        ends = {name: self._endpoint(said, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        keys = await _json(client.build_request("GET", ends["jwks_uri"]), client)
        methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        try:
            key_set = jwk.KeySet.import_key_set({"keys": [key for key in keys["keys"] if key.get("use") != "enc"]})
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as wrong:
            raise SignInRefused("The provider's keys cannot be read.") from wrong
        return Discovered(
            now,
            ends["authorization_endpoint"],
            ends["token_endpoint"],
            self._endpoint(said, "userinfo_endpoint") if said.get("userinfo_endpoint") else None,
            key_set,
            "client_secret_basic" not in methods and "client_secret_post" in methods,
        )

    def _endpoint(self, said: Mapping[str, Any], name: str) -> str:
        """Returns an address of the provider. It is as safe as that of the issuer."""
        address = said.get(name)
        scheme = urlsplit(self.settings.issuer).scheme
        if not isinstance(address, str) or urlsplit(address).scheme not in ("https", scheme):
            raise SignInRefused(f"The provider says no safe address for its {name}.")
        return address


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False)


async def _json(
    request: httpx.Request, client: httpx.AsyncClient, login: httpx.Auth | None = None
) -> Mapping[str, Any]:
    """Returns the object with which the provider answers. Raises SignInRefused."""
    host = request.url.host
    try:
        async with asyncio.timeout(_TIMEOUT):
            response = await client.send(request, auth=login, stream=True)
            try:
                body = await _bounded(response)
            finally:
                await response.aclose()
    except (httpx.HTTPError, TimeoutError) as lost:
        raise SignInRefused(f"The provider {host} does not answer now. Try again later.") from lost
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = None
    if response.status_code != 200 or not isinstance(said, dict):
        fault = said.get("error_description") or said.get("error") if isinstance(said, dict) else None
        told = f": {str(fault)[:200]}" if fault else ""
        raise SignInRefused(f"The provider {host} answered {response.status_code}{told}.")
    return said


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > _MOST:
            raise SignInRefused("The provider's answer is too long.")
    return bytes(body)


def _reason(wrong: Exception) -> str:
    return str(wrong).replace("_", " ").rstrip(".")[:200]
