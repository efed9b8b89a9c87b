"""`userLogin`, `validateToken`, `me`, and the fields of a User and an Organization."""

from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.spelling import optional
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Organization, User
from enginehouse.domain.times import graphql_millis
from enginehouse.operations import identity

query, mutation = QueryType(), MutationType()
user_type, organization_type, login_type = ObjectType("User"), ObjectType("Organization"), ObjectType("LoginInfo")


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
async def login(_: object, info: Info, input: dict[str, Any] | None = None) -> identity.LoginSession:
    """A session of about a day has begun. The login needs no token."""
    if input is None:
        raise InvalidInput("required.", "input")
    return await identity.login(info.context.house, input["userName"], input["password"])


@mutation.field("validateToken")
async def validate_token(_: object, info: Info, token: str) -> identity.LoginSession:
    """The token is valid. The request needs no other token."""
    return await identity.validate_token(info.context.house, token)


# -- the fields of a User and an Organization ---------------------------------------------------------------


@user_type.field("organization")
async def organization_of(_: object, info: Info) -> Organization:
    """Returns the caller's organization."""
    _user, organization = await info.context.me()
    return organization


def _of(name: str) -> Any:
    """Returns a resolver that reads a field of a User, or of the dict that replaces it if a token has no user."""

    def read(user: Any, _: Info) -> Any:
        return user.get(name) if isinstance(user, dict) else getattr(user, name)

    return read


def _first_name(user: Any, _: Info) -> str | None:
    name: str | None = None if isinstance(user, dict) else user.display_name
    return name.partition(" ")[0] if name else None


def _last_name(user: Any, _: Info) -> str | None:
    name: str | None = None if isinstance(user, dict) else user.display_name
    return name.partition(" ")[2] or None if name else None


def _roles(user: Any, _: Info) -> list[dict[str, Any]]:
    return [] if isinstance(user, dict) else [{"id": user.role.value, "name": user.role.value}]


user_type.set_field("id", _of("id"))
user_type.set_field("name", _of("name"))
user_type.set_field("email", _of("email"))
user_type.set_field("organizationId", _of("organization_id"))
user_type.set_field("createdDateTime", _of("created_at"))
user_type.set_field("modifiedDateTime", _of("modified_at"))
user_type.set_field("lastLoginDateTime", _of("last_login_at"))
user_type.set_field("firstName", _first_name)
user_type.set_field("lastName", _last_name)
user_type.set_field("roles", _roles)
user_type.set_field("roleIds", lambda user, info: [role["id"] for role in _roles(user, info)])
user_type.set_field("status", lambda _, __: "active")
user_type.set_field("mfaInfo", lambda _, __: {})
user_type.set_field("acls", lambda _, __: [])
user_type.set_field("userSettings", lambda _, __: [])

organization_type.set_field("id", lambda organization, _: organization.id)
organization_type.set_field("status", lambda _, __: "active")
organization_type.set_field("type", lambda _, __: [])
organization_type.set_field("createdDateTime", lambda organization, _: organization.created_at)
organization_type.set_field("modifiedDateTime", lambda organization, _: organization.modified_at)
organization_type.set_field("internalApplicationId", lambda organization, _: organization.application_id)
organization_type.set_field("roles", lambda _, __: [])
organization_type.set_field("dashboards", lambda _, __: [])

login_type.set_field("applications", lambda session, _: [session.organization.application_id])
login_type.set_field("applicationPlatforms", lambda _, __: [])
login_type.set_field("groups", lambda _, __: [])
login_type.set_field("hasPassword", lambda session, _: session.user is not None)
login_type.set_field("passwordResetRequired", lambda _, __: False)
login_type.set_field("lastLoggedIn", lambda session, _: optional(graphql_millis, session.last_login_at))

BINDABLES: Final = [query, mutation, user_type, organization_type, login_type]
