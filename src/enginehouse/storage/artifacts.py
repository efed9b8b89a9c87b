"""What tasks have left behind, as it is stored: visible from the finish that named it, and never changed."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.artifact import Artifact
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.database.rows import Select

_json = msgspec.json.Decoder()


async def of_task(tx: Tx, organization_id: int, job_id: int, *, ordinal: int = -1) -> tuple[Artifact, ...]:
    """The outputs of one task, or with ordinal -1 what the job's tasks have published."""
    rows = await tx.all("artifacts.of_task", job_id=job_id, organization_id=organization_id, ordinal=ordinal)
    return tuple(artifact(row) for row in rows)


async def inputs(tx: Tx, folders: Sequence[tuple[int, int, int]]) -> tuple[Artifact, ...]:
    """Everything in these (job, task, output folder)s, in the order of the media."""
    return tuple(artifact(row) for row in await tx.each("artifacts.inputs_of", list(folders)))


async def input_(tx: Tx, job_id: int, ordinal: int, folder: int, item: int, part: int) -> Artifact | None:
    """The one artifact a chunk item reads."""
    row = await tx.one("artifacts.input", job_id=job_id, ordinal=ordinal, folder=folder, item=item, part=part)
    return artifact(row) if row else None


async def keys_of_task(tx: Tx, job_id: int, ordinal: int) -> set[str]:
    """Under which keys the bytes of the task's outputs are."""
    return {row[0] for row in await tx.all("artifacts.keys_of_task", job_id=job_id, ordinal=ordinal)}


def artifact(row: Row) -> Artifact:
    """The row of the statements above."""
    return Artifact(
        job_id=row[0],
        ordinal=row[1],
        folder=row[2],
        item=row[3],
        part=row[4],
        index=row[5],
        name=row[6],
        media_type=row[7],
        size=row[8],
        sha256=row[9],
        key=row[10],
        start_ms=row[11],
        stop_ms=row[12],
        metadata=_json.decode(row[13]) if row[13] else None,
        created_at=row[14],
    )


class OutputKey(NamedTuple):
    """A visible output, by its key."""

    job_id: int
    ordinal: int
    folder: int
    item: int
    part: int


_KEYS_IN: Final = Select("artifacts.keys_in", OutputKey)


async def keys_in(tx: Tx, folders: Sequence[tuple[int, int, int]]) -> list[OutputKey]:
    """What stands in these (job, task, output folder)s, in the order of the media."""
    return await _KEYS_IN.each(tx, folders)


async def insert(tx: Tx, rows: Sequence[Row]) -> None:
    """The outputs are visible from this commit on."""
    await tx.many("artifacts.insert", rows)
