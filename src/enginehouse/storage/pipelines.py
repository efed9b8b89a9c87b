"""The pipelines of organizations in storage."""

from typing import Final, NamedTuple

import msgspec
from msgspec import structs

from enginehouse.domain.pipelines import Pipeline
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class PipelineRow(NamedTuple):
    """A stored pipeline; `document` is JSON text."""

    organization_id: int
    name: str
    document: str
    created_at: int
    modified_at: int


_PUT: Final = Select("pipelines.put", PipelineRow)
_ALL: Final = Select("pipelines.all", PipelineRow)
_DELETE: Final = Select("pipelines.delete", PipelineRow)
_decode: Final = msgspec.json.Decoder(Pipeline).decode
_encode: Final = msgspec.json.Encoder().encode


async def put(tx: Tx, organization_id: int, pipeline: Pipeline) -> Pipeline:
    """Stores the pipeline, in place of one of this name. Returns it."""
    document = _encode(pipeline).decode()
    [stored] = await _PUT.all(tx, organization_id=organization_id, name=pipeline.name, document=document, now=tx.now)
    return _pipeline(stored)


async def all_(tx: Tx, organization_id: int) -> list[Pipeline]:
    """Returns the organization's pipelines by name. They are few: `put` is refused above a bound."""
    return [_pipeline(row) for row in await _ALL.all(tx, organization_id=organization_id)]


async def delete(tx: Tx, organization_id: int, name: str) -> Pipeline | None:
    """Deletes the pipeline. Returns what it was, None if there was none."""
    row = await _DELETE.one(tx, organization_id=organization_id, name=name)
    return None if row is None else _pipeline(row)


def _pipeline(row: PipelineRow) -> Pipeline:
    return structs.replace(
        _decode(row.document),
        name=row.name,
        organization_id=row.organization_id,
        created_at=row.created_at,
        modified_at=row.modified_at,
    )
