"""The first start on a database: organization 1, its administrator and a bootstrap token."""

from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from enginehouse.domain.audit import Entry
from enginehouse.domain.identity import Role, TokenKind
from enginehouse.operations import passwords, tokens
from enginehouse.operations.house import House
from enginehouse.storage import identity as storage
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage import tokens as stored_tokens
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.identity import UserRecord
from enginehouse.storage.tokens import TokenRecord

FIRST_USER: Final = "admin"
FIRST_ORGANIZATION: Final = "Enginehouse"


@dataclass(frozen=True, slots=True)
class FirstStart:
    """The secrets that the first start created; None for a secret that it did not create."""

    admin_password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


async def first_start(house: House, *, init_token: str | None) -> FirstStart:
    """Creates organization 1, its administrator `admin` and a bootstrap token, if missing. Returns the new secrets.

    `init_token` is stored as the bootstrap token if it is not stored yet. Any number of servers may call this at once.
    """
    own_token = init_token.strip() if init_token else ""
    fresh = await house.database.peek(storage.first_administrator) is None
    password = passwords.new_password() if fresh else ""
    password_hash = await passwords.hashed(password) if fresh else ""
    secret = own_token or tokens.new_uuid()

    async def begin(tx: Tx) -> FirstStart:
        await tx.lock(storage.IDENTITY_LOCK)
        owner = await storage.first_administrator(tx)
        is_first = owner is None
        if owner is None:
            owner = await _first_administrator(tx, password_hash)
        rows = _beginning(*owner) if is_first else []
        if is_first or own_token:
            row = _bootstrap(secret, *owner)
            if await stored_tokens.token_with_hash(tx, row.hash) is None:
                rows.append(_at_start("createToken", owner[0], "Token", row.id))
            await stored_tokens.insert_token(tx, row)
        await entries.record(tx, rows)
        return FirstStart(password if is_first else None, secret if is_first and not own_token else None)

    return await house.database.write(begin)


def _beginning(organization_id: int, user_id: str) -> list[Entry]:
    return [
        _at_start("createOrganization", organization_id, "Organization", str(organization_id)),
        _at_start("createUser", organization_id, "User", user_id),
    ]


def _at_start(event: str, organization_id: int, object_type: str, object_id: str) -> Entry:
    """Returns the audit entry for an object that the start of the server created, without a caller."""
    return Entry(
        event=event,
        organization_id=organization_id,
        object_type=object_type,
        object_id=object_id,
        detail="start of the server",
    )


async def _first_administrator(tx: Tx, password_hash: str) -> tuple[int, str]:
    organization = await stored_organizations.create_organization(
        tx, name=FIRST_ORGANIZATION, application_id=str(uuid4()), default_retries=None
    )
    row = UserRecord(id=str(uuid4()), name=FIRST_USER, password_hash=password_hash, role=Role.ADMIN, super_admin=True)
    await storage.create_user(tx, organization.id, row)
    return organization.id, row.id


def _bootstrap(secret: str, organization_id: int, user_id: str) -> TokenRecord:
    return tokens.row(
        secret,
        organization_id=organization_id,
        user_id=user_id,
        kind=TokenKind.BOOTSTRAP,
        role=Role.ADMIN,
        super_admin=True,
        name="bootstrap",
    )
