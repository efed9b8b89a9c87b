"""Content templates in storage: what a scheduled job says about what its jobs record, by a schema that others keep."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import uuid4

import msgspec

from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.storage.database.database import Row, Tx

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


async def add(
    tx: Tx, organization_id: int, schedule_id: int, wanted: Sequence[ContentTemplate]
) -> list[ContentTemplate]:
    """The scheduled job has these besides; one that names no object gets an id for one."""
    made = [
        msgspec.structs.replace(
            each, id=str(uuid4()), organization_id=organization_id, schedule_id=schedule_id,
            sdo_id=each.sdo_id or str(uuid4()), created_at=tx.now, modified_at=tx.now,
        )
        for each in wanted
    ]  # fmt: skip
    rows = [
        (each.id, organization_id, schedule_id, each.schema_id, each.sdo_id, _encode(each.data).decode(), tx.now)
        for each in made
    ]
    await tx.many("content_templates.insert", rows)
    return made


async def replace(tx: Tx, organization_id: int, schedule_id: int, wanted: Sequence[ContentTemplate]) -> None:
    """The scheduled job has exactly these."""
    await tx.run("content_templates.delete_of", schedule_id=schedule_id)
    await add(tx, organization_id, schedule_id, wanted)


async def of_schedules(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, list[ContentTemplate]]:
    """Those of each of the schedules that the organization may read, the oldest first."""
    found: dict[int, list[ContentTemplate]] = defaultdict(list)
    rows = await tx.all("content_templates.of_schedules", ids=sorted(set(ids)), organization_id=organization_id)
    for row in rows:
        found[row[2]].append(_content(row))
    return found


async def delete(tx: Tx, organization_id: int, content_id: str) -> bool:
    """The content template is gone; False where the organization has no such one."""
    return bool(await tx.run("content_templates.delete", id=content_id, organization_id=organization_id))


def _content(row: Row) -> ContentTemplate:
    return ContentTemplate(
        id=row[0],
        organization_id=row[1],
        schedule_id=row[2],
        schema_id=row[3],
        sdo_id=row[4],
        data=_decode(row[5]),
        created_at=row[6],
        modified_at=row[7],
    )
