"""How organizations, users and tokens are kept: a token only as its hash, a password only as its argon2 hash."""

from dataclasses import dataclass
from typing import Final

from enginehouse.domain.identity import Organization, Principal, Role, Token, TokenKind, User
from enginehouse.storage.database.database import Row, Tx

IDENTITY_LOCK: Final = "identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token to be stored. `hash` is the SHA-256 of the secret in hex; `expires_at` in µs UTC, None for never."""

    hash: str
    id: str
    prefix: str
    organization_id: int
    user_id: str | None
    kind: TokenKind
    role: Role
    super_admin: bool = False
    name: str | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user to be stored; `password_hash` is argon2id's."""

    id: str
    name: str
    password_hash: str
    role: Role
    super_admin: bool = False
    display_name: str | None = None
    email: str | None = None


# -- tokens -------------------------------------------------------------------------------------------------


async def principal(tx: Tx, token_hash: str) -> tuple[Principal, int | None] | None:
    """The holder of the token and the µs it has left to live (None: for ever); None when it opens nothing."""
    row = await tx.one("identity.principal", hash=token_hash, now=tx.now)
    if row is None:
        return None
    organization_id, user_id, token_id, role, super_admin, expires_at, user_name = row
    holder = Principal(organization_id, user_id, token_id, Role(role), bool(super_admin), user_name)
    return holder, None if expires_at is None else expires_at - tx.now


async def insert_token(tx: Tx, row: NewToken) -> Token:
    """The token is stored; one that was there already is left, and answered, as it is."""
    await tx.run(
        "identity.insert_token",
        hash=row.hash,
        id=row.id,
        organization_id=row.organization_id,
        user_id=row.user_id,
        kind=row.kind.value,
        name=row.name,
        prefix=row.prefix,
        role=row.role.value,
        super_admin=int(row.super_admin),
        now=tx.now,
        expires_at=row.expires_at,
    )
    [stored] = await tx.all("identity.token_by_hash", hash=row.hash)
    return _token(stored)


async def token(tx: Tx, organization_id: int, *, token_id: str, token_hash: str) -> Token | None:
    row = await tx.one("identity.token", organization_id=organization_id, id=token_id, hash=token_hash)
    return None if row is None else _token(row)


async def live_tokens(tx: Tx, organization_id: int) -> list[Token]:
    """The organization's tokens that open something now, oldest first."""
    rows = await tx.all("identity.live_tokens", organization_id=organization_id, now=tx.now)
    return [_token(row) for row in rows]


async def revoke_token(tx: Tx, organization_id: int, token_id: str) -> str | None:
    """The token opens nothing from this commit on. Answers its hash, or None when it had been revoked before."""
    row = await tx.one("identity.revoke_token", organization_id=organization_id, id=token_id, now=tx.now)
    return None if row is None else str(row[0])


async def token_with_hash(tx: Tx, token_hash: str) -> Token | None:
    """The token, whether or not it still opens anything."""
    row = await tx.one("identity.token_by_hash", hash=token_hash)
    return None if row is None else _token(row)


async def end_session(tx: Tx, token_hash: str) -> Principal | None:
    """The session is over; answers whose it was, None when there was none with this hash."""
    found = await principal(tx, token_hash)
    ended = await tx.run("identity.end_session", hash=token_hash, now=tx.now)
    return found[0] if found and ended else None


def _token(row: Row) -> Token:
    token_id, organization_id, user_id, kind, name, prefix, role, created_at, expires_at, revoked_at = row
    return Token(
        id=token_id,
        organization_id=organization_id,
        user_id=user_id,
        kind=TokenKind(kind),
        name=name,
        prefix=prefix,
        role=Role(role),
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )


# -- organizations ------------------------------------------------------------------------------------------


async def create_organization(tx: Tx, *, name: str, application_id: str, default_retries: int | None) -> Organization:
    """The organization exists under the next number, starting at 1."""
    await tx.lock(IDENTITY_LOCK)
    [row] = await tx.all(
        "identity.insert_organization",
        name=name,
        application_id=application_id,
        default_retries=default_retries,
        now=tx.now,
    )
    return Organization(*row)


async def organization(tx: Tx, organization_id: int) -> Organization | None:
    row = await tx.one("identity.organization", organization_id=organization_id)
    return None if row is None else Organization(*row)


async def organization_of_application(tx: Tx, application_id: str) -> int | None:
    """The id of the organization with this application GUID."""
    row = await tx.one("identity.organization_of_application", application_id=application_id)
    return int(row[0]) if row else None


async def organizations(tx: Tx) -> list[Organization]:
    return [Organization(*row) for row in await tx.all("identity.organizations")]


# -- users --------------------------------------------------------------------------------------------------


async def create_user(tx: Tx, organization_id: int, row: NewUser) -> User | None:
    """The user exists; None when the name is taken, in whichever organization."""
    added = await tx.run(
        "identity.insert_user",
        id=row.id,
        organization_id=organization_id,
        name=row.name,
        display_name=row.display_name,
        email=row.email,
        password_hash=row.password_hash,
        role=row.role.value,
        super_admin=int(row.super_admin),
        now=tx.now,
    )
    return await user(tx, organization_id, row.id) if added else None


async def user(tx: Tx, organization_id: int, user_id: str) -> User | None:
    row = await tx.one("identity.user", id=user_id, organization_id=organization_id)
    return None if row is None else _user(row)


async def user_named(tx: Tx, organization_id: int | None, name: str) -> User | None:
    """The user with this name, locked; in any organization when that is None."""
    row = await tx.one("identity.user_named", name=name, organization_id=organization_id)
    return None if row is None else _user(row)


async def user_signing_in(tx: Tx, name: str) -> tuple[User, str | None] | None:
    """The user and its password hash, None for one who cannot sign in with a password."""
    row = await tx.one("identity.user_signing_in", name=name)
    return None if row is None else (_user(row[:-1]), row[-1])


async def open_session(tx: Tx, signing_in: User, password_hash: str, session: NewToken) -> bool:
    """The session is stored and the login noted; False when the password is no longer the one that was verified."""
    person = {"id": signing_in.id, "organization_id": signing_in.organization_id}
    if not await tx.run("identity.note_login", **person, password_hash=password_hash, now=tx.now):
        return False
    await tx.run(
        "identity.forget_old_sessions",
        user_id=signing_in.id,
        organization_id=signing_in.organization_id,
        now=tx.now,
    )
    await insert_token(tx, session)
    return True


async def set_password(tx: Tx, owner: User, password_hash: str) -> list[str]:
    """The password is replaced and every session of the user ended; answers the hashes of those sessions."""
    person = {"organization_id": owner.organization_id, "now": tx.now}
    await tx.run("identity.set_password", id=owner.id, password_hash=password_hash, **person)
    return [row[0] for row in await tx.all("identity.end_sessions_of_user", user_id=owner.id, **person)]


async def first_administrator(tx: Tx) -> tuple[int, str] | None:
    """The organization and the user that the bootstrap token belongs to, once the first start has made them."""
    row = await tx.one("identity.first_administrator")
    return None if row is None else (row[1], row[0])


def _user(row: Row) -> User:
    user_id, organization_id, name, display_name, email, role, super_admin, created_at, modified_at, last_login = row
    return User(
        id=user_id,
        organization_id=organization_id,
        name=name,
        display_name=display_name,
        email=email,
        role=Role(role),
        super_admin=bool(super_admin),
        created_at=created_at,
        modified_at=modified_at,
        last_login_at=last_login,
    )
