"""Signing in at an identity provider (OpenID Connect): what an operator sets, and whom its claims mean. Pure.

Whom a person is here is decided by one claim. With `email` the provider must say that it has verified the address.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.errors import NotAllowed, Problem
from enginehouse.domain.identity import Role

LEEWAY: Final = 60  # seconds that the clocks may differ
_ISSUER: Final = re.compile(r"https://[^\s?#]+|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?(?:/[^\s?#]*)?")
_URL: Final = re.compile(r"https?://[^\s/?#@]+/sign-in/oidc/back")
EMAIL: Final = "email"


class SignInRefused(NotAllowed):
    """The provider's answer opens no session. The sentence says why, for the person."""


class OidcSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of an operator. `roles` and `organizations` are by a value of the claim `group_claim`.

    `create`: whoever has no account here gets one, in `organization` or in that of a group. `redirect_url`: the address
    to which the provider sends people back, if the server does not see how browsers reach it.
    """

    issuer: str
    client_id: str
    client_secret: str | None = None
    client_secret_file: str | None = None
    name: str = "single sign-on"
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    claim: str = EMAIL
    create: bool = False
    organization: int = 1
    group_claim: str = "groups"
    roles: dict[str, Role] = {}
    organizations: dict[str, int] = {}
    redirect_url: str | None = None

    def __repr__(self) -> str:
        return f"OidcSettings({self.issuer!r})"  # without the secret

    def problems(self) -> list[Problem]:
        """Returns what is wrong with the settings."""
        found = list[Problem]()
        if not _ISSUER.fullmatch(self.issuer):
            found.append(Problem("issuer", f'an https:// address (http:// only on this machine), got "{self.issuer}".'))
        if not self.client_id:
            found.append(Problem("client_id", "the name of this server at the provider is needed."))
        if self.client_secret is not None and self.client_secret_file is not None:
            found.append(Problem("client_secret_file", "give either client_secret or client_secret_file."))
        if "openid" not in self.scopes:
            found.append(Problem("scopes", '"openid" is needed among them.'))
        if self.redirect_url is not None and not _URL.fullmatch(self.redirect_url):
            found.append(Problem("redirect_url", f'https://HOST/sign-in/oidc/back, got "{self.redirect_url}".'))
        return found


class Person(NamedTuple):
    """Whom the claims mean. `role` and `organization` are those of its groups, None if nothing is set for them."""

    name: str
    email: str | None
    display_name: str | None
    role: Role | None
    organization: int | None


def person_of(settings: OidcSettings, claims: Mapping[str, Any]) -> Person:
    """Returns the person. Raises SignInRefused."""
    name = claims.get(settings.claim)
    if not isinstance(name, str) or not name.strip():
        raise SignInRefused(f'The provider does not say who you are: its claim "{settings.claim}" is missing.')
    if settings.claim == EMAIL and claims.get("email_verified") is not True:
        raise SignInRefused("The provider has not verified your e-mail address, so it does not say who you are.")
    email, whole = claims.get(EMAIL), claims.get("name")
    groups = _groups(claims.get(settings.group_claim))
    return Person(
        name=name.strip(),
        email=email if isinstance(email, str) and claims.get("email_verified") is True else None,
        display_name=whole if isinstance(whole, str) and whole.strip() else None,
        role=_role(settings, groups),
        organization=next((number for group, number in settings.organizations.items() if group in groups), None),
    )


def _groups(value: object) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset({value})
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()


def _role(settings: OidcSettings, groups: frozenset[str]) -> Role | None:
    """Returns the highest role of the groups. Raises SignInRefused if roles are set and none is theirs."""
    if not settings.roles:
        return None
    found = [role for group, role in settings.roles.items() if group in groups]
    if not found:
        raise SignInRefused("None of your groups at the provider may sign in here. Ask an administrator.")
    return next(role for role in (Role.ADMIN, Role.USER, Role.READER) if role in found)
