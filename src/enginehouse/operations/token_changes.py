"""Gets and changes a token, which administrators name by its id or by its secret."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from enginehouse.domain.errors import NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role, Token, TokenKind, TokenRequest
from enginehouse.domain.token_quotas import QuotaRequest, TokenQuota
from enginehouse.operations import bounds, identity, token_checks, tokens
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import is_super_admin, require
from enginehouse.storage import token_quotas
from enginehouse.storage import tokens as stored_tokens
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

_FIXED: Final = {
    TokenKind.SESSION: "session; it follows its user",
    TokenKind.BOOTSTRAP: "first token of the server",
    TokenKind.WORKER: "token for workers",
}


async def get(house: House, principal: Principal, token_id_or_secret: str) -> Token:
    """Returns the valid token, of any organization for a super administrator. Raises NotAllowed, NotFound."""
    require(principal, Role.ADMIN)
    organization = None if is_super_admin(principal) else principal.organization_id
    named, token_hash = tokens.uuid_of(token_id_or_secret), tokens.fingerprint(token_id_or_secret)

    async def read(tx: Tx) -> tuple[Token | None, int]:
        return await stored_tokens.token(tx, organization, token_id=named, token_hash=token_hash), await tx.read_clock()

    token, now = await house.database.peek(read)
    if token is None or token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
        raise NotFound("Token", tokens.shown(token_id_or_secret))
    return token


@trail.mutation("updateToken", "Token")
async def update(
    house: House,
    principal: Principal,
    token_id_or_secret: str,
    request: TokenRequest,
    known_problems: Sequence[Problem] = (),
    *,
    check: Callable[[Token], list[Problem]] = lambda token: [],
) -> Token:
    """Updates the fields that the request sets: in this process at once, in every other within a second.

    `check` returns further problems of the request for this token. Raises NotFound, NotAllowed for a role above the
    caller's, and InvalidInput for a session, which follows its user, and for the last administrator's token.
    """
    known = await get(house, principal, token_id_or_secret)
    token_checks.refuse_limited(principal)
    if request.role is not None and not principal.role.covers(request.role):
        raise NotAllowed
    problems = [*known_problems, *check(known), *bounds.json("jsondata", request.jsondata)]
    problems += token_checks.quota_problems(request.quota or QuotaRequest())
    if known.kind is not TokenKind.KEY:
        problems.append(Problem("", f"this is a {_FIXED[known.kind]}, and cannot be changed. It can be deleted."))
    bounds.refuse(problems)
    entry = trail.entry(
        principal, "updateToken", object_type="Token", object_id=known.id, organization_id=known.organization_id
    )

    async def change(tx: Tx) -> tuple[Token, str]:
        old = await stored_tokens.token(tx, known.organization_id, token_id=known.id, token_hash="")
        if old is None or old.revoked_at is not None:
            raise NotFound("Token", tokens.shown(token_id_or_secret))
        new = _updated(old, request, tx.now)
        bounds.refuse(token_checks.expiry_problems(tx.now, request.expires_at or None))
        if new.id == principal.token_id and new.role is not Role.ADMIN:
            await token_checks.refuse_last(tx, old)
        await entries.record(tx, [entry])
        if new.quota is not None:
            await token_quotas.put(tx, new.quota)
        return new, await stored_tokens.update_token(tx, new)

    token, token_hash = await house.database.write(change)
    house.known_tokens.forget([token_hash])
    return token


def _limited(old: Token, request: QuotaRequest | None) -> TokenQuota:
    return (old.quota or TokenQuota(old.id, old.organization_id)).with_request(request or QuotaRequest())


def _updated(old: Token, request: TokenRequest, now: int) -> Token:
    return replace(
        old,
        role=request.role or old.role,
        expires_at=old.expires_at if request.expires_at is None else request.expires_at or None,
        jsondata=old.jsondata if request.jsondata is None else request.jsondata,
        quota=old.quota if request.quota in {None, QuotaRequest()} else _limited(old, request.quota),
        modified_at=now,
    )


@trail.mutation("revokeToken", "Token")
async def revoke(house: House, principal: Principal, token_id_or_secret: str) -> Token:
    """Revokes the valid token, of any organization for a super administrator. Raises as `identity.revoke_token`."""
    token = await get(house, principal, token_id_or_secret)
    return await identity.revoke_token(house, principal, token.id, token.organization_id)
