"""Organizations, users and tokens under `/api/v1`."""

from typing import Final

from enginehouse.api.http.call import NO_CONTENT, Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.spelling import optional
from enginehouse.api.v1.account_shapes import (
    NewKey,
    NewOrganization,
    NewPassword,
    NewUser,
    OrganizationView,
    RevokeToken,
    TokenView,
    UserView,
    WorkerScopeView,
)
from enginehouse.api.v1.envelope import Result, result
from enginehouse.api.v1.limits import organization_view
from enginehouse.domain import times
from enginehouse.domain.errors import InvalidInput, Problem, excerpt, unknown_word
from enginehouse.domain.identity import Principal, Role, Token, User, WorkerScope
from enginehouse.operations import accounts, identity, worker_tokens

_ORGANIZATION: Final = Body(NewOrganization)
_USER: Final = Body(NewUser)
_PASSWORD: Final = Body(NewPassword)
_KEY: Final = Body(NewKey)
_REVOKE: Final = Body(RevokeToken)


@answers(Result[list[OrganizationView]])
async def list_organizations(call: Call) -> Reply:
    """GET organizations: all for a super administrator, else the caller's own."""
    organizations = await accounts.list_organizations(call.house, call.principal)
    return result([organization_view(one) for one in organizations])


@answers(Result[OrganizationView], body=_ORGANIZATION)
async def create_organization(call: Call) -> Reply:
    """POST organizations: a new organization."""
    body = await call.body(_ORGANIZATION)
    organization = await accounts.create_organization(call.house, call.principal, body.name, body.default_retries)
    return result(organization_view(organization))


@answers(Result[UserView], body=_USER)
async def create_user(call: Call) -> Reply:
    """POST users: a new user."""
    body = await call.body(_USER)
    owner = await accounts.acting(call.house, call.principal, body.organization_id, "organizationID")
    user = await accounts.create_user(
        call.house,
        call.principal,
        name=body.name,
        password=body.password,
        organization_id=owner.organization_id,
        role=_role(body.role) or Role.USER,
        display_name=body.display_name,
        email=body.email,
    )
    return result(_user(user))


@answers(None, body=_PASSWORD, status=204)
async def set_password(call: Call) -> Reply:
    """POST users/password: sets the password, and ends the user's sessions."""
    body = await call.body(_PASSWORD)
    await accounts.set_password(call.house, call.principal, body.name, body.password)
    return NO_CONTENT


@answers(Result[list[TokenView]], query={"organizationID": str})
async def list_tokens(call: Call) -> Reply:
    """GET tokens: the tokens of an organization that are valid now."""
    query = Query(call.query)
    organization_id = query.text("organizationID")
    query.finish()
    owner = await accounts.acting(call.house, call.principal, organization_id, "organizationID")
    tokens = await identity.list_tokens(call.house, call.principal, owner.organization_id)
    return result([_token(one) for one in tokens])


@answers(Result[TokenView], body=_KEY)
async def create_token(call: Call) -> Reply:
    """POST tokens: creates a token; only this response shows the secret."""
    body = await call.body(_KEY)
    owner = await accounts.acting(call.house, call.principal, body.organization_id, "organizationID")
    if body.worker is not None:
        return await _create_for_workers(call, owner, body, body.worker)
    issued = await identity.create_token(
        call.house,
        call.principal,
        name=body.name,
        organization_id=owner.organization_id,
        role=_role(body.role),
        expires_at=_moment(body.expiration_date_time),
    )
    return result(_token(issued.token, issued.secret))


async def _create_for_workers(call: Call, owner: Principal, body: NewKey, scope: WorkerScopeView) -> Reply:
    problems = [Problem("role", "a token for workers has none.", excerpt(body.role))] if body.role else []
    issued = await worker_tokens.create(
        call.house,
        owner,
        organizations=scope.organization_ids,
        engine_names=scope.engine_ids,
        name=body.name,
        expires_at=_moment(body.expiration_date_time),
        known_problems=problems,
    )
    return result(_token(issued.token, issued.secret))


@answers(Result[TokenView], body=_REVOKE)
async def revoke_token(call: Call) -> Reply:
    """POST tokens/revoke: the token is valid no more."""
    body = await call.body(_REVOKE)
    owner = await accounts.acting(call.house, call.principal, body.organization_id, "organizationID")
    return result(_token(await identity.revoke_token(call.house, call.principal, body.token, owner.organization_id)))


def _role(word: str | None) -> Role | None:
    if not word:
        return None
    try:
        return Role(word)
    except ValueError:
        raise InvalidInput([unknown_word("role", word, Role)]) from None


def _moment(written: str | int | None) -> int | None:
    try:
        return times.moment(written) if written else None
    except times.DateTimeError as fault:
        raise InvalidInput([Problem("expirationDateTime", str(fault), excerpt(written))]) from None


def _user(one: User) -> UserView:
    return UserView(
        user_id=one.id,
        name=one.name,
        organization_id=str(one.organization_id),
        role=one.role.value,
        display_name=one.display_name,
        email=one.email,
        created_date_time=times.rest(one.created_at),
    )


def _token(one: Token, secret: str | None = None) -> TokenView:
    return TokenView(
        token_id=one.id,
        token=secret,
        prefix=one.prefix,
        kind=one.kind.value,
        name=one.name,
        role=one.role.value,
        organization_id=str(one.organization_id),
        user_id=one.user_id,
        worker=optional(_scope, one.worker),
        created_date_time=times.rest(one.created_at),
        expiration_date_time=optional(times.rest, one.expires_at),
        revoked_date_time=optional(times.rest, one.revoked_at),
        last_used_date_time=optional(times.rest, one.used_at),
    )


def _scope(scope: WorkerScope) -> WorkerScopeView:
    owners, engines = scope
    return WorkerScopeView(
        organization_ids=None if owners is None else [str(one) for one in sorted(owners)],
        engine_ids=None if engines is None else sorted(engines),
    )
