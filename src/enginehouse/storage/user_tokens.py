"""The tokens of one user in storage."""

from typing import Final

from enginehouse.domain.identity import Token
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.tokens import LIVE_TOKENS, TokenRow, token_of

_OF_USER: Final = Select("identity.of_user", TokenRow)


async def of_user(tx: Tx, organization_id: int, user_id: str) -> list[Token]:
    """Returns the user's valid tokens, the newest first."""
    rows = await _OF_USER.all(tx, organization_id=organization_id, user_id=user_id, now=tx.now)
    return [token_of(row) for row in rows]


async def end_other_sessions(tx: Tx, organization_id: int, user_id: str, token_id: str) -> list[str]:
    """Ends every session of the user except the token `token_id`. Returns the hashes of these sessions."""
    rows = await tx.all(
        "identity.end_other_sessions", organization_id=organization_id, user_id=user_id, id=token_id, now=tx.now
    )
    return [token_hash for (token_hash,) in rows]


async def of_organization(tx: Tx, organization_id: int) -> list[Token]:
    """Returns the organization's valid tokens without their quotas and scopes, the oldest first."""
    return [token_of(row) for row in await LIVE_TOKENS.all(tx, organization_id=organization_id, now=tx.now)]
