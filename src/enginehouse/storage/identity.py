"""Users in storage as they sign in: a password only as its argon2 hash."""

from dataclasses import dataclass
from typing import Any, Final

from enginehouse.domain.identity import Role, User
from enginehouse.storage import tokens
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.user_rows import SigningInRow, UserRow, json_text, user_of

IDENTITY_LOCK: Final = "identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """A user to store; `password_hash` is an argon2id hash, None for a user who cannot sign in."""

    id: str
    name: str
    password_hash: str | None
    role: Role
    super_admin: bool = False
    display_name: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    image_url: str | None = None
    jsondata: Any = None


_USER: Final = Select("identity.user", UserRow)
_USER_NAMED: Final = Select("identity.user_named", UserRow)
_USER_SIGNING_IN: Final = Select("identity.user_signing_in", SigningInRow)


async def create_user(tx: Tx, organization_id: int, row: UserRecord) -> User | None:
    """Creates the user. Returns None if the name is taken in any organization."""
    added = await tx.run(
        "identity.insert_user",
        id=row.id,
        organization_id=organization_id,
        name=row.name,
        display_name=row.display_name,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        image_url=row.image_url,
        jsondata=json_text(row.jsondata),
        password_hash=row.password_hash,
        password_changed_at=None if row.password_hash is None else tx.now,
        role=row.role.value,
        super_admin=int(row.super_admin),
        now=tx.now,
    )
    return await user(tx, organization_id, row.id) if added else None


async def user(tx: Tx, organization_id: int, user_id: str) -> User | None:
    row = await _USER.one(tx, id=user_id, organization_id=organization_id)
    return None if row is None else user_of(row)


async def user_named(tx: Tx, organization_id: int | None, name: str) -> User | None:
    """Returns the user with this name, locked; in any organization if `organization_id` is None."""
    row = await _USER_NAMED.one(tx, name=name, organization_id=organization_id)
    return None if row is None else user_of(row)


async def user_signing_in(tx: Tx, name: str) -> tuple[User, str | None] | None:
    """Returns the user and its password hash, which is None if the user cannot sign in with a password."""
    row = await _USER_SIGNING_IN.one(tx, name=name)
    return None if row is None else (user_of(row), row.password_hash)


async def open_session(tx: Tx, signing_in: User, password_hash: str, session: tokens.TokenRecord) -> bool:
    """Stores the session and the login time. Returns False if the password has changed since it was verified."""
    person = {"id": signing_in.id, "organization_id": signing_in.organization_id}
    if not await tx.run("identity.note_login", **person, password_hash=password_hash, now=tx.now):
        return False
    await tx.run(
        "identity.forget_old_sessions",
        user_id=signing_in.id,
        organization_id=signing_in.organization_id,
        now=tx.now,
    )
    await tokens.insert_token(tx, session)
    return True


async def set_password(tx: Tx, owner: User, password_hash: str) -> list[str]:
    """Replaces the password and ends every session of the user. Returns the hashes of these sessions."""
    person = {"organization_id": owner.organization_id, "now": tx.now}
    await tx.run("identity.set_password", id=owner.id, password_hash=password_hash, **person)
    return [token_hash for (token_hash,) in await tx.all("identity.end_sessions_of_user", user_id=owner.id, **person)]


async def first_administrator(tx: Tx, organization_id: int = 1) -> tuple[int, str] | None:
    """Returns the organization and its administrator who was created first; None if no user of it is one.

    The bootstrap token belongs to that of organization 1.
    """
    rows = await tx.all("identity.first_administrator", organization_id=organization_id)
    return next(((owner, user_id) for user_id, owner in rows), None)
