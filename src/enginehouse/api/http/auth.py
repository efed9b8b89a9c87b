"""How a request says who it is: a token in one of the two headers that clients send it in."""

from enginehouse.domain.errors import AuthenticationFailed
from enginehouse.domain.identity import Principal
from enginehouse.operations.house import House
from enginehouse.operations.identity import authenticate, refuse


def secret(authorization: bytes | None, api_key: bytes | None) -> str | None:
    """The token a client sent, None when it sent none.

    `Authorization: Bearer <token>`, also with a colon after the word and in any case; else the header `api_key`.
    """
    if authorization is not None:
        scheme, _, rest = authorization.decode("latin-1").partition(" ")
        if scheme.rstrip(":").lower() == "bearer":
            return rest.strip() or None
    return api_key.decode("latin-1").strip() or None if api_key is not None else None


class NoTokenError(AuthenticationFailed):
    """No token was given. Not yet a refusal where something can be had without one; see `turn_away`."""

    def __init__(self) -> None:
        super().__init__(AuthenticationFailed.__doc__)


async def turn_away(house: House, failed: AuthenticationFailed) -> None:
    """That the request was refused is recorded, once: a token that is not good was when it was looked up."""
    if isinstance(failed, NoTokenError):
        await refuse(house, "no token was given")


async def principal(house: House, authorization: bytes | None, api_key: bytes | None) -> Principal:
    """Who is asking. Raises AuthenticationFailed without a token, or with one that is unknown, expired or revoked."""
    token = secret(authorization, api_key)
    if token is None:
        raise NoTokenError
    return await authenticate(house, token)
