"""Organizations in storage."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.identity import Organization
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.identity import IDENTITY_LOCK
from enginehouse.storage.user_rows import json_text


class CreatedOrganizationRow(NamedTuple):
    """An organization that was just created."""

    id: int
    name: str
    application_id: str
    default_retries: int | None
    created_at: int
    modified_at: int


class OrganizationRow(NamedTuple):
    """A stored organization."""

    id: int
    name: str
    application_id: str
    default_retries: int | None
    created_at: int
    modified_at: int
    weight: int
    running_limit: int | None
    paused_at: int | None
    business_unit: str | None
    image_url: str | None
    jsondata: str | None


_INSERT_ORGANIZATION: Final = Select("identity.insert_organization", CreatedOrganizationRow)
_ORGANIZATION: Final = Select("identity.organization", OrganizationRow)
_ORGANIZATIONS: Final = Select("identity.organizations", OrganizationRow)
_LOCK: Final = Select("organizations.lock", OrganizationRow)


async def create_organization(tx: Tx, *, name: str, application_id: str, default_retries: int | None) -> Organization:
    """Creates the organization with the next number, starting at 1."""
    await tx.lock(IDENTITY_LOCK)
    [row] = await _INSERT_ORGANIZATION.all(
        tx,
        name=name,
        application_id=application_id,
        default_retries=default_retries,
        now=tx.now,
    )
    return Organization(**row._asdict())


async def organization(tx: Tx, organization_id: int) -> Organization | None:
    row = await _ORGANIZATION.one(tx, organization_id=organization_id)
    return None if row is None else organization_of(row)


async def organizations_by_ids(tx: Tx, ids: Iterable[int]) -> dict[int, Organization]:
    """Returns those of the organizations that exist, by number."""
    found = {number: await organization(tx, number) for number in ids}
    return {number: one for number, one in found.items() if one is not None}


async def organizations(tx: Tx) -> list[Organization]:
    return [organization_of(row) for row in await _ORGANIZATIONS.all(tx)]


def organization_of(row: OrganizationRow) -> Organization:
    """Returns the organization of the row."""
    jsondata = None if row.jsondata is None else msgspec.json.decode(row.jsondata)
    return Organization(**row._asdict() | {"jsondata": jsondata})


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
