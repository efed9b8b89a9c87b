"""The whitelists and blacklists of organizations (graphql-contract §2.5, §3.6)."""

from typing import Any, Final

from ariadne import MutationType, ObjectType

from enginehouse.api.graphql.context import Info
from enginehouse.domain.identity import Organization
from enginehouse.operations import engine_access

mutation, organization_type = MutationType(), ObjectType("Organization")


@mutation.field("addToEngineWhitelist")
async def allow(_: object, info: Info, toAdd: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
    """The engines are on the whitelist."""
    house, principal = info.context.house, info.context.principal
    return whitelist_of(await engine_access.allow(house, principal, *_named(toAdd)), info)


@mutation.field("deleteFromEngineWhitelist")
async def allow_no_more(_: object, info: Info, toDelete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
    """The engines are not on the whitelist."""
    house, principal = info.context.house, info.context.principal
    return whitelist_of(await engine_access.allow_no_more(house, principal, *_named(toDelete)), info)


@mutation.field("addToEngineBlacklist")
async def deny(_: object, info: Info, toAdd: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
    """The engines are on the blacklist."""
    house, principal = info.context.house, info.context.principal
    return blacklist_of(await engine_access.deny(house, principal, *_named(toAdd)), info)


@mutation.field("deleteFromEngineBlacklist")
async def deny_no_more(_: object, info: Info, toDelete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
    """The engines are not on the blacklist."""
    house, principal = info.context.house, info.context.principal
    return blacklist_of(await engine_access.deny_no_more(house, principal, *_named(toDelete)), info)


def _named(fields: dict[str, Any]) -> tuple[str | None, list[str]]:
    return fields.get("organizationId"), fields.get("engineIds") or []


def whitelist_of(organization: Organization, info: Info) -> dict[str, Any]:
    """Returns the whitelist. An empty one allows every engine."""
    return _list(organization, info, engine_access.of(info.context.house, organization).whitelist)


def blacklist_of(organization: Organization, info: Info) -> dict[str, Any]:
    """Returns the blacklist."""
    return _list(organization, info, engine_access.of(info.context.house, organization).blacklist)


def _list(organization: Organization, info: Info, ids: frozenset[str]) -> dict[str, Any]:
    named = engine_access.named(info.context.house, ids)
    return {"organizationId": organization.id, "engines": named, "engineCategories": []}


organization_type.set_field("whitelist", whitelist_of)
organization_type.set_field("blacklist", blacklist_of)

BINDABLES: Final = [mutation, organization_type]
