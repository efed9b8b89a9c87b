"""What the holder of a token may do."""

from enginehouse.domain import task_tokens as task_token
from enginehouse.domain.errors import AuthenticationFailed, TooManyFailures
from enginehouse.domain.identity import Principal, Role, rights
from enginehouse.operations.house import House
from enginehouse.operations.identity import authenticate
from enginehouse.operations.permission import require


async def has(house: House, principal: Principal, secret: str, right: str) -> tuple[str | None, bool]:
    """Returns the id of the token with this secret, and whether it gives the right. (None, False): it is not valid.

    Whoever has the secret may ask, as it may use the token. A wrong one counts as in `authenticate`. Raises
    TooManyFailures after too many.
    """
    require(principal, Role.READER)
    try:
        holder = await authenticate(house, secret)
    except TooManyFailures:
        raise
    except AuthenticationFailed:
        return None, False
    return holder.token_id, right in of(holder)


def of(holder: Principal) -> list[str]:
    """Returns what the caller may do, for example `job.create`; with a token for a task what that allows."""
    if holder.task is not None:
        return list(task_token.OPERATIONS)
    if holder.worker is not None:
        return []
    return rights(holder.role, super_admin=holder.super_admin)
