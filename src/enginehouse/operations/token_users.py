"""The tokens of an organization with the people to whom they belong."""

from enginehouse.domain.identity import Principal, Role, Token, User
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import user_tokens, users
from enginehouse.storage.database.database import Tx


async def list_(house: House, principal: Principal) -> tuple[list[Token], dict[str, User]]:
    """Returns the valid tokens of the caller's organization, the oldest first, and its users by id, from one read.

    The tokens come without their quotas and scopes. Deleted users are there too. Raises NotAllowed.
    """
    require(principal, Role.ADMIN)
    owner = principal.organization_id

    async def read(tx: Tx) -> tuple[list[Token], list[User]]:
        return await user_tokens.of_organization(tx, owner), await users.of_organization(tx, owner)

    tokens, people = await house.database.read(read)
    return house.token_uses.shown(tokens), {user.id: user for user in people}
