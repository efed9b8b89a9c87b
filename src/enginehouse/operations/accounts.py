"""Organizations and their users."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

from msgspec import structs

from enginehouse.domain import ids
from enginehouse.domain.errors import InvalidInput, MalformedId, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import (
    Organization,
    OrganizationRequest,
    Principal,
    Role,
    User,
    UserRequest,
)
from enginehouse.operations import account_problems, bounds, passwords
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import is_super_admin, organization_for, require, require_super_admin
from enginehouse.storage import identity as storage
from enginehouse.storage import organizations
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.identity import UserRecord


@trail.mutation("createOrganization", "Organization")
async def create_organization(
    house: House,
    principal: Principal,
    name: str,
    default_retries: int | None = None,
    more: OrganizationRequest | None = None,
    known_problems: Sequence[Problem] = (),
) -> Organization:
    """Creates the organization with the next number; `more` has further fields.

    Raises NotAllowed unless the caller is a super administrator, InvalidInput.
    """
    require_super_admin(principal)
    request = structs.replace(more or OrganizationRequest(), name=name, default_retries=default_retries)
    bounds.refuse(account_problems.of_organization(request, named=True), known_problems)
    entry = trail.entry(principal, "createOrganization", object_type="Organization")

    async def make(tx: Tx) -> Organization:
        new = with_request(await _new_organization(tx, name, default_retries), request)
        await organizations.put(tx, new)
        await entries.record(tx, [entry.about(new.id)])
        return new

    return await house.database.write(make)


@trail.mutation("updateOrganization", "Organization", names="organization_id")
async def update_organization(
    house: House,
    principal: Principal,
    organization_id: int,
    request: OrganizationRequest,
    known_problems: Sequence[Problem] = (),
) -> Organization:
    """Updates the fields that the request sets, of the caller's own organization; super administrators update any.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    require(principal, Role.ADMIN)
    number = organization_for(principal, organization_id)
    bounds.refuse(account_problems.of_organization(request), known_problems)
    entry = trail.entry(
        principal, "updateOrganization", object_type="Organization", object_id=number, organization_id=number
    )

    async def change(tx: Tx) -> Organization:
        old = await organizations.lock(tx, number)
        if old is None:
            raise NotFound("Organization", number)
        new = replace(with_request(old, request), modified_at=tx.now)
        await organizations.put(tx, new)
        await entries.record(tx, [entry])
        return new

    return await house.database.write(change)


def with_request(old: Organization, request: OrganizationRequest) -> Organization:
    """Returns the organization with the fields that the request sets."""
    return replace(old, **{name: value for name, value in structs.asdict(request).items() if value is not None})


async def list_organizations(house: House, principal: Principal) -> list[Organization]:
    """Returns every organization for a super administrator, else only the caller's own."""
    if is_super_admin(principal):
        return await house.database.read(organizations.organizations)
    return [await get_organization(house, principal, None)]


async def get_organization(house: House, principal: Principal, organization_id: int | None) -> Organization:
    """Returns the organization; None means the caller's own. Raises NotFound, also for a foreign one."""
    number = organization_for(principal, organization_id)
    organization = None
    if 0 < number <= bounds.LARGEST_ID:
        organization = await house.database.peek(lambda tx: organizations.organization(tx, number))
    if organization is None:
        raise NotFound("Organization", number)
    return organization


async def get_many(house: House, principal: Principal, ids: Collection[int]) -> dict[int, Organization]:
    """Returns those of the organizations that the caller may see, by number."""
    require(principal, Role.READER)
    own = [number for number in ids if number == principal.organization_id or is_super_admin(principal)]
    return await house.database.read(lambda tx: organizations.organizations_by_ids(tx, own))


async def acting(house: House, principal: Principal, name: str | int | None, path: str) -> Principal:
    """Returns the caller as acting for the named organization: by number, by UUID or by its application's GUID.

    Without a name it acts for its own. Raises NotFound, the same for a foreign and for an unknown organization.
    """
    if name is None or name == "":
        return principal
    text = str(name)
    number = await _number(house, text)
    if number == principal.organization_id:
        return principal
    try:
        organization = await get_organization(house, principal, number or 0)
    except NotFound:
        if number is None and ids.parse_uuid(text) is None:
            raise MalformedId("Organization", text[:80], "a number or a UUID", path=path) from None
        raise NotFound("Organization", text[:80], path=path) from None
    return replace(principal, organization_id=organization.id)


async def _number(house: House, text: str) -> int | None:
    if (number := ids.parse_number(text)) is not None:
        return number
    tagged = ids.parse_tagged(ids.Tag.ORGANIZATION, text.lower())
    if tagged is not None:
        return tagged
    try:
        application_id = str(UUID(text))
    except ValueError:
        return None
    return await house.database.peek(lambda tx: organizations.of_application(tx, application_id))


@trail.mutation("createUser", "User")
async def create_user(
    house: House,
    principal: Principal,
    *,
    name: str,
    password: str | None,
    organization_id: int | None = None,
    role: Role = Role.USER,
    display_name: str | None = None,
    email: str | None = None,
    more: UserRequest | None = None,
    known_problems: Sequence[Problem] = (),
) -> User:
    """Creates the user. Without a password it cannot sign in until an administrator sets one.

    `more` has further fields. Raises NotAllowed, NotFound (organization), InvalidInput (also if the name is taken).
    """
    require(principal, Role.ADMIN)
    organization = await get_organization(house, principal, organization_id)
    known = UserRequest() if more is None else more
    bounds.refuse(
        account_problems.of_user(structs.replace(known, name=name, display_name=display_name, email=email), named=True)
        + ([] if password is None else passwords.problems(password)),
        known_problems,
    )
    row = UserRecord(
        id=str(uuid4()),
        name=name,
        password_hash=None if password is None else await passwords.hashed(password),
        role=role,
        display_name=display_name,
        email=email,
        first_name=known.first_name,
        last_name=known.last_name,
        image_url=known.image_url,
        jsondata=known.jsondata,
    )
    entry = trail.entry(principal, "createUser", object_type="User", object_id=row.id, organization_id=organization.id)

    async def make(tx: Tx) -> User | None:
        user = await storage.create_user(tx, organization.id, row)
        await entries.record(tx, [entry] if user is not None else [])
        return user

    user = await house.database.write(make)
    if user is None:
        raise InvalidInput([account_problems.name_is_taken(name)])
    return user


@trail.mutation("changePassword", "User")
async def set_password(house: House, principal: Principal, name: str, password: str, *, path: str = "password") -> User:
    """Sets the user's password and ends the user's sessions. Returns the user. `path` is that of the new password.

    Raises NotAllowed (only a super administrator may change a super administrator's password), NotFound, InvalidInput.
    """
    require(principal, Role.ADMIN)
    bounds.refuse(passwords.problems(password, path))
    organization_id = None if principal.super_admin else principal.organization_id
    return await replace_password(house, principal, organization_id, name, password)


async def replace_password(
    house: House, principal: Principal, organization_id: int | None, name: str, password: str
) -> User:
    """Stores the user's new password, ends its sessions, and forgets its failed logins. The caller has been checked."""
    password_hash = await passwords.hashed(password)
    entry = trail.entry(principal, "changePassword", object_type="User")

    async def change(tx: Tx) -> tuple[User, list[str]]:
        owner = await storage.user_named(tx, organization_id, name) if bounds.storable(name) else None
        if owner is None:
            raise NotFound("User", name)
        if owner.super_admin and not principal.super_admin:
            raise NotAllowed
        await entries.record(tx, [entry.about(owner.id, organization_id=owner.organization_id)])
        ended = await storage.set_password(tx, owner, password_hash)
        return replace(owner, password_changed_at=tx.now, modified_at=tx.now, has_password=True), ended

    user, ended = await house.database.write(change)
    house.known_tokens.forget(ended)
    house.failed_logins.forget(name)
    return user


async def _new_organization(tx: Tx, name: str, default_retries: int | None) -> Organization:
    return await organizations.create_organization(
        tx, name=name, application_id=str(uuid4()), default_retries=default_retries
    )
