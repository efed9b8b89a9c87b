"""`me`, and the sign-in with what follows it."""

from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.spelling import optional
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import User
from enginehouse.domain.times import graphql_millis
from enginehouse.operations import identity
from enginehouse.operations.sessions import LoginSession

query, mutation = QueryType(), MutationType()
login_type = ObjectType("LoginInfo")


@query.field("me")
async def me(_: object, info: Info) -> dict[str, Any] | User:
    """Returns the user of the token.

    A token without a user gets a user with the token's id and the organization's name.
    """
    context = info.context
    principal = context.principal
    user, organization = await context.me()
    if user is not None:
        return user
    return {"id": principal.token_id, "name": organization.name, "organization_id": organization.id}


@mutation.field("userLogin")
async def login(_: object, info: Info, input: dict[str, Any] | None = None) -> LoginSession:
    """A session of about a day has begun. The login needs no token."""
    if input is None:
        raise InvalidInput("required.", "input")
    return _opened(info, await identity.login(info.context.house, input["userName"], input["password"]))


@mutation.field("validateToken")
async def validate_token(_: object, info: Info, token: str) -> LoginSession:
    """The token is valid. The request needs no other token."""
    return _opened(info, await identity.validate_token(info.context.house, token))


@mutation.field("refreshToken")
async def refresh_token(_: object, info: Info, token: str) -> LoginSession:
    """Another session of about a day has begun for the same user. The request needs no other token."""
    return _opened(info, await identity.refresh_token(info.context.house, token))


@mutation.field("userLogout")
async def logout(_: object, info: Info, token: str) -> bool:
    """The session of this token has ended. Returns False if there was none. The request needs no other token."""
    return await identity.logout(info.context.house, token)


def _opened(info: Info, session: LoginSession) -> LoginSession:
    """Returns the session. Its organization can be read by the fields inside, also without a token."""
    info.context.organizations.prime(session.organization.id, session.organization)
    return session


# -- the fields of a LoginInfo ------------------------------------------------------------------------------


login_type.set_field("applications", lambda session, _: [session.organization.application_id])
login_type.set_field("applicationPlatforms", lambda _, __: [])
login_type.set_field("groups", lambda _, __: [])
login_type.set_field("hasPassword", lambda session, _: session.user is not None and session.user.has_password)
login_type.set_field("passwordResetRequired", lambda _, __: False)
login_type.set_field("lastLoggedIn", lambda session, _: optional(graphql_millis, session.last_login_at))

BINDABLES: Final = [query, mutation, login_type]
