"""The queries and mutations of users, and the fields of a User and a Role (graphql-contract §2.7, §3.8)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.execution.scalars import Moment
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.domain import ids
from enginehouse.domain.errors import InvalidInput, unknown_word
from enginehouse.domain.identity import Organization, Role, User, UserRequest, UserStatus, rights
from enginehouse.operations import accounts, users

query, mutation = QueryType(), MutationType()
user_type, role_type = ObjectType("User"), ObjectType("Role")

_DATES: Final[dict[str, Callable[[User], int | None]]] = {
    "createdDateTime": lambda user: user.created_at,
    "modifiedDateTime": lambda user: user.modified_at,
    "lastLoginDateTime": lambda user: user.last_login_at,
}
_ROLES: Final = {
    Role.ADMIN: "Everything in the organization, its users and tokens too.",
    Role.USER: "Creates and changes jobs, schedules, targets and assets.",
    Role.READER: "Reads.",
}
_FIELDS: Final = {
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "imageUrl": "image_url",
    "jsondata": "jsondata",
}


@query.field("user")
async def get_user(_: object, info: Info, id: str, **args: Any) -> User:
    """Returns the user with this id, in one of the organizations if they are given."""
    context = info.context
    return await users.get(context.house, context.principal, refs.user(id), _numbers(args.get("organizationIds")))


@query.field("users")
async def list_users(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the users whom the caller manages, by name."""
    named = [] if args.get("id") is None else [{args["id"].lower()}]
    if args.get("ids") is not None:
        named.append({text.lower() for text in args["ids"] if text is not None})
    status = args.get("status")
    criteria = users.UserFilter(
        ids=frozenset(set.intersection(*named)) if named else None,
        name=args.get("name"),
        organizations=_numbers(args.get("organizationIds")),
        status=None if status is None else UserStatus(status),
        deleted_too=bool(args.get("includeAllOrgUsers")),
        matches=lambda user: all(_within(user, each) for each in args.get("dateTimeFilter") or ()),
    )
    found = await users.list_(info.context.house, info.context.principal, criteria)
    return paging.page(found, args.get("offset"), args.get("limit"), paging.USERS)


def _numbers(texts: Sequence[str | None] | None) -> tuple[int, ...] | None:
    return None if texts is None else tuple(filter(None, (ids.parse_number(text) for text in texts if text)))


def _within(user: User, dates: dict[str, Any]) -> bool:
    at = _DATES[dates["field"]](user)
    first: Moment | None = dates.get("fromDateTime")
    last: Moment | None = dates.get("toDateTime")
    return at is not None and (first is None or at >= int(first)) and (last is None or at <= last.last)


@query.field("permissions")
def list_permissions(_: object, __: Info, **args: Any) -> paging.Page:
    """Returns a page of all rights that a role can give."""
    part = (args.get("name") or "").casefold()
    found = [one for one in _permissions(rights(Role.ADMIN, super_admin=True)) if part in one["name"]]
    if args.get("id") is not None:
        found = [one for one in found if one["id"] == args["id"]]
    return paging.page(found, args.get("offset"), args.get("limit"), paging.USERS)


@query.field("groups")
def list_groups(_: object, __: Info, **args: Any) -> paging.Page:
    """Returns no groups, because users are in none here."""
    return paging.page((), args.get("offset"), args.get("limit"), paging.USERS)


@mutation.field("createUser")
async def create(_: object, info: Info, input: dict[str, Any] | None = None) -> User:
    """The user exists. Without a password it cannot sign in until an administrator sets one."""
    if input is None:
        raise InvalidInput("required.", "input")
    house, principal = info.context.house, info.context.principal
    owner = await accounts.acting(house, principal, input.get("organizationId"), "organizationId")
    request = _request(input)
    return await accounts.create_user(
        house,
        principal,
        name=input["name"],
        password=input.get("password"),
        organization_id=owner.organization_id,
        role=request.role or Role.USER,
        email=request.email,
        more=request,
    )


@mutation.field("updateUser")
async def update(_: object, info: Info, input: dict[str, Any] | None = None) -> User:
    """The given fields of the user are changed."""
    if input is None:
        raise InvalidInput("required.", "input")
    return await users.update(info.context.house, info.context.principal, refs.user(input["id"]), _request(input))


@mutation.field("updateCurrentUser")
async def update_current(_: object, info: Info, input: dict[str, Any]) -> User:
    """The given fields of the caller's user are changed."""
    return await users.update_current(info.context.house, info.context.principal, _request(input))


@mutation.field("updateUserStatus")
async def update_status(_: object, info: Info, input: dict[str, Any]) -> User:
    """The user has this status. The tokens of a user who is not active are not valid."""
    house, principal = info.context.house, info.context.principal
    return await users.set_status(house, principal, refs.user(input["id"]), UserStatus(input["status"]))


@mutation.field("deleteUser")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The user is deleted, and its tokens are revoked."""
    ref = refs.user(id)
    await users.delete(info.context.house, info.context.principal, ref)
    return {"id": ref.uuid, "message": f"User {ref.uuid} was deleted."}


@mutation.field("changePassword")
async def change_password(_: object, info: Info, input: dict[str, Any]) -> User:
    """The password is changed, and the user's sessions have ended."""
    house, principal = info.context.house, info.context.principal
    name, old, new = input.get("userName"), input.get("oldPassword"), input["newPassword"]
    if old is None and name is None:
        raise InvalidInput("give the old password of your own, or the userName of another user.", "oldPassword")
    if old is None or (name is not None and name != principal.user_name):
        return await accounts.set_password(house, principal, name or "", new, path="newPassword")
    return await users.change_password(house, principal, old, new)


def _request(fields: dict[str, Any]) -> UserRequest:
    given = {stored: fields.get(name) for name, stored in _FIELDS.items()}
    return UserRequest(name=fields.get("name"), role=_role(fields.get("roleIds")), **given)


def _role(names: list[str] | None) -> Role | None:
    if names is None:
        return None
    for number, name in enumerate(names):
        if name not in set(Role):
            raise InvalidInput([unknown_word(f"roleIds[{number}]", name, Role)])
    if len(set(names)) != 1:
        raise InvalidInput(f"exactly one role, got {len(set(names))}.", "roleIds")
    return Role(names[0])


# -- the fields of a User, a Role and a Permission ----------------------------------------------------------


@user_type.field("organization")
async def organization_of(user: Any, info: Info) -> Organization | None:
    """Returns the user's organization."""
    number: int = user["organization_id"] if isinstance(user, dict) else user.organization_id
    return await info.context.organizations.get(number)


def _of(name: str) -> Any:
    """Returns a resolver that reads a field of a User, or of the dict that replaces it if a token has no user."""

    def read(user: Any, _: Info) -> Any:
        return user.get(name) if isinstance(user, dict) else getattr(user, name)

    return read


def _first_name(user: Any, _: Info) -> str | None:
    return _named(user, "first_name", 0)


def _last_name(user: Any, _: Info) -> str | None:
    return _named(user, "last_name", 2)


def _named(user: Any, name: str, part: int) -> str | None:
    """Returns the name, or that part of the display name of a user who has nothing else."""
    if isinstance(user, dict):
        return None
    if user.first_name is None and user.last_name is None and user.display_name:
        return str(user.display_name).partition(" ")[part] or None
    given: str | None = getattr(user, name)
    return given


def _roles(user: Any, _: Info) -> list[Role]:
    return [] if isinstance(user, dict) else [user.role]


def _permissions(names: Sequence[str]) -> list[dict[str, str]]:
    return [{"id": name, "name": name} for name in names]


def _permissions_of_user(user: Any, info: Info) -> paging.Page:
    super_admin = not isinstance(user, dict) and user.super_admin
    role = info.context.principal.role if isinstance(user, dict) else user.role
    return _whole(_permissions(rights(role, super_admin=super_admin)))


def _whole(records: Sequence[Any]) -> paging.Page:
    return paging.Page(records, 0, len(records))


for _name, _stored in {
    "id": "id",
    "name": "name",
    "email": "email",
    "organizationId": "organization_id",
    "createdDateTime": "created_at",
    "modifiedDateTime": "modified_at",
    "lastLoginDateTime": "last_login_at",
    "passwordUpdatedDateTime": "password_changed_at",
    "imageUrl": "image_url",
    "jsondata": "jsondata",
}.items():
    user_type.set_field(_name, _of(_stored))
user_type.set_field("firstName", _first_name)
user_type.set_field("lastName", _last_name)
user_type.set_field("roles", _roles)
user_type.set_field("roleIds", _roles)
user_type.set_field("permissions", _permissions_of_user)
user_type.set_field("status", lambda user, _: "active" if isinstance(user, dict) else user.status)
user_type.set_field("mfaInfo", lambda _, __: {})
user_type.set_field("acls", lambda _, __: [])
user_type.set_field("userSettings", lambda _, __: [])

role_type.set_field("id", lambda role, _: role)
role_type.set_field("name", lambda role, _: role)
role_type.set_field("description", lambda role, _: _ROLES[role])
role_type.set_field("appName", lambda _, __: None)
role_type.set_field("permissions", lambda role, _: _whole(_permissions(rights(role))))

BINDABLES: Final = [query, mutation, user_type, role_type]
