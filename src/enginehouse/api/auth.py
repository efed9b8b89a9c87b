"""The token of a request, from one of the two headers in which clients send it."""

from enginehouse.api.http.call import Headers
from enginehouse.domain.errors import AuthenticationFailed, NotAllowed
from enginehouse.domain.identity import Principal
from enginehouse.operations import identity
from enginehouse.operations.house import House
from enginehouse.operations.permission import require_worker


class NoTokenError(AuthenticationFailed):
    """No token was given. It is not yet a refusal, because some fields need no token; see `record_refusal`."""

    def __init__(self) -> None:
        super().__init__(AuthenticationFailed.__doc__)


async def authenticate(house: House, headers: Headers) -> Principal:
    """Returns the caller of a request, which counts for its rate.

    Raises AuthenticationFailed, which is recorded in the audit log, RateLimited, NotAllowed for a token for a task, for
    workers, or whose quota is used up.
    """
    try:
        caller = await principal(house, headers.authorization, headers.api_key)
    except AuthenticationFailed as failed:
        await record_refusal(house, failed)
        raise
    house.request_rates.take(caller)
    if caller.quota is not None:
        await house.token_usage.take(caller, headers.content_length)
    if caller.task is not None:
        raise NotAllowed("A token for a task works over GraphQL only.")
    return caller


async def principal(house: House, authorization: bytes | None, api_key: bytes | None) -> Principal:
    """Returns the caller. Raises AuthenticationFailed without a token, or with one that is unknown, expired or revoked.

    Raises NotAllowed for a token for workers.
    A request without a token is not recorded yet, because some GraphQL fields need none.
    """
    token = secret(authorization, api_key)
    if token is None:
        raise NoTokenError
    caller = await identity.authenticate(house, token)
    if caller.worker is not None:
        raise NotAllowed("A token for workers is for workers only.")
    return caller


async def authenticate_worker(house: House, headers: Headers) -> Principal:
    """Returns the worker that sends a request.

    Raises AuthenticationFailed, RateLimited, NotAllowed for a token that is not for workers.
    """
    try:
        token = secret(headers.authorization, headers.api_key)
        if token is None:
            raise NoTokenError
        caller = await identity.authenticate(house, token)
    except AuthenticationFailed as failed:
        await record_refusal(house, failed)
        raise
    try:
        require_worker(caller)
    except NotAllowed:
        await identity.refuse_kind(house, caller)
        raise
    house.request_rates.take(caller)
    return caller


async def record_refusal(house: House, failed: AuthenticationFailed) -> None:
    """The refusal is recorded once. The lookup of a bad token has already recorded it."""
    if isinstance(failed, NoTokenError):
        await identity.refuse(house, "no token was given")


def secret(authorization: bytes | None, api_key: bytes | None) -> str | None:
    """Returns the token of a request, None if there is none.

    It reads `Authorization: Bearer <token>` in any case, also with a colon after the word, and else the header
    `api_key`.
    """
    if authorization is not None:
        scheme, _, rest = authorization.decode("latin-1").partition(" ")
        if scheme.rstrip(":").lower() == "bearer":
            return rest.strip() or None
    return api_key.decode("latin-1").strip() or None if api_key is not None else None
