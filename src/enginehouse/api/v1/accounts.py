"""Our own operations, under `/api/v1`: what the public contracts have no words for."""

from typing import Final

from enginehouse.api.http.call import NO_CONTENT, Call, Reply
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.spelling import optional
from enginehouse.api.v1.account_shapes import (
    NewKey,
    NewOrganization,
    NewPassword,
    NewUser,
    RevokeToken,
    TokenShown,
    UserShown,
)
from enginehouse.api.v1.envelope import result
from enginehouse.api.v1.limits import organization_shown
from enginehouse.domain import times
from enginehouse.domain.errors import InvalidInput, Problem, excerpt
from enginehouse.domain.identity import Role, Token, User
from enginehouse.operations import accounts, identity

_ORGANIZATION: Final = Body(NewOrganization)
_USER: Final = Body(NewUser)
_PASSWORD: Final = Body(NewPassword)
_KEY: Final = Body(NewKey)
_REVOKE: Final = Body(RevokeToken)


async def list_organizations(call: Call) -> Reply:
    """GET organizations: all for a super administrator, else the caller's own."""
    found = await accounts.list_organizations(call.house, call.principal)
    return result([organization_shown(one) for one in found])


async def create_organization(call: Call) -> Reply:
    """POST organizations."""
    given = await call.body(_ORGANIZATION)
    made = await accounts.create_organization(call.house, call.principal, given.name, given.default_retries)
    return result(organization_shown(made))


async def create_user(call: Call) -> Reply:
    """POST users."""
    given = await call.body(_USER)
    owner = await accounts.acting(call.house, call.principal, given.organization_id, "organizationID")
    made = await accounts.create_user(
        call.house,
        call.principal,
        name=given.name,
        password=given.password,
        organization_id=owner.organization_id,
        role=_role(given.role) or Role.USER,
        display_name=given.display_name,
        email=given.email,
    )
    return result(_user(made))


async def set_password(call: Call) -> Reply:
    """POST users/password: the user's sessions are over."""
    given = await call.body(_PASSWORD)
    await accounts.set_password(call.house, call.principal, given.name, given.password)
    return NO_CONTENT


async def list_tokens(call: Call) -> Reply:
    """GET tokens: those of an organization that are good now."""
    query = Query(call.query)
    given = query.text("organizationID")
    query.finish()
    owner = await accounts.acting(call.house, call.principal, given, "organizationID")
    found = await identity.list_tokens(call.house, call.principal, owner.organization_id)
    return result([_token(one) for one in found])


async def create_token(call: Call) -> Reply:
    """POST tokens: the answer is the only place where the secret can be read."""
    given = await call.body(_KEY)
    owner = await accounts.acting(call.house, call.principal, given.organization_id, "organizationID")
    issued = await identity.create_token(
        call.house,
        call.principal,
        name=given.name,
        organization_id=owner.organization_id,
        role=_role(given.role),
        expires_at=_moment(given.expiration_date_time),
    )
    return result(_token(issued.token, issued.secret))


async def revoke_token(call: Call) -> Reply:
    """POST tokens/revoke."""
    given = await call.body(_REVOKE)
    owner = await accounts.acting(call.house, call.principal, given.organization_id, "organizationID")
    return result(_token(await identity.revoke_token(call.house, call.principal, given.token, owner.organization_id)))


def _role(word: str | None) -> Role | None:
    if not word:
        return None
    try:
        return Role(word)
    except ValueError:
        words = "one of " + ", ".join(Role)
        raise InvalidInput([Problem("role", f"{words}, got {excerpt(word)}.", excerpt(word), words)]) from None


def _moment(given: str | int | None) -> int | None:
    try:
        return times.moment(given) if given else None
    except times.DateTimeError as fault:
        raise InvalidInput([Problem("expirationDateTime", str(fault), excerpt(given))]) from None


def _user(one: User) -> UserShown:
    return UserShown(
        user_id=one.id,
        name=one.name,
        organization_id=str(one.organization_id),
        role=one.role.value,
        display_name=one.display_name,
        email=one.email,
        created_date_time=times.rest(one.created_at),
    )


def _token(one: Token, secret: str | None = None) -> TokenShown:
    return TokenShown(
        token_id=one.id,
        token=secret,
        prefix=one.prefix,
        kind=one.kind.value,
        name=one.name,
        role=one.role.value,
        organization_id=str(one.organization_id),
        user_id=one.user_id,
        created_date_time=times.rest(one.created_at),
        expiration_date_time=optional(times.rest, one.expires_at),
        revoked_date_time=optional(times.rest, one.revoked_at),
    )
