"""Content templates in storage: they describe what the jobs of a scheduled job record."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import uuid4

import msgspec

from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


class ContentRow(NamedTuple):
    """A stored content template."""

    id: str
    organization_id: int
    schedule_id: int
    schema_id: str
    sdo_id: str
    data: str
    created_at: int
    modified_at: int


_OF_SCHEDULES: Final = Select("content_templates.of_schedules", ContentRow)


async def add(
    tx: Tx, organization_id: int, schedule_id: int, contents: Sequence[ContentTemplate]
) -> list[ContentTemplate]:
    """Adds these to the scheduled job and returns them. A content template without an object gets a new object id."""
    made = [
        msgspec.structs.replace(
            each, id=str(uuid4()), organization_id=organization_id, schedule_id=schedule_id,
            sdo_id=each.sdo_id or str(uuid4()), created_at=tx.now, modified_at=tx.now,
        )
        for each in contents
    ]  # fmt: skip
    rows = [
        (each.id, organization_id, schedule_id, each.schema_id, each.sdo_id, _encode(each.data).decode(), tx.now)
        for each in made
    ]
    await tx.many("content_templates.insert", rows)
    return made


async def replace(tx: Tx, organization_id: int, schedule_id: int, contents: Sequence[ContentTemplate]) -> None:
    """Replaces the content templates of the scheduled job."""
    await tx.run("content_templates.delete_of", schedule_id=schedule_id)
    await add(tx, organization_id, schedule_id, contents)


async def of_schedules(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, list[ContentTemplate]]:
    """Returns the content templates of each schedule that the organization may read, the oldest first."""
    contents: dict[int, list[ContentTemplate]] = defaultdict(list)
    for row in await _OF_SCHEDULES.all(tx, ids=sorted(set(ids)), organization_id=organization_id):
        contents[row.schedule_id].append(ContentTemplate(**row._asdict() | {"data": _decode(row.data)}))
    return contents


async def delete(tx: Tx, organization_id: int, content_id: str) -> bool:
    """Deletes the content template. Returns False if the organization has no such content template."""
    return bool(await tx.run("content_templates.delete", id=content_id, organization_id=organization_id))
