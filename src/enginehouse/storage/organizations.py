"""Changes of organizations in storage."""

from typing import Final

from enginehouse.domain.identity import Organization
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.identity import OrganizationRow, organization_of
from enginehouse.storage.user_rows import json_text

_LOCK: Final = Select("organizations.lock", OrganizationRow)


async def lock(tx: Tx, organization_id: int) -> Organization | None:
    """Returns the organization, locked until the transaction ends."""
    row = await _LOCK.one(tx, organization_id=organization_id)
    return None if row is None else organization_of(row)


async def put(tx: Tx, organization: Organization) -> None:
    """Stores what an administrator sets."""
    await tx.run(
        "organizations.put",
        organization_id=organization.id,
        name=organization.name,
        default_retries=organization.default_retries,
        business_unit=organization.business_unit,
        image_url=organization.image_url,
        jsondata=json_text(organization.jsondata),
        now=tx.now,
    )


async def of_application(tx: Tx, application_id: str) -> int | None:
    """Returns the id of the organization with this application GUID."""
    rows = await tx.all("identity.organization_of_application", application_id=application_id)
    return next((organization_id for (organization_id,) in rows), None)
