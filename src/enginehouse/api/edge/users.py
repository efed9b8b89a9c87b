"""Users over REST."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from enginehouse.api.edge import tokens
from enginehouse.api.edge.identity_shapes import Success, UserDetail
from enginehouse.api.edge.problem_paths import refuse_unkept, within
from enginehouse.api.edge.roles import ROLE_IDS, asked_roles, given_role
from enginehouse.api.edge.user_shapes import UserAnswer, UserChange, UserList, UserPermissions, WriteUser
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import PAGE, Direction, answers, one_of
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.spelling import json_text, optional, read_json_text
from enginehouse.domain import ids, times
from enginehouse.domain.errors import InvalidInput, Problem, excerpt, unknown_word
from enginehouse.domain.identity import Role, User, UserRequest, UserStatus, rights
from enginehouse.operations import accounts, identity, users

_STATUSES: Final = {"active": UserStatus.ACTIVE, "inactive": UserStatus.SUSPENDED, "deleted": UserStatus.DELETED}
_WORDS: Final = {"name": "userName", "jsondata": "kvpJSON", "roleIds": "roleIDs"}
_ORDER: Final[dict[str, Callable[[User], Any]]] = {
    "created_date_time": lambda one: (one.created_at, one.id),
    "createdDateTime": lambda one: (one.created_at, one.id),
    "modified_date_time": lambda one: (one.modified_at, one.id),
    "modifiedDateTime": lambda one: (one.modified_at, one.id),
    "userName": lambda one: (one.name.casefold(), one.id),
    "displayName": lambda one: ((one.display_name or "").casefold(), one.id),
    "email": lambda one: ((one.email or "").casefold(), one.id),
}
_WRITE: Final = Body(WriteUser)
_DELETED: Final = Reply(b'{"success":true}')


@answers(
    UserList,
    query={
        "status": one_of("active", "trial", "inactive", "deleted"),
        "name": str,
        "userName": str,
        "email": str,
        "roleIDs": str,
        "organizationIDs": str,
        "accessAllOrganization": bool,
        "isSuperAdmin": bool,
        "orderBy": one_of(*_ORDER),
        "direction": Direction,
        **PAGE,
    },
)
async def list_users(call: Call) -> Reply:
    """GET admin/users: a page of the users whom the caller manages, deleted ones only if the status asks for them."""
    query = Query(call.query)
    status = query.word("status", ("active", "trial", "inactive", "deleted"))
    tests = _tests(query)
    order = _ORDER[query.order(tuple(_ORDER))]
    offset, limit = query.integer("offset", 0, 0, 2**31 - 1), query.integer("limit", 100, 1, 1000)
    descending = query.descending()
    owners = query.id("organizationIDs", *refs.NUMBERS_OR_UUIDS)
    name = query.text("name")
    query.finish()
    criteria = users.UserFilter(
        name=name,
        organizations=None if owners is None else tuple([await _owner(call, one) for one in owners.split(",")]),
        status=_STATUSES.get(status or ""),
        matches=lambda user: status != "trial" and all(fits(user) for fits in tests),
    )
    found = sorted(await users.list_(call.house, call.principal, criteria), key=order, reverse=descending)
    page = [user_detail(one) for one in found[offset : offset + limit]]
    return json(UserList(count=len(found), limit=limit, offset=offset, result=page))


async def _owner(call: Call, text: str) -> int:
    return (await accounts.acting(call.house, call.principal, text.strip(), "organizationIDs")).organization_id


def _tests(query: Query) -> list[Callable[[User], bool]]:
    tests: list[Callable[[User], bool]] = []
    if (name := query.text("userName")) is not None:
        tests.append(lambda one: name.casefold() in one.name.casefold())
    if (email := query.text("email")) is not None:
        tests.append(lambda one: email.casefold() in (one.email or "").casefold())
    if (roles := asked_roles(query)) is not None:
        tests.append(lambda one: one.role in roles)
    flags = [query.boolean(parameter) for parameter in ("accessAllOrganization", "isSuperAdmin")]
    return tests + [_is_super_admin(wanted) for wanted in flags if wanted is not None]


def _is_super_admin(wanted: bool) -> Callable[[User], bool]:
    return lambda one: one.super_admin is wanted


@answers(UserAnswer)
async def detail(call: Call) -> Reply:
    """GET admin/user/{UserID}/detail: the user."""
    return json(UserAnswer(result=user_detail(await users.get(call.house, call.principal, refs.user(call.id)))))


@answers(UserPermissions)
async def permissions(call: Call) -> Reply:
    """GET admin/user/{UserID}/permissions: what the user's role allows."""
    user = await users.get(call.house, call.principal, refs.user(call.id))
    return json(UserPermissions(result=rights(user.role, super_admin=user.super_admin), user_id=user.id))


@answers(tokens.TokensOf)
async def tokens_of(call: Call) -> Reply:
    """GET admin/user/{UserID}/tokens: the user's tokens that are valid now, never their secrets."""
    user = await users.get(call.house, call.principal, refs.user(call.id))
    found = await identity.list_tokens(call.house, call.principal, user.organization_id)
    return json(tokens.TokensOf(result=[tokens.token_detail(one) for one in found if one.user_id == user.id]))


@answers(UserAnswer, body=_WRITE)
async def create(call: Call) -> Reply:
    """POST admin/users/create: a new user, who cannot sign in without a password until an administrator sets one."""
    body, problems = await call.judged_body(_WRITE)
    new = body.user
    _refuse_unkept(new)
    if new.user_id:
        problems.append(Problem("user.userID", "the server chooses it; leave it out."))
    if new.status and new.status != "active":
        text = "a new user is active; update the user afterwards."
        problems.append(Problem("user.status", text, excerpt(new.status), "active"))
    owner = await accounts.acting(call.house, call.principal, _organization(new), "user.internalOrganizationID")
    with within("user", _WORDS):
        made = await accounts.create_user(
            call.house,
            call.principal,
            name=new.user_name or "",
            password=new.password or None,
            organization_id=owner.organization_id,
            role=given_role(new.role_ids, "user.roleIDs", problems) or Role.USER,
            display_name=new.display_name or None,
            email=new.email or None,
            more=UserRequest(jsondata=read_json_text(new.kvp_json, "user.kvpJSON", problems)),
            known_problems=problems,
        )
    return json(UserAnswer(result=user_detail(made)))


@answers(UserAnswer, body=_WRITE)
async def update(call: Call) -> Reply:
    """POST admin/user/{UserID}/update: changes the given fields; a password goes alone."""
    ref = refs.user(call.id)
    body, problems = await call.judged_body(_WRITE)
    change = body.user
    _refuse_unkept(change)
    request = UserRequest(
        name=change.user_name or None,
        display_name=change.display_name or None,
        email=change.email or None,
        jsondata=read_json_text(change.kvp_json, "user.kvpJSON", problems),
        role=given_role(change.role_ids, "user.roleIDs", problems),
    )
    status = _STATUSES.get(change.status or "")
    if change.status and status is None:
        problems.append(unknown_word("user.status", change.status, _STATUSES))
    check = partial(_moved, change)
    with within("user", _WORDS):
        if change.password:
            if request != UserRequest() or status is not None:
                problems.append(Problem("user.password", "send it alone: a new password is a change of its own."))
            user = await users.set_password(
                call.house, call.principal, ref, change.password, known_problems=problems, check=check
            )
        else:
            user = await users.update(
                call.house, call.principal, ref, request, status=status, known_problems=problems, check=check
            )
    return json(UserAnswer(result=user_detail(user)))


@answers(Success)
async def delete(call: Call) -> Reply:
    """POST admin/user/{UserID}/delete: the user's tokens are revoked, and what it has made stays."""
    await users.delete(call.house, call.principal, refs.user(call.id))
    return _DELETED


def _moved(change: UserChange, user: User) -> list[Problem]:
    """Returns a problem for each fixed field to which the request gives another value."""
    known = refs.organization_spellings(user.organization_id)
    return [
        Problem(path, "cannot be changed.", excerpt(given))
        for path, given, allowed in (
            ("user.userID", change.user_id, {user.id}),
            ("user.internalOrganizationID", str(change.internal_organization_id or ""), known),
            ("user.organizationIDs", ",".join(change.organization_ids or ()), known),
        )
        if given and given.lower() not in allowed
    ]


def _organization(new: UserChange) -> str | int | None:
    """Returns the only organization that the request names. Raises InvalidInput for several."""
    named = [one for one in (new.internal_organization_id, *(new.organization_ids or ())) if one]
    if len({str(one).lower() for one in named}) > 1:
        raise InvalidInput("a user belongs to one organization.", "user.organizationIDs")
    return named[0] if named else None


def _refuse_unkept(user: UserChange) -> None:
    refuse_unkept(
        "user",
        {
            "isSuperAdmin": user.is_super_admin,
            "accessAllOrganization": user.access_all_organization,
            "expiration": user.expiration,
            "inviteRequested": user.invite_requested,
            "inviteURL": user.invite_url,
            "passwordChangeRequired": user.password_change_required,
            "userSettingsJSON": user.user_settings_json,
        },
    )


def user_detail(user: User) -> UserDetail:
    """Returns the user as REST shows it."""
    owner = ids.organization_uuid(user.organization_id)
    return UserDetail(
        user_id=user.id,
        user_name=user.name,
        display_name=user.display_name or _whole_name(user),
        email=user.email,
        internal_organization_id=owner,
        organization_ids=[owner],
        access_all_organization=user.super_admin,
        super_admin=user.super_admin,
        role_ids=[ROLE_IDS[user.role]],
        permission_ids=rights(user.role, super_admin=user.super_admin),
        status=next(word for word, status in _STATUSES.items() if status is user.status),
        kvp_json=optional(json_text, user.jsondata),
        date_password_last_updated=optional(times.rest, user.password_changed_at),
        created_date_time=times.rest(user.created_at),
        modified_date_time=times.rest(user.modified_at),
        last_logged_in=optional(times.rest, user.last_login_at),
    )


def _whole_name(user: User) -> str | None:
    return " ".join(filter(None, (user.first_name, user.last_name))) or None
