"""Users, as administrators manage them and as they manage themselves."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from msgspec import structs

from enginehouse.domain.audit import Entry
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role, User, UserRequest, UserStatus
from enginehouse.domain.refs import UuidRef
from enginehouse.operations import account_problems, accounts, bounds, passwords
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import is_super_admin, require
from enginehouse.storage import identity as accounts_storage
from enginehouse.storage import users as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

USER: Final = "User"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    """Which users to list; a field that is None excludes nothing.

    `name` is a part of a name or of the mail address, in any case. `organizations`: None is the caller's own; those
    that the caller may not see have no users. Without `status`, deleted users are left out unless `deleted_too`.
    """

    ids: frozenset[str] | None = None
    name: str | None = None
    organizations: tuple[int, ...] | None = None
    status: UserStatus | None = None
    deleted_too: bool = False
    matches: Callable[[User], bool] = lambda user: True


async def list_(house: House, principal: Principal, criteria: UserFilter) -> list[User]:
    """Returns the matching users by name. Raises NotAllowed."""
    require(principal, Role.ADMIN)
    named = (principal.organization_id,) if criteria.organizations is None else criteria.organizations
    visible = sorted({one for one in named if one == principal.organization_id or is_super_admin(principal)})

    async def read(tx: Tx) -> list[User]:
        return [user for number in visible for user in await storage.of_organization(tx, number)]

    part = (criteria.name or "").casefold()
    found = [
        user
        for user in await house.database.read(read)
        if (criteria.ids is None or user.id in criteria.ids)
        and (user.status is criteria.status if criteria.status else criteria.deleted_too or _exists(user))
        and any(part in (text or "").casefold() for text in _names(user))
        and criteria.matches(user)
    ]
    return sorted(found, key=lambda user: (user.name, user.id))


def _names(user: User) -> Sequence[str | None]:
    whole = " ".join(filter(None, (user.first_name, user.last_name)))
    return user.name, user.display_name, whole, user.email


def _exists(user: User) -> bool:
    return user.status is not UserStatus.DELETED


async def get(house: House, principal: Principal, ref: UuidRef, organizations: Sequence[int] | None = None) -> User:
    """Returns the user, in one of the organizations if they are given. A deleted one says so in its status.

    Everybody may read themselves, an administrator the users of the organization. Raises NotAllowed, NotFound.
    """
    require(principal, Role.READER if ref.key == principal.user_id else Role.ADMIN)
    user = await house.database.peek(lambda tx: storage.by_id(tx, _scope(principal), ref.key))
    if user is None or (organizations is not None and user.organization_id not in organizations):
        raise NotFound(USER, ref.text)
    return user


def _scope(principal: Principal) -> int | None:
    return None if is_super_admin(principal) else principal.organization_id


@trail.mutation("updateUser", USER, names="ref")
async def update(
    house: House,
    principal: Principal,
    ref: UuidRef,
    request: UserRequest,
    *,
    status: UserStatus | None = None,
    known_problems: Sequence[Problem] = (),
    check: Callable[[User], list[Problem]] = lambda user: [],
) -> User:
    """Updates the fields that the request sets, and the status. A new role holds at once, for all tokens of the user.

    `check` returns further problems of the request for this user.

    Raises NotAllowed, NotFound, and InvalidInput, also if the organization would lose its last administrator.
    """
    require(principal, Role.ADMIN)

    async def change(tx: Tx, old: User) -> User:
        new = await _updated(tx, old, request, [*known_problems, *check(old)])
        return replace(new, status=status or old.status)

    return await _change(house, principal, ref, "updateUser", change)


@trail.mutation("changePassword", USER, names="ref")
async def set_password(
    house: House,
    principal: Principal,
    ref: UuidRef,
    password: str,
    *,
    known_problems: Sequence[Problem] = (),
    check: Callable[[User], list[Problem]] = lambda user: [],
) -> User:
    """Sets the user's password and ends the user's sessions, as `accounts.set_password` does for a name."""
    require(principal, Role.ADMIN)
    user = await get(house, principal, ref)
    if user.status is UserStatus.DELETED:
        raise NotFound(USER, ref.text)
    bounds.refuse(passwords.problems(password), [*known_problems, *check(user)])
    return await accounts.replace_password(house, principal, user.organization_id, user.name, password)


@trail.mutation("updateCurrentUser", USER)
async def update_current(house: House, principal: Principal, request: UserRequest) -> User:
    """Updates the caller's own user, except its name and role. Raises NotAllowed for a token that may do less."""
    user = await own(house, principal)
    ref = UuidRef(user.id, user.id)
    return await _change(house, principal, ref, "updateCurrentUser", lambda tx, old: _updated(tx, old, request))


@trail.mutation("updateUserStatus", USER, names="ref")
async def set_status(house: House, principal: Principal, ref: UuidRef, status: UserStatus) -> User:
    """Suspends the user, makes it active again, or deletes it.

    The tokens of a suspended user are not valid from this commit on; its sessions end, its keys are valid again with
    the user. Raises NotAllowed, NotFound, and InvalidInput for the last administrator.
    """
    return await _set_status(house, principal, ref, status, "updateUserStatus")


@trail.mutation("deleteUser", USER, names="ref")
async def delete(house: House, principal: Principal, ref: UuidRef) -> None:
    """Deletes the user: its tokens are revoked, its name is free, what it has made stays. Raises as `set_status`."""
    await _set_status(house, principal, ref, UserStatus.DELETED, "deleteUser")


async def _set_status(house: House, principal: Principal, ref: UuidRef, status: UserStatus, event: str) -> User:
    require(principal, Role.ADMIN)

    async def change(_: Tx, old: User) -> User:
        return replace(old, status=status)

    return await _change(house, principal, ref, event, change)


@trail.mutation("changePassword", USER)
async def change_password(house: House, principal: Principal, old: str, new: str) -> User:
    """Changes the caller's own password, and ends all of its sessions.

    Raises NotAllowed for a token that may do less than its user, InvalidInput, and CapacityExceeded after too many
    wrong old passwords, which count as failed logins.
    """
    user = await own(house, principal)
    bounds.refuse(passwords.problems(new, "newPassword"))
    wrong = trail.entry(
        principal, "changePassword", object_type=USER, object_id=user.id, success=False, detail="wrong old password"
    )
    known = await house.database.peek(lambda tx: accounts_storage.user_signing_in(tx, user.name))
    try:
        async with house.failed_logins.attempt(user.name):
            if not await passwords.verified(None if known is None else known[1], old):
                raise NotFound(USER, "")
    except NotFound:
        await house.refusals.note(wrong)
        raise InvalidInput("is not the password of the user.", "oldPassword") from None
    return await accounts.replace_password(house, principal, user.organization_id, user.name, new)


async def own(house: House, principal: Principal) -> User:
    """Returns the caller's user. Raises NotAllowed if the token has none, or may do less than its user."""
    user_id, organization_id = principal.user_id, principal.organization_id
    user = None
    if user_id is not None:
        user = await house.database.peek(lambda tx: storage.by_id(tx, organization_id, user_id))
    if user is None or not principal.role.covers(user.role) or user.super_admin > principal.super_admin:
        raise NotAllowed
    return user


async def _change(
    house: House,
    principal: Principal,
    ref: UuidRef,
    event: str,
    work: Callable[[Tx, User], Awaitable[User]],
) -> User:
    """Changes the user with `work`, which gets it locked, and records that. Its tokens follow."""
    entry = trail.entry(principal, event, object_type=USER, object_id=ref.key)

    async def apply(tx: Tx) -> tuple[User, list[str]]:
        await tx.lock(accounts_storage.IDENTITY_LOCK)  # two administrators who remove one another must see each other
        old = await storage.lock(tx, _scope(principal), ref.key)
        if old is None:
            raise NotFound(USER, ref.text)
        if old.super_admin and not is_super_admin(principal):
            raise NotAllowed
        new = await work(tx, old)
        if (new.role, new.status) != (old.role, old.status):
            await _refuse_last(tx, old, new)
        return new, await _store(tx, old, new, entry)

    user, hashes = await house.database.write(apply)
    house.known_tokens.forget(hashes)
    if user.status is UserStatus.DELETED:
        return replace(user, has_password=False)
    return user


async def _store(tx: Tx, old: User, new: User, entry: Entry) -> list[str]:
    """Stores the user, the audit row, and what follows for its tokens. Returns the hashes of those to look up again."""
    await storage.put(tx, new)
    await entries.record(tx, [entry.about(new.id, organization_id=new.organization_id)])
    changed = (new.role, new.status, new.name) != (old.role, old.status, old.name)
    return await storage.settle_tokens(tx, new) if changed else []


async def _refuse_last(tx: Tx, old: User, new: User) -> None:
    """Refuses to take the last administrator from an organization, or the last super administrator from the server."""
    stays = new.role is Role.ADMIN and new.status is UserStatus.ACTIVE
    was = old.role is Role.ADMIN and old.status is UserStatus.ACTIVE
    path = "roleIds" if new.role is not old.role else "status" if _exists(new) else "id"
    if was and not stays and old.super_admin and await storage.is_last_super_administrator(tx, old):
        raise InvalidInput("this is the last super administrator of the server; it stays as it is.", path)
    if was and not stays and await storage.is_last_administrator(tx, old):
        text = "this is the last administrator of the organization. Make another user an administrator first."
        raise InvalidInput(text, path)


async def _updated(tx: Tx, old: User, request: UserRequest, known: Sequence[Problem] = ()) -> User:
    bounds.refuse(account_problems.of_user(request), known)
    given = {name: value for name, value in structs.asdict(request).items() if value is not None}
    if "name" in given and await storage.name_taken(tx, given["name"], by_other_than=old.id):
        raise InvalidInput([account_problems.name_is_taken(given["name"])])
    return replace(old, **given, modified_at=tx.now)
