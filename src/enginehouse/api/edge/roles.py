"""The roles over REST. There are three, and each has a UUID that never changes."""

from typing import Final, NoReturn
from uuid import UUID, uuid5

import msgspec
from msgspec import field

from enginehouse.api.edge.identity_shapes import Success
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import PAGE, Uuid, answers, one_of
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain.errors import NotAllowed, Problem, excerpt
from enginehouse.domain.identity import Role, rights
from enginehouse.operations.permission import require

_NAMESPACE: Final = UUID("1d9ac1c1-8ae3-5a80-9c41-6a3a0f9c2a57")
ROLE_IDS: Final = {role: str(uuid5(_NAMESPACE, role.value)) for role in Role}
_ROLES: Final = {role_id: role for role, role_id in ROLE_IDS.items()} | {role.value: role for role in Role}
_ID: Final = refs.UUID._replace(words=f"a UUID, or its name: {', '.join(Role)}")
_FIXED: Final = "The roles of this server are admin, user and reader. None can be created, changed or deleted."


class RoleDetail(msgspec.Struct, rename=spelled, kw_only=True):
    active: bool = field(default=True, name="active")
    is_root: bool = field(default=False, name="isRoot")
    permission_ids: list[str]
    role_id: str
    role_name: str


class RoleAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    result: RoleDetail


class RoleList(msgspec.Struct, kw_only=True):
    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[RoleDetail]


@answers(
    RoleList, query={"roleID": Uuid, "roleName": str, "orderBy": one_of("roleName", "roleID", "createdTime"), **PAGE}
)
async def list_roles(call: Call) -> Reply:
    """GET admin/users/roles: the three roles, by name."""
    query = Query(call.query)
    role_id = query.id("roleID", *refs.UUID)
    name = (query.text("roleName") or "").casefold()
    query.word("orderBy", ("roleName", "roleID", "createdTime"))
    offset, limit = query.page()
    query.finish()
    require(call.principal, Role.READER)
    found = [role for role in sorted(Role) if name in role and role_id in {None, ROLE_IDS[role]}]
    page = [_detail(role) for role in found[offset : offset + limit]]
    return json(RoleList(count=len(found), limit=limit, offset=offset, result=page))


@answers(RoleAnswer)
async def detail(call: Call) -> Reply:
    """GET admin/users/role/{RoleID}/detail: the role, with its permissions."""
    require(call.principal, Role.READER)
    return json(RoleAnswer(result=_detail(_named(call.id))))


@answers(RoleAnswer)
async def create(call: Call) -> Reply:
    """POST admin/users/role/create: refused, because the roles are fixed."""
    _refuse(call)


@answers(RoleAnswer)
async def update(call: Call) -> Reply:
    """POST admin/users/role/{RoleID}/update: refused, because the roles are fixed."""
    require(call.principal, Role.ADMIN)
    _named(call.id)
    _refuse(call)


@answers(Success)
async def delete(call: Call) -> Reply:
    """POST admin/users/role/{RoleID}/delete: refused, because the roles are fixed."""
    require(call.principal, Role.ADMIN)
    _named(call.id)
    _refuse(call)


def given_role(role_ids: list[str] | None, path: str, problems: list[Problem]) -> Role | None:
    """Returns the only role of the list, by its UUID or its name. Anything else is a problem."""
    if not role_ids:
        return None
    roles = set[Role]()
    for number, text in enumerate(role_ids):
        role = _ROLES.get(text.lower())
        if role is None:
            words = "the id or the name of a role: " + ", ".join(Role)
            problems.append(Problem(f"{path}[{number}]", f"{words}; got {excerpt(text)}.", excerpt(text), words))
        else:
            roles.add(role)
    if len(roles) > 1:
        problems.append(Problem(path, f"exactly one role, got {len(roles)}."))
    return next(iter(roles), None)


def asked_roles(query: Query) -> set[Role] | None:
    """Returns the roles of the query's `roleIDs`; None if it names none."""
    text = query.id("roleIDs", *refs.UUIDS)
    if text is None:
        return None
    named = {one.strip().lower() for one in text.split(",")}
    return {role for role, role_id in ROLE_IDS.items() if role_id in named}


def _named(text: str) -> Role:
    role = _ROLES.get(text.lower())
    if role is None:
        raise _ID.missing("Role", text)
    return role


def _refuse(call: Call) -> NoReturn:
    require(call.principal, Role.ADMIN)
    raise NotAllowed(_FIXED)


def _detail(role: Role) -> RoleDetail:
    return RoleDetail(permission_ids=rights(role), role_id=ROLE_IDS[role], role_name=role.value)
