"""What is wrong with a token that is to be created, changed or revoked."""

from msgspec import structs

from enginehouse.domain.errors import InvalidInput, NotAllowed, Problem
from enginehouse.domain.identity import Principal, Role, Token, TokenKind
from enginehouse.domain.token_quotas import QuotaRequest
from enginehouse.operations import bounds
from enginehouse.storage import identity as storage
from enginehouse.storage import tokens as stored_tokens
from enginehouse.storage.database.database import Tx


def quota_problems(quota: QuotaRequest) -> list[Problem]:
    """Returns what is wrong with the limits of a token."""
    return [
        Problem(name, f"0 or more, 0 for any amount, got {value}.", str(value))
        for name, value in structs.asdict(quota).items()
        if value is not None and not 0 <= value <= bounds.LARGEST_ID
    ]


def refuse_limited(principal: Principal) -> None:
    """Raises NotAllowed for a caller whose token has a quota: it could give itself more."""
    if principal.quota is not None:
        raise NotAllowed("A token with a quota cannot create or change tokens.")


def expiry_problems(now: int, expires_at: int | None) -> list[Problem]:
    """Returns what is wrong with the end of a token, µs UTC; None for never."""
    if expires_at is None or now < expires_at <= bounds.LARGEST_ID:
        return []
    return [Problem("expiration", "must be in the future.")]


async def refuse_last(tx: Tx, token: Token) -> None:
    """Refuses to revoke the token of the request itself, if it is the last of its kind.

    A super administrator needs another such token; an organization needs another administrator's token, or a user who
    is an administrator. A session can always end: its user knows the password.
    """
    if token.kind is TokenKind.SESSION:
        return
    await tx.lock(storage.IDENTITY_LOCK)  # two tokens that revoke themselves at once must see each other
    known = await stored_tokens.live_tokens(tx, token.organization_id)
    others = [other for other in known if token.id not in (other.id, other.key_id)]
    if token.kind is TokenKind.BOOTSTRAP and not any(other.kind is TokenKind.BOOTSTRAP for other in others):
        raise InvalidInput(
            "This is the last token of a super administrator, and the request uses it. Sign in with a password and "
            "revoke it from there, or start the server with another AIWARE_INIT_TOKEN first.",
            "token",
        )
    if any(other.role is Role.ADMIN for other in others):
        return
    if await storage.first_administrator(tx, token.organization_id) is None:
        raise InvalidInput(
            "This is the last token of an administrator of the organization, the request uses it, and no user of the "
            "organization is an administrator. Create another such token or such a user first.",
            "token",
        )
