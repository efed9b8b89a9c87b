"""Tokens in storage, each only as its hash."""

from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.identity import Principal, Role, Token, TokenHolder, TokenKind, WorkerScope
from enginehouse.domain.token_quotas import QuotaHolder
from enginehouse.storage import token_quotas, worker_tokens
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.user_rows import json_text


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token to store. `hash` is the SHA-256 of the secret in hex; `expires_at` is µs UTC, None for never."""

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
    jsondata: Any = None
    key_id: str | None = None


class HolderRow(NamedTuple):
    """The holder of a token: `id` is the token's id, `name` is the user's name."""

    organization_id: int
    user_id: str | None
    id: str
    kind: str
    role: str
    super_admin: int
    expires_at: int | None
    name: str | None
    user_role: str | None
    quota_of: str | None
    key_role: str | None
    key_expires_at: int | None
    used_at: int | None


class TokenRow(NamedTuple):
    """A stored token, without its hash."""

    id: str
    organization_id: int
    user_id: str | None
    kind: str
    name: str | None
    prefix: str
    role: str
    super_admin: int
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    modified_at: int
    jsondata: str | None
    key_id: str | None
    used_at: int | None


_PRINCIPAL: Final = Select("identity.principal", HolderRow)
_TOKEN: Final = Select("identity.token", TokenRow)
_TOKEN_BY_HASH: Final = Select("identity.token_by_hash", TokenRow)
LIVE_TOKENS: Final = Select("identity.live_tokens", TokenRow)


async def holder(tx: Tx, token_hash: str) -> TokenHolder | None:
    """Returns the token's holder, None if it is not valid.

    A token may do no more than its user, and a session of a key no more than the key, may do now.
    """
    row = await _PRINCIPAL.one(tx, hash=token_hash, now=tx.now)
    if row is None:
        return None
    role = Role(row.role)
    for most in (row.user_role, row.key_role):
        if most is not None and role.covers(Role(most)):
            role = Role(most)
    quota = None if row.quota_of is None else QuotaHolder(row.organization_id, row.quota_of)
    worker = await worker_tokens.scope(tx, row.id) if row.kind == TokenKind.WORKER.value else None
    found = Principal(
        row.organization_id, row.user_id, row.id, role, bool(row.super_admin), row.name, quota=quota, worker=worker
    )
    ends = [at for at in (row.expires_at, row.key_expires_at) if at is not None]
    return TokenHolder(found, min(ends) - tx.now if ends else None, row.used_at, tx.now)


async def insert_token(tx: Tx, row: TokenRecord) -> Token:
    """Stores the token and returns it. If it exists already, it stays unchanged."""
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
        jsondata=json_text(row.jsondata),
        key_id=row.key_id,
    )
    [stored] = await _TOKEN_BY_HASH.all(tx, hash=row.hash)
    return token_of(stored)


async def update_token(tx: Tx, token: Token) -> str:
    """Stores the token's role, expiry and data. Returns its hash."""
    [(token_hash,)] = await tx.all(
        "identity.update_token",
        organization_id=token.organization_id,
        id=token.id,
        role=token.role.value,
        expires_at=token.expires_at,
        jsondata=json_text(token.jsondata),
        now=tx.now,
    )
    return str(token_hash)


async def token(tx: Tx, organization_id: int | None, *, token_id: str, token_hash: str) -> Token | None:
    """Returns the token, even if it is no longer valid; in any organization if `organization_id` is None."""
    row = await _TOKEN.one(tx, organization_id=organization_id, id=token_id, hash=token_hash)
    if row is None:
        return None
    quota = await token_quotas.of_token(tx, QuotaHolder(row.organization_id, row.id))
    return replace(token_of(row), quota=quota, worker=await _scope(tx, row))


async def live_tokens(tx: Tx, organization_id: int) -> list[Token]:
    """Returns the organization's valid tokens, the oldest first."""
    rows = await LIVE_TOKENS.all(tx, organization_id=organization_id, now=tx.now)
    quotas = await token_quotas.of_organization(tx, organization_id)
    return [replace(token_of(row), quota=quotas.get(row.id), worker=await _scope(tx, row)) for row in rows]


async def revoke_token(tx: Tx, organization_id: int, token_id: str) -> list[str]:
    """Revokes the token and the sessions that it has opened from this commit on. Returns the hashes of those."""
    params = {"organization_id": organization_id, "id": token_id, "now": tx.now}
    rows = await tx.all("identity.revoke_token", **params)
    return [token_hash for (token_hash,) in [*rows, *await tx.all("identity.end_sessions_of_key", **params)]]


async def token_with_hash(tx: Tx, token_hash: str) -> Token | None:
    """Returns the token, even if it is no longer valid."""
    row = await _TOKEN_BY_HASH.one(tx, hash=token_hash)
    return None if row is None else token_of(row)


async def end_session(tx: Tx, token_hash: str) -> Principal | None:
    """Ends the session. Returns its holder, or None if there is no valid session with this hash."""
    found = await holder(tx, token_hash)
    ended = await tx.run("identity.end_session", hash=token_hash, now=tx.now)
    return found.principal if found and ended else None


async def _scope(tx: Tx, row: TokenRow) -> WorkerScope | None:
    return await worker_tokens.scope(tx, row.id) if row.kind == TokenKind.WORKER.value else None


def token_of(row: TokenRow) -> Token:
    """Returns the token of the row."""
    jsondata = None if row.jsondata is None else msgspec.json.decode(row.jsondata)
    words = {"kind": TokenKind(row.kind), "role": Role(row.role), "super_admin": bool(row.super_admin)}
    words["jsondata"] = jsondata
    return Token(**row._asdict() | words)
