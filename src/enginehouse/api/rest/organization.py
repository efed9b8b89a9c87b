"""For which organization a call is: the token's own, unless the caller may act for the one it names."""

from dataclasses import replace

from enginehouse.domain import ids
from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal
from enginehouse.operations import identity
from enginehouse.operations.house import House


def shown(organization_id: int) -> str:
    """The organization's id where REST wants a UUID."""
    return ids.tagged_uuid(ids.Tag.ORGANIZATION, organization_id)


async def acting(house: House, principal: Principal, given: str | int | None, path: str) -> Principal:
    """The caller, acting for the organization that it names by UUID or number; nothing named is its own.

    Raises NotFound, the same for a foreign organization as for none.
    """
    if given is None or given == "":
        return principal
    text = str(given)
    if text.isascii() and text.isdigit() and len(text) < 20:
        wanted: int | None = int(text)
    else:
        wanted = ids.parse_tagged(ids.Tag.ORGANIZATION, text.lower())
    if wanted == principal.organization_id:
        return principal
    if wanted is None:
        raise NotFound("Organization", text[:80], path=path)
    try:
        found = await identity.get_organization(house, principal, wanted)
    except NotFound:
        raise NotFound("Organization", text[:80], path=path) from None
    return replace(principal, organization_id=found.id)
