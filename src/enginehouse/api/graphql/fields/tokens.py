"""`tokens` and `myRights`: what a caller and the tokens of its organization may do."""

from typing import Any, Final

from ariadne import ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.errors import rights
from enginehouse.domain.identity import Token, TokenKind
from enginehouse.domain.identity import rights as identity_rights
from enginehouse.operations import identity, task_tokens

_KEYS: Final = (TokenKind.KEY, TokenKind.WORKER)

query, token_type = QueryType(), ObjectType("Token")


@query.field("myRights")
def my_rights(_: object, info: Info) -> dict[str, Any]:
    """Returns what the caller's role allows, in both spellings: `job.create` and `job:create`.

    A right of a role does not depend on single objects, so only a token for a task has `resources`.
    """
    principal = info.context.principal
    allowed = rights(principal)
    colons = [] if principal.task is not None else [right.replace(".", ":") for right in allowed]
    return {"operations": [*allowed, *colons], "resources": task_tokens.resources(principal) or {}}


@query.field("tokens")
async def list_tokens(_: object, info: Info) -> list[Token]:
    """Returns the valid tokens of the organization, never their secrets."""
    return await identity.list_tokens(info.context.house, info.context.principal)


@token_type.field("applicationId")
async def application_of(token: Token, info: Info) -> str | None:
    """Returns the application GUID of the token's organization."""
    organization = await info.context.organizations.get(token.organization_id)
    return None if organization is None else organization.application_id


@token_type.field("json")
def rights_of(token: Token, _: Info) -> dict[str, Any]:
    """Returns the rights of the token, in the spelling of tokens."""
    of_token = [] if token.worker is not None else identity_rights(token.role, super_admin=token.super_admin)
    return {"rights": [right.replace(".", ":") for right in of_token]}


token_type.set_field("type", lambda token, _: "API" if token.kind in _KEYS else "User")
token_type.set_field("createdDateTime", lambda token, _: token.created_at)
token_type.set_field("expirationDateTime", lambda token, _: token.expires_at)
token_type.set_field("lastUsedDateTime", lambda token, _: token.used_at)

BINDABLES: Final = [query, token_type]
