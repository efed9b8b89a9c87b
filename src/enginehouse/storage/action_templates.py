"""Templates of what follows an event, in storage."""

from collections.abc import Iterable
from typing import Final

from enginehouse.domain.webhooks.subscription import ActionTemplate
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_ALL: Final = Select("action_templates.of_organization", ActionTemplate)
_LOCK: Final = Select("action_templates.lock", ActionTemplate)


async def put(tx: Tx, template: ActionTemplate) -> None:
    """Stores the template: inserts it, or updates what may change."""
    await tx.run("action_templates.put", **template._asdict())


async def all_(tx: Tx, organization_id: int) -> list[ActionTemplate]:
    """Returns the organization's templates, the oldest first. Its limit keeps them few."""
    return await _ALL.all(tx, organization_id=organization_id)


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[str]) -> dict[str, ActionTemplate]:
    """Returns those of the organization's templates that are in `ids`."""
    own = {one.id: one for one in await all_(tx, organization_id)}
    return {key: own[key] for key in ids if key in own}


async def lock(tx: Tx, organization_id: int, template_id: str) -> ActionTemplate | None:
    """Returns the organization's template, locked until the transaction ends."""
    return await _LOCK.one(tx, id=template_id, organization_id=organization_id)
