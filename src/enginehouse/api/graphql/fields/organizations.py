"""Organizations, and what is the same for all of them: time zones and the server (graphql-contract §2.7, §3.8)."""

import asyncio
from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse import __version__
from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Organization, OrganizationRequest, Role
from enginehouse.domain.schedules import zones
from enginehouse.domain.times import graphql_millis
from enginehouse.operations import accounts, users

query, mutation = QueryType(), MutationType()
organization_type, abbreviation_type = ObjectType("Organization"), ObjectType("TimeZoneAbbreviation")

_FIELDS: Final = {
    "name": "name",
    "defaultRetries": "default_retries",
    "businessUnit": "business_unit",
    "imageUrl": "image_url",
    "jsondata": "jsondata",
}


@query.field("organization")
async def get_organization(_: object, info: Info, id: str) -> Organization:
    """Returns the caller's organization, or any for a super administrator."""
    house, principal = info.context.house, info.context.principal
    return await accounts.get_organization(house, principal, await _number(info, id))


async def _number(info: Info, text: str) -> int:
    if not text:
        raise NotFound("Organization", text)
    return (await accounts.acting(info.context.house, info.context.principal, text, "")).organization_id


@query.field("organizations")
async def list_organizations(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the caller's own organization, or of all for a super administrator."""
    found = await accounts.list_organizations(info.context.house, info.context.principal)
    if args.get("id") is not None:
        found = [one for one in found if str(one.id) == args["id"]]
    if args.get("name") is not None:
        part, match = args["name"].casefold(), paging.MATCHES[args.get("nameMatch") or "startsWith"]
        found = [one for one in found if match(one.name.casefold(), part)]
    if args.get("kvpProperty") is not None or args.get("kvpValue") is not None:
        found = [one for one in found if _has(one.jsondata, args.get("kvpProperty"), args.get("kvpValue"))]
    return paging.page(found, args.get("offset"), args.get("limit"), paging.ORGANIZATIONS)


def _has(jsondata: Any, name: str | None, value: str | None) -> bool:
    """True if the object has that property, that value of it, or that value of any."""
    if not isinstance(jsondata, dict):
        return False
    values = [each for key, each in jsondata.items() if name is None or key == name]
    return any(value is None or (each if isinstance(each, str) else None) == value for each in values)


@query.field("timeZones")
async def list_time_zones(_: object, info: Info) -> list[dict[str, Any]]:
    """Returns every IANA zone, with its abbreviations in this year."""
    year = int(graphql_millis(await info.context.now())[:4])
    known = await asyncio.to_thread(zones.abbreviations, year)
    return [{"name": name, "abbreviations": found} for name, found in known.items()]


@query.field("graphqlServiceInfo")
async def service_info(_: object, info: Info) -> dict[str, Any]:
    """Returns the version of the server, and its clock."""
    return {"version": __version__, "currentDateTime": await info.context.now()}


@mutation.field("createOrganization")
async def create(_: object, info: Info, input: dict[str, Any]) -> Organization:
    """The organization exists."""
    request = _request(input)
    house, principal = info.context.house, info.context.principal
    return await accounts.create_organization(house, principal, input["name"], request.default_retries, request)


@mutation.field("updateOrganization")
async def update(_: object, info: Info, input: dict[str, Any]) -> Organization:
    """The given fields of the organization are changed."""
    number = await _number(info, input["id"])
    return await accounts.update_organization(info.context.house, info.context.principal, number, _request(input))


def _request(fields: dict[str, Any]) -> OrganizationRequest:
    return OrganizationRequest(**{stored: fields.get(name) for name, stored in _FIELDS.items()})


# -- the fields of an Organization --------------------------------------------------------------------------


@organization_type.field("users")
async def users_of(organization: Organization, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the organization's users, for an administrator."""
    criteria = users.UserFilter(organizations=(organization.id,))
    found = await users.list_(info.context.house, info.context.principal, criteria)
    return paging.page(found, args.get("offset"), args.get("limit"), paging.USERS)


@organization_type.field("applications")
def applications_of(_: Organization, __: Info, **args: Any) -> paging.Page:
    """Returns no applications, because there are none here."""
    return paging.page((), args.get("offset"), args.get("limit"), paging.ORGANIZATIONS)


abbreviation_type.set_field("utcOffsetMinutes", lambda abbreviation, _: abbreviation.utc_offset_minutes)

organization_type.set_field("id", lambda organization, _: organization.id)
organization_type.set_field("status", lambda _, __: "active")
organization_type.set_field("type", lambda _, __: [])
organization_type.set_field("createdDateTime", lambda organization, _: organization.created_at)
organization_type.set_field("modifiedDateTime", lambda organization, _: organization.modified_at)
organization_type.set_field("internalApplicationId", lambda organization, _: organization.application_id)
organization_type.set_field("businessUnit", lambda organization, _: organization.business_unit)
organization_type.set_field("imageUrl", lambda organization, _: organization.image_url)
organization_type.set_field("defaultRetries", lambda organization, _: organization.default_retries)
organization_type.set_field("roles", lambda _, __: list(Role))
organization_type.set_field("dashboards", lambda _, __: [])

BINDABLES: Final = [query, mutation, organization_type, abbreviation_type]
