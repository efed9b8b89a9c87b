"""Users in storage, as administrators manage them. A deleted user keeps its row."""

from typing import Final

from enginehouse.domain.identity import User, UserStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.user_rows import UserRow, json_text, user_of

_BY_ID: Final = Select("users.by_id", UserRow)
_LOCK: Final = Select("users.lock", UserRow)
_OF_ORGANIZATION: Final = Select("users.of_organization", UserRow)


async def by_id(tx: Tx, organization_id: int | None, user_id: str) -> User | None:
    """Returns the user, even a deleted one; of any organization if `organization_id` is None."""
    row = await _BY_ID.one(tx, id=user_id, organization_id=organization_id)
    return None if row is None else user_of(row)


async def lock(tx: Tx, organization_id: int | None, user_id: str) -> User | None:
    """Returns the user, locked until the transaction ends. A deleted one is not found."""
    row = await _LOCK.one(tx, id=user_id, organization_id=organization_id)
    return None if row is None else user_of(row)


async def of_organization(tx: Tx, organization_id: int) -> list[User]:
    """Returns every user of the organization by name, also deleted ones."""
    return [user_of(row) for row in await _OF_ORGANIZATION.all(tx, organization_id=organization_id)]


async def name_taken(tx: Tx, name: str, by_other_than: str) -> bool:
    """True if another user of any organization has the name."""
    return await tx.one("users.name_taken", name=name, id=by_other_than) is not None


async def put(tx: Tx, user: User) -> None:
    """Stores the user's fields, its role and its status."""
    await tx.run(
        "users.put",
        id=user.id,
        organization_id=user.organization_id,
        name=user.name,
        display_name=user.display_name,
        first_name=user.first_name,
        last_name=user.last_name,
        email=user.email,
        image_url=user.image_url,
        jsondata=json_text(user.jsondata),
        role=user.role.value,
        status=user.status.value,
        now=tx.now,
    )


async def is_last_administrator(tx: Tx, user: User) -> bool:
    """True if the organization has no other active administrator."""
    found = await tx.one("users.other_administrators", id=user.id, organization_id=user.organization_id)
    return found is None


async def is_last_super_administrator(tx: Tx, user: User) -> bool:
    """True if the server has no other active super administrator."""
    return await tx.one("users.other_super_administrators", id=user.id) is None


async def settle_tokens(tx: Tx, user: User) -> list[str]:
    """The user's tokens follow its role and status. Returns the hashes of those that were valid.

    Sessions get the role, and no key has more than it. A user who is not active has no session; a deleted one has
    neither a token nor a password.
    """
    person = {"organization_id": user.organization_id, "user_id": user.id}
    hashes = [token_hash for (token_hash,) in await tx.all("users.token_hashes", **person)]
    await tx.run("users.set_token_roles", role=user.role.value, **person)
    if user.status is UserStatus.SUSPENDED:
        await tx.all("identity.end_sessions_of_user", now=tx.now, **person)
    if user.status is UserStatus.DELETED:
        await tx.run("users.revoke_tokens", now=tx.now, **person)
        await tx.run("users.forget_password", id=user.id, organization_id=user.organization_id)
    return hashes


async def note_sign_in(tx: Tx, user: User) -> None:
    """The user has signed in now, without a password. Its expired sessions are gone."""
    person = {"organization_id": user.organization_id, "now": tx.now}
    await tx.run("users.note_sign_in", id=user.id, **person)
    await tx.run("identity.forget_old_sessions", user_id=user.id, **person)
