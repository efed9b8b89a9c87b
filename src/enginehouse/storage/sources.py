"""Sources in storage: where what a scheduled job works on comes from, and of which kind that is."""

from collections.abc import Iterable
from typing import Final

import msgspec

from enginehouse.domain.sources import Source, SourceType
from enginehouse.storage.database import sequences
from enginehouse.storage.database.database import Row, Tx

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


async def add(tx: Tx, source: Source) -> Source:
    """The source exists under an id of its own, which it is answered with."""
    made = msgspec.structs.replace(
        source, id=await sequences.reserve(tx, "source"), created_at=tx.now, modified_at=tx.now
    )
    row = (made.id, made.organization_id, made.source_type_id, made.name, int(made.is_public),
           _encode(made.document).decode(), made.created_by, tx.now)  # fmt: skip
    await tx.many("sources.insert", [row])
    return made


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, Source]:
    """Those of the sources that the organization may read."""
    rows = await tx.all("sources.by_ids", ids=sorted(set(ids)), organization_id=organization_id)
    return {row[0]: _source(row) for row in rows}


async def all_of(tx: Tx, organization_id: int, *, include_public: bool) -> list[Source]:
    """The organization's sources, and everybody's public ones if asked for, by id."""
    rows = await tx.all("sources.all_of", organization_id=organization_id, include_public=int(include_public))
    return [_source(row) for row in rows]


async def lock(tx: Tx, organization_id: int, source_id: int) -> Source | None:
    """The organization's source, which nobody else changes until the transaction ends."""
    row = await tx.one("sources.lock", id=source_id, organization_id=organization_id)
    return None if row is None else _source(row)


async def update(tx: Tx, source: Source) -> None:
    """The source is as given."""
    row = (source.id, source.source_type_id, source.name, int(source.is_public), _encode(source.document).decode(),
           tx.now)  # fmt: skip
    await tx.many("sources.update", [row])


async def delete(tx: Tx, source_id: int) -> None:
    """The source is gone."""
    await tx.run("sources.delete", id=source_id)


async def types(tx: Tx) -> list[SourceType]:
    """Every kind of source there is."""
    return [
        SourceType(id=row[0], name=row[1], is_live=bool(row[2]), document=_decode(row[3]), created_at=row[4],
                   modified_at=row[5])
        for row in await tx.all("sources.types")
    ]  # fmt: skip


async def primary_of(tx: Tx, source_id: int) -> list[tuple[int, int]]:
    """The (schedule, its organization) whose primary source it is."""
    return [(row[0], row[1]) for row in await tx.all("sources.primary_of", id=source_id)]


def _source(row: Row) -> Source:
    return Source(
        id=row[0],
        organization_id=row[1],
        source_type_id=row[2],
        name=row[3],
        is_public=bool(row[4]),
        document=_decode(row[5]),
        created_by=row[6],
        created_at=row[7],
        modified_at=row[8],
    )
