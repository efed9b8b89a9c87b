"""Sources in storage: where the media of scheduled jobs come from, and their types."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.sources import Source, SourceType
from enginehouse.storage.database import sequences
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


class SourceRow(NamedTuple):
    """A stored source."""

    id: int
    organization_id: int
    source_type_id: int
    name: str
    is_public: int
    document: str
    created_by: str | None
    created_at: int
    modified_at: int


class SourceTypeRow(NamedTuple):
    """A stored source type."""

    id: int
    name: str
    is_live: int
    document: str
    created_at: int
    modified_at: int


_BY_IDS: Final = Select("sources.by_ids", SourceRow)
_ALL_OF: Final = Select("sources.all_of", SourceRow)
_LOCK: Final = Select("sources.lock", SourceRow)
_TYPES: Final = Select("sources.types", SourceTypeRow)


async def add(tx: Tx, source: Source) -> Source:
    """Stores the source with a new id, and returns it with that id."""
    new = msgspec.structs.replace(
        source, id=await sequences.reserve(tx, "source"), created_at=tx.now, modified_at=tx.now
    )
    row = (new.id, new.organization_id, new.source_type_id, new.name, int(new.is_public),
           _encode(new.document).decode(), new.created_by, tx.now)  # fmt: skip
    await tx.many("sources.insert", [row])
    return new


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, Source]:
    """Returns those of the sources that the organization may read."""
    rows = await _BY_IDS.all(tx, ids=sorted(set(ids)), organization_id=organization_id)
    return {row.id: _source(row) for row in rows}


async def all_of(tx: Tx, organization_id: int, *, include_public: bool) -> list[Source]:
    """Returns the organization's sources, and with `include_public` all public ones, by id."""
    rows = await _ALL_OF.all(tx, organization_id=organization_id, include_public=int(include_public))
    return [_source(row) for row in rows]


async def lock(tx: Tx, organization_id: int, source_id: int) -> Source | None:
    """Returns the organization's source, locked until the transaction ends."""
    row = await _LOCK.one(tx, id=source_id, organization_id=organization_id)
    return None if row is None else _source(row)


async def update(tx: Tx, source: Source) -> None:
    """Updates the source's row."""
    row = (source.id, source.source_type_id, source.name, int(source.is_public), _encode(source.document).decode(),
           tx.now)  # fmt: skip
    await tx.many("sources.update", [row])


async def delete(tx: Tx, source_id: int) -> None:
    """Deletes the source."""
    await tx.run("sources.delete", id=source_id)


async def types(tx: Tx) -> list[SourceType]:
    """Returns every source type."""
    return [
        SourceType(**row._asdict() | {"is_live": bool(row.is_live), "document": _decode(row.document)})
        for row in await _TYPES.all(tx)
    ]


async def primary_of(tx: Tx, source_id: int) -> list[tuple[int, int]]:
    """Returns the (schedule, its organization) pairs whose primary source it is."""
    rows = await tx.all("sources.primary_of", id=source_id)
    return [(schedule_id, owner) for schedule_id, owner in rows]


def _source(row: SourceRow) -> Source:
    return Source(**row._asdict() | {"is_public": bool(row.is_public), "document": _decode(row.document)})
