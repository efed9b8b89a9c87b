"""Signs URLs for programs that have no token, and verifies them. Every server with the same secret key agrees."""

from urllib.parse import quote

from enginehouse.domain.errors import NotAllowed
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.signatures import Grant, Purpose, is_signed, sign
from enginehouse.operations.house import House

_MICROS = 1_000_000
_LONGEST_EXPIRY = 12  # digits of Unix seconds
_WRONG = "The signature of this URL is wrong: it was changed, or is for something else. Request a new URL."
_EXPIRED = "This URL has expired. Request a new one."

BASE = "/signed"
PATHS = {
    Purpose.GET_ASSET: "asset",
    Purpose.GET_EXPORT: "export",
    Purpose.GET_LOG: "log",
    Purpose.GET_UPLOAD: "upload",
    Purpose.PUT_UPLOAD: "upload",
}


async def signed_path(
    house: House, principal: Principal, purpose: Purpose, object_id: str, *, now: int, seconds: int | None = None
) -> str:
    """Returns the path and query that allow this, from `now` (µs) for `seconds`, by default as the settings say."""
    expires = now // _MICROS + (house.limits.signed_url_seconds if seconds is None else seconds)
    grant = Grant(purpose, object_id, principal.organization_id, expires)
    signature = sign(_key(house), grant)
    query = f"organization={grant.organization_id}&expires={expires}&signature={signature}"
    return f"{BASE}/{PATHS[purpose]}/{quote(object_id, safe='')}?{query}"


async def verify(
    house: House, purpose: Purpose, object_id: str, *, organization: str, expires: str, signature: str
) -> Principal:
    """Returns the principal for whom the URL was signed. Raises NotAllowed if it was changed or has expired."""
    if not (_is_number(organization) and _is_number(expires)):
        raise NotAllowed(_WRONG)
    grant = Grant(purpose, object_id, int(organization), int(expires))
    if not is_signed(_key(house), grant, signature):
        raise NotAllowed(_WRONG)
    if await house.database.peek(lambda tx: tx.read_clock()) >= grant.expires * _MICROS:
        raise NotAllowed(_EXPIRED)
    return Principal(grant.organization_id, None, "signed URL", Role.READER)


def _is_number(text: str) -> bool:
    """True for the spelling of a number that a signed URL has. It has no other."""
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_EXPIRY and text[0] != "0"


def _key(house: House) -> bytes:
    return house.secret_key.derive("signed URLs")
