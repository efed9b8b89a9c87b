"""Who there is: organizations, their users, and the first of both."""

from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Organization, Principal, Role, TokenKind, User
from enginehouse.operations import bounds, passwords, tokens
from enginehouse.operations.house import House
from enginehouse.operations.permission import organization_for, require, require_super_admin
from enginehouse.storage import identity as storage
from enginehouse.storage.database import Tx
from enginehouse.storage.identity import TokenRow, UserRow

FIRST_USER: Final = "admin"
FIRST_ORGANIZATION: Final = "Enginehouse"


@dataclass(frozen=True, slots=True)
class FirstStart:
    """The secrets that the first start made; None where nothing was made."""

    admin_password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


async def create_organization(
    house: House, principal: Principal, name: str, default_retries: int | None = None
) -> Organization:
    """The organization exists under the next number. Raises NotAllowed unless a super administrator asks."""
    require_super_admin(principal)
    problems = bounds.text("name", name, longest=bounds.LONGEST_NAME, required=True)
    if default_retries is not None and not 0 <= default_retries <= 100:
        problems.append(Problem("defaultRetries", "must be between 0 and 100.", str(default_retries), "0..100"))
    bounds.refuse(problems)
    return await house.database.write(lambda tx: _new_organization(tx, name, default_retries))


async def list_organizations(house: House, principal: Principal) -> list[Organization]:
    """Every organization for a super administrator, else the caller's own."""
    if principal.super_admin:
        return await house.database.read(storage.organizations)
    return [await get_organization(house, principal, None)]


async def get_organization(house: House, principal: Principal, organization_id: int | None) -> Organization:
    """The organization, the caller's own when None. Raises NotFound, for a foreign one too."""
    wanted = organization_for(principal, organization_id)
    found = None
    if 0 < wanted <= bounds.LARGEST_ID:
        found = await house.database.peek(lambda tx: storage.organization(tx, wanted))
    if found is None:
        raise NotFound("Organization", wanted)
    return found


async def create_user(
    house: House,
    principal: Principal,
    *,
    name: str,
    password: str,
    organization_id: int | None = None,
    role: Role = Role.USER,
    display_name: str | None = None,
    email: str | None = None,
) -> User:
    """The user can sign in. Raises NotAllowed, NotFound (organization), InvalidInput (the name is taken, too)."""
    require(principal, Role.ADMIN)
    organization = await get_organization(house, principal, organization_id)
    bounds.refuse(
        bounds.text("name", name, longest=bounds.LONGEST_NAME, required=True)
        + bounds.text("displayName", display_name, longest=bounds.LONGEST_NAME)
        + bounds.text("email", email, longest=bounds.LONGEST_NAME)
        + passwords.problems(password)
    )
    row = UserRow(
        id=str(uuid4()),
        name=name,
        password_hash=await passwords.hashed(password),
        role=role,
        display_name=display_name,
        email=email,
    )
    user = await house.database.write(lambda tx: storage.create_user(tx, organization.id, row))
    if user is None:
        raise InvalidInput([Problem("name", f'the name "{name}" is taken.', name)])
    return user


async def set_password(house: House, principal: Principal, name: str, password: str) -> None:
    """The user signs in with the new password from now on, and the user's sessions are over.

    Raises NotAllowed (a super administrator's password is changed by one only), NotFound, InvalidInput.
    """
    require(principal, Role.ADMIN)
    organization_id = None if principal.super_admin else principal.organization_id
    bounds.refuse(passwords.problems(password))
    password_hash = await passwords.hashed(password)

    async def change(tx: Tx) -> list[str]:
        owner = await storage.user_named(tx, organization_id, name) if bounds.storable(name) else None
        if owner is None:
            raise NotFound("User", name)
        if owner.super_admin and not principal.super_admin:
            raise NotAllowed
        return await storage.set_password(tx, owner, password_hash)

    house.known_tokens.forget(await house.database.write(change))
    house.failed_logins.clear(name)


async def first_start(house: House, *, init_token: str | None) -> FirstStart:
    """Organization 1, its administrator `admin` and a bootstrap token exist. Answers the secrets it made itself.

    `init_token` is stored as the bootstrap token if it is not there yet. Any number of servers may call it at once.
    """
    known = init_token.strip() if init_token else ""
    fresh = await house.database.peek(storage.first_administrator) is None
    password = passwords.new_password() if fresh else ""
    password_hash = await passwords.hashed(password) if fresh else ""
    secret = known or tokens.new_uuid()

    async def begin(tx: Tx) -> FirstStart:
        await tx.lock(storage.IDENTITY_LOCK, shared=False)
        owner = await storage.first_administrator(tx)
        made = owner is None
        if owner is None:
            owner = await _first_administrator(tx, password_hash)
        if made or known:
            await storage.insert_token(tx, _bootstrap(secret, *owner))
        return FirstStart(password if made else None, secret if made and not known else None)

    return await house.database.write(begin)


async def _first_administrator(tx: Tx, password_hash: str) -> tuple[int, str]:
    organization = await _new_organization(tx, FIRST_ORGANIZATION, None)
    row = UserRow(id=str(uuid4()), name=FIRST_USER, password_hash=password_hash, role=Role.ADMIN, super_admin=True)
    await storage.create_user(tx, organization.id, row)
    return organization.id, row.id


async def _new_organization(tx: Tx, name: str, default_retries: int | None) -> Organization:
    return await storage.create_organization(
        tx, name=name, application_id=str(uuid4()), default_retries=default_retries
    )


def _bootstrap(secret: str, organization_id: int, user_id: str) -> TokenRow:
    return tokens.row(
        secret,
        organization_id=organization_id,
        user_id=user_id,
        kind=TokenKind.BOOTSTRAP,
        role=Role.ADMIN,
        super_admin=True,
        name="bootstrap",
    )
