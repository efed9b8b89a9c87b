"""Tokens over REST. A token is in a path by its id, or by the secret itself."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from enginehouse.api.edge.identity_shapes import NewToken, Success, TokenDetail, UpdateToken
from enginehouse.api.edge.problem_paths import within
from enginehouse.api.edge.roles import ROLE_IDS, asked_roles, given_role
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import PAGE, Direction, UnixTime, Uuid, answers, one_of
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.spelling import json_text, optional, read_json_text
from enginehouse.domain import ids, times
from enginehouse.domain.errors import InvalidInput, NotImplementedYet, Problem, excerpt, unknown_word
from enginehouse.domain.identity import Role, Token, TokenKind, TokenRequest, rights
from enginehouse.domain.token_quotas import QuotaRequest, TokenQuota
from enginehouse.operations import accounts, identity, token_changes

WORKER: Final = "engine_instance"
KINDS: Final = (WORKER, "host", "api", "user")
_LIMITS: Final = {
    "api_per_hour": "apiRateLimitHour",
    "bytes_per_hour": "bytesRateLimitHour",
    "tasks_per_hour": "taskRateLimitHour",
    "max_api": "maxAPI",
    "max_bytes": "maxBytes",
    "max_tasks": "maxTasks",
}
WORDS: Final = {"jsondata": "kvpJSON", **_LIMITS}
_NO_TIME: Final = 1 << 63
_ORDER: Final[dict[str, Callable[[Token], Any]]] = {
    "createdTime": lambda one: (one.created_at, one.id),
    "expirationTime": lambda one: (_NO_TIME if one.expires_at is None else one.expires_at, one.id),
    "tokenType": lambda one: (_kind(one), one.id),
}


class TokenResult(msgspec.Struct, kw_only=True):
    success: bool = True
    result: TokenDetail


class TokensOf(msgspec.Struct, kw_only=True):
    success: bool = True
    result: list[TokenDetail]


class TokenList(msgspec.Struct, kw_only=True):
    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[TokenDetail]


class TokenPermissions(msgspec.Struct, rename=spelled, kw_only=True):
    success: bool = True
    result: list[str]
    token_id: str


_UPDATE: Final = Body(UpdateToken)
_DELETED: Final = Reply(b'{"success":true}')


@answers(
    TokenList,
    query={
        "tokenID": Uuid,
        "userID": Uuid,
        "hostID": Uuid,
        "engineInstanceID": Uuid,
        "organizationIDs": str,
        "roleIDs": str,
        "type": one_of(*KINDS),
        "accessAllOrganization": bool,
        "startCreatedTime": UnixTime,
        "endCreatedTime": UnixTime,
        "startExpireTime": UnixTime,
        "endExpireTime": UnixTime,
        "orderBy": one_of(*_ORDER),
        "direction": Direction,
        **PAGE,
    },
)
async def list_tokens(call: Call) -> Reply:
    """GET admin/tokens: a page of the tokens that are valid now, never their secrets."""
    query = Query(call.query)
    tests = _tests(query)
    order = _ORDER[query.order(tuple(_ORDER))]
    offset, limit = query.page()
    descending = query.descending()
    owners = query.id("organizationIDs", *refs.NUMBERS_OR_UUIDS)
    query.finish()
    found = list[Token]()
    for owner in [None] if owners is None else dict.fromkeys(one.strip() for one in owners.split(",")):
        acting = await accounts.acting(call.house, call.principal, owner, "organizationIDs")
        found += await identity.list_tokens(call.house, call.principal, acting.organization_id)
    matches = sorted((one for one in found if all(fits(one) for fits in tests)), key=order, reverse=descending)
    page = [token_detail(one) for one in matches[offset : offset + limit]]
    return json(TokenList(count=len(matches), limit=limit, offset=offset, result=page))


@answers(TokenDetail)
async def detail(call: Call) -> Reply:
    """GET admin/token/{TokenID}/detail: the token, without its secret."""
    return json(token_detail(await token_changes.get(call.house, call.principal, call.id)))


@answers(TokenPermissions)
async def permissions(call: Call) -> Reply:
    """GET admin/token/{TokenID}/permissions: what the token allows."""
    token = await token_changes.get(call.house, call.principal, call.id)
    allowed = [] if token.worker is not None else rights(token.role, super_admin=token.super_admin)
    return json(TokenPermissions(result=allowed, token_id=token.id))


@answers(TokenResult, body=_UPDATE)
async def update(call: Call) -> Reply:
    """POST admin/token/{TokenID}/update: changes a token of the type api."""
    body, problems = await call.judged_body(_UPDATE)
    change = body.token
    refuse_unkept_fields(change, problems)
    request = TokenRequest(
        role=given_role(change.role_ids, "token.roleIDs", problems),
        expires_at=None if change.expiration is None else change.expiration * times.SECOND,
        jsondata=read_json_text(change.kvp_json, "token.kvpJSON", problems),
        quota=given_quota(change),
    )
    with within("token", WORDS):
        changed = await token_changes.update(
            call.house, call.principal, call.id, request, problems, check=partial(_moved, change)
        )
    return json(TokenResult(result=token_detail(changed)))


@answers(Success)
async def delete(call: Call) -> Reply:
    """POST admin/token/{TokenID}/delete: revokes the token at once, on other servers within a second."""
    await token_changes.revoke(call.house, call.principal, call.id)
    return _DELETED


def _moved(change: NewToken, token: Token) -> list[Problem]:
    """Returns a problem for each fixed field to which the request gives another value."""
    return [
        Problem(path, "cannot be changed; create another token.", excerpt(given))
        for path, given, known in (
            ("token.type", change.type, {_kind(token)}),
            ("token.userID", change.user_id, {token.user_id}),
            (
                "token.organizationIDs",
                ",".join(change.organization_ids or ()),
                refs.organization_spellings(token.organization_id),
            ),
        )
        if given and given.lower() not in known
    ]


def refuse_unkept_fields(token: NewToken, problems: list[Problem]) -> None:
    """The token has no field that the server would ignore: to ignore a right or a limit is worse than a refusal."""
    if token.type and token.type not in KINDS:
        raise InvalidInput([*problems, unknown_word("token.type", token.type, KINDS)])
    if token.type not in {None, "", "api", WORKER}:
        raise NotImplementedYet(f"token.type: this server makes api and {WORKER} tokens, not {token.type}.")
    limits = {
        "accessAllOrganization": token.access_all_organization and token.type != WORKER,
        "hostID": token.host_id,
        "engineInstanceID": token.engine_instance_id,
    }
    for name, value in limits.items():
        if value:
            raise NotImplementedYet(f"token.{name}: this server does not widen or bind tokens.")
    if token.expiration is not None and not 0 <= token.expiration < times.LAST_MOMENT // times.SECOND:
        problems.append(Problem("token.expiration", f"Unix seconds, 0 for never, got {token.expiration}."))


def given_quota(token: NewToken) -> QuotaRequest:
    """Returns the limits that the request gives: 0 is any amount."""
    return QuotaRequest(
        api_per_hour=token.api_rate_limit_hour,
        bytes_per_hour=token.bytes_rate_limit_hour,
        tasks_per_hour=token.task_rate_limit_hour,
        max_api=token.max_api,
        max_bytes=token.max_bytes,
        max_tasks=token.max_tasks,
    )


def token_detail(one: Token, secret: str | None = None) -> TokenDetail:
    """Returns the token as REST shows it: by its id, or by its secret in the only response that has it."""
    quota = one.quota
    return TokenDetail(
        **({} if quota is None else _used(quota)),
        token_id=secret or one.id,
        type=_kind(one),
        user_id=one.user_id,
        organization_ids=_organizations(one),
        role_ids=[ROLE_IDS[one.role]],
        access_all_organization=_reaches_all(one),
        expiration=optional(times.rest, one.expires_at),
        kvp_json=optional(json_text, one.jsondata),
        created_date_time=times.rest(one.created_at),
        modified_date_time=times.rest(one.modified_at),
    )


def _used(quota: TokenQuota) -> dict[str, int]:
    return {
        "api_rate_limit_hour": quota.api_per_hour,
        "bytes_rate_limit_hour": quota.bytes_per_hour,
        "task_rate_limit_hour": quota.tasks_per_hour,
        "max_api": quota.max_api,
        "max_bytes": quota.max_bytes,
        "max_tasks": quota.max_tasks,
        "total_count_api": quota.api,
        "total_count_bytes": quota.bytes,
        "total_count_tasks": quota.tasks,
    }


def _kind(one: Token) -> str:
    return _KIND_WORDS.get(one.kind, "api")


_KIND_WORDS: Final = {TokenKind.SESSION: "user", TokenKind.WORKER: WORKER}


def _organizations(one: Token) -> list[str]:
    """Returns those that the token is for; of a token for workers those whose work they take."""
    owners = None if one.worker is None else one.worker.organizations
    return [ids.organization_uuid(each) for each in (sorted(owners) if owners is not None else [one.organization_id])]


def _reaches_all(one: Token) -> bool:
    if one.worker is not None:
        return one.worker.organizations is None
    return one.super_admin and one.role is Role.ADMIN


def _tests(query: Query) -> list[Callable[[Token], bool]]:
    """Returns one test for each filter of the query."""
    tests: list[Callable[[Token], bool]] = []
    if (token_id := query.id("tokenID", *refs.UUID)) is not None:
        tests.append(lambda one: one.id == token_id.lower())
    if (user_id := query.id("userID", *refs.UUID)) is not None:
        tests.append(lambda one: one.user_id == user_id.lower())
    if (kind := query.word("type", KINDS)) is not None:
        tests.append(lambda one: _kind(one) == kind)
    if (roles := asked_roles(query)) is not None:
        tests.append(lambda one: one.role in roles)
    if (reaches_all := query.boolean("accessAllOrganization")) is not None:
        tests.append(lambda one: _reaches_all(one) is reaches_all)
    if [name for name in ("hostID", "engineInstanceID") if query.id(name, *refs.UUID) is not None]:
        tests.append(lambda _: False)  # no token is of a host or of an instance
    for name, at in (("Created", lambda one: one.created_at), ("Expire", lambda one: one.expires_at)):
        tests += _between(query.earliest(f"start{name}Time"), query.latest(f"end{name}Time"), at)
    return tests


def _between(since: int | None, until: int | None, at: Callable[[Token], int | None]) -> list[Callable[[Token], bool]]:
    if since is None and until is None:
        return []

    def fits(one: Token) -> bool:
        moment = at(one)
        return moment is not None and (since is None or moment >= since) and (until is None or moment <= until)

    return [fits]
