"""The tokens of the caller's own user: everybody may see and revoke them, whatever the role."""

from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal, Token
from enginehouse.domain.refs import UuidRef
from enginehouse.operations import token_checks
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.users import own
from enginehouse.storage import tokens as stored_tokens
from enginehouse.storage import user_tokens
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx


async def list_(house: House, principal: Principal) -> list[Token]:
    """Returns the valid sessions and keys of the caller's user, the newest first.

    Raises NotAllowed for a token that may do less than its user, or that has none.
    """
    user = await own(house, principal)
    return await house.database.read(lambda tx: user_tokens.of_user(tx, user.organization_id, user.id))


@trail.mutation("revokeToken", "Token", names="ref")
async def revoke(house: House, principal: Principal, ref: UuidRef) -> None:
    """Revokes a session or key of the caller's user, with the sessions of the key. Raises NotAllowed, NotFound."""
    user = await own(house, principal)
    entry = trail.entry(principal, "revokeToken", object_type="Token", object_id=ref.key)

    async def end(tx: Tx) -> list[str]:
        found = {token.id: token for token in await user_tokens.of_user(tx, user.organization_id, user.id)}
        if ref.key not in found:
            raise NotFound("Token", ref.text)
        if ref.key == principal.token_id:
            await token_checks.refuse_last(tx, found[ref.key])
        await entries.record(tx, [entry])
        return await stored_tokens.revoke_token(tx, user.organization_id, ref.key)

    house.known_tokens.forget(await house.database.write(end))


@trail.mutation("revokeToken", "Token")
async def end_others(house: House, principal: Principal) -> int:
    """Ends every session of the caller's user except this one. Returns how many. Raises NotAllowed."""
    user = await own(house, principal)
    entry = trail.entry(principal, "revokeToken", object_type="User", object_id=user.id, detail="all other sessions")

    async def end(tx: Tx) -> list[str]:
        await entries.record(tx, [entry])
        return await user_tokens.end_other_sessions(tx, user.organization_id, user.id, principal.token_id)

    ended = await house.database.write(end)
    house.known_tokens.forget(ended)
    return len(ended)
