"""Organizations over REST."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from enginehouse.api.edge import tokens
from enginehouse.api.edge.problem_paths import refuse_unkept, within
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import PAGE, answers, one_of
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.spelling import json_text, optional, read_json_text
from enginehouse.domain import ids, times
from enginehouse.domain.errors import Problem
from enginehouse.domain.identity import Organization, OrganizationRequest
from enginehouse.operations import accounts, identity

_WORDS: Final = {"jsondata": "kvpJSON"}
_ORDER: Final[dict[str, Callable[[Organization], Any]]] = {
    "organizationID": lambda one: one.id,
    "organizationName": lambda one: (one.name.casefold(), one.id),
    "createdTime": lambda one: (one.created_at, one.id),
    "basePriority": lambda one: one.id,  # all have the same
}


class OrganizationChange(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The changes of an organization. What the server does not have is read only to refuse it."""

    default_retries: int | None = None
    base_priority: int | None = None
    default_sla_seconds: int | None = msgspec.field(default=None, name="defaultSLASeconds")
    nfs_shard: int | None = None
    task_priority_adjustment_started: int | None = None


class OrganizationToCreate(
    msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """An organization to create; the server chooses its ids. It sets the times, and ignores those of the request."""

    name: str | None = None
    default_retries: int | None = None
    kvp_json: str | None = None
    application_id: str | None = None
    core_organization_id: int | None = None
    base_priority: int | None = None
    default_sla_seconds: int | None = msgspec.field(default=None, name="defaultSLASeconds")
    task_priority_adjustment_started: int | None = None
    created_date_time: str | None = None
    modified_date_time: str | None = None


class UpdateOrganization(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    organization: OrganizationChange


class CreateOrganization(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    organization: OrganizationToCreate


class OrganizationDetail(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """`coreOrganizationID` is the number that GraphQL uses."""

    organization_id: str
    core_organization_id: int
    application_id: str
    name: str
    default_retries: int | None = None
    kvp_json: str | None = None
    created_date_time: str
    modified_date_time: str


class OrganizationAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    result: OrganizationDetail


class OrganizationList(msgspec.Struct, kw_only=True):
    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[OrganizationDetail]


_UPDATE: Final = Body(UpdateOrganization)
_CREATE: Final = Body(CreateOrganization)


@answers(OrganizationList, query={"organizationID": str, "organizationName": str, "orderBy": one_of(*_ORDER), **PAGE})
async def list_organizations(call: Call) -> Reply:
    """GET admin/organizations: a page of all for a super administrator, else the caller's own."""
    query = Query(call.query)
    named = query.id("organizationID", *refs.NUMBER_OR_UUID)
    part = (query.text("organizationName") or "").casefold()
    order = query.order(tuple(_ORDER))
    offset, limit = query.page()
    query.finish()
    found = await accounts.list_organizations(call.house, call.principal)
    if named is not None:
        found = [one for one in found if named.lower() in {str(one.id), ids.organization_uuid(one.id)}]
    found = sorted((one for one in found if part in one.name.casefold()), key=_ORDER[order])
    page = [_detail(one) for one in found[offset : offset + limit]]
    return json(OrganizationList(count=len(found), limit=limit, offset=offset, result=page))


@answers(OrganizationAnswer)
async def detail(call: Call) -> Reply:
    """GET admin/organization/{OrganizationID}/detail: the organization."""
    found = await accounts.get_organization(call.house, call.principal, await _number(call))
    return json(OrganizationAnswer(result=_detail(found)))


@answers(tokens.TokensOf)
async def tokens_of(call: Call) -> Reply:
    """GET admin/organization/{OrganizationID}/tokens: the tokens that are valid now, never their secrets."""
    found = await identity.list_tokens(call.house, call.principal, await _number(call))
    return json(tokens.TokensOf(result=[tokens.token_detail(one) for one in found]))


@answers(OrganizationAnswer, body=_CREATE)
async def create(call: Call) -> Reply:
    """POST admin/organizations/create: a new organization, by a super administrator."""
    body, problems = await call.judged_body(_CREATE)
    new = body.organization
    refuse_unkept(
        "organization",
        {
            "basePriority": new.base_priority,
            "defaultSLASeconds": new.default_sla_seconds,
            "taskPriorityAdjustmentStarted": new.task_priority_adjustment_started,
        },
    )
    for name, given in (("applicationID", new.application_id), ("coreOrganizationID", new.core_organization_id)):
        if given:
            problems.append(Problem(f"organization.{name}", "the server chooses it; leave it out."))
    data = read_json_text(new.kvp_json, "organization.kvpJSON", problems)
    with within("organization", _WORDS):
        made = await accounts.create_organization(
            call.house,
            call.principal,
            new.name or "",
            new.default_retries or None,
            OrganizationRequest(jsondata=data),
            problems,
        )
    return json(OrganizationAnswer(result=_detail(made)))


@answers(OrganizationAnswer, body=_UPDATE)
async def update(call: Call) -> Reply:
    """POST admin/organization/{OrganizationID}/update: changes how often its tasks are tried again."""
    number = await _number(call)
    body, problems = await call.judged_body(_UPDATE)
    change = body.organization
    refuse_unkept(
        "organization",
        {
            "basePriority": change.base_priority,
            "defaultSLASeconds": change.default_sla_seconds,
            "nfsShard": change.nfs_shard,
            "taskPriorityAdjustmentStarted": change.task_priority_adjustment_started,
        },
    )
    request = OrganizationRequest(default_retries=change.default_retries)
    with within("organization", _WORDS):
        changed = await accounts.update_organization(call.house, call.principal, number, request, problems)
    return json(OrganizationAnswer(result=_detail(changed)))


async def _number(call: Call) -> int:
    return (await accounts.acting(call.house, call.principal, call.id, "")).organization_id


def _detail(one: Organization) -> OrganizationDetail:
    return OrganizationDetail(
        organization_id=ids.organization_uuid(one.id),
        core_organization_id=one.id,
        application_id=one.application_id,
        name=one.name,
        default_retries=one.default_retries,
        kvp_json=optional(json_text, one.jsondata),
        created_date_time=times.rest(one.created_at),
        modified_date_time=times.rest(one.modified_at),
    )
