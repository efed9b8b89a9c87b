"""The events that organizations declare, in storage."""

from collections.abc import Iterable
from typing import Final

from enginehouse.domain.webhooks.subscription import EventDefinition
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_ALL: Final = Select("event_definitions.of_organization", EventDefinition)
_LOCK: Final = Select("event_definitions.lock", EventDefinition)


async def put(tx: Tx, definition: EventDefinition) -> None:
    """Stores the event: inserts it, or updates what may change."""
    await tx.run("event_definitions.put", **definition._asdict())


async def all_(tx: Tx, organization_id: int) -> list[EventDefinition]:
    """Returns the organization's events by application, type and name. Its limit keeps them few."""
    return await _ALL.all(tx, organization_id=organization_id)


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[str]) -> dict[str, EventDefinition]:
    """Returns those of the organization's events that are in `ids`."""
    own = {one.id: one for one in await all_(tx, organization_id)}
    return {key: own[key] for key in ids if key in own}


async def lock(tx: Tx, organization_id: int, definition_id: str) -> EventDefinition | None:
    """Returns the organization's event, locked until the transaction ends."""
    return await _LOCK.one(tx, id=definition_id, organization_id=organization_id)
