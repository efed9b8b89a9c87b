"""The outputs of tasks in storage. They become visible when `finish` accepts the result, and never change."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.artifact import Artifact, FilledFolder, OutputPlace
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.database.rows import Select

OutputFolder = tuple[int, int, int]
"""A job, a task of it, and one of the task's output folders."""

_json: Final = msgspec.json.Decoder()


class ArtifactRow(NamedTuple):
    """A stored artifact; `metadata` is JSON text."""

    job_id: int
    ordinal: int
    folder: int
    item: int
    part: int
    position: int
    name: str
    media_type: str
    size: int
    sha256: str
    storage_key: str
    start_ms: int | None
    stop_ms: int | None
    metadata: str | None
    created_at: int
    bytes_deleted_at: int | None


_OF_TASK: Final = Select("artifacts.of_task", ArtifactRow)
_PAGE: Final = Select("artifacts.page", ArtifactRow)
_PUBLISHED: Final = Select("artifacts.published", ArtifactRow)
_ONE: Final = Select("artifacts.one", ArtifactRow)
_RESULT_OF: Final = Select("artifacts.result_of", ArtifactRow)
_INPUTS_OF: Final = Select("artifacts.inputs_of", ArtifactRow)
_INPUT: Final = Select("artifacts.input", ArtifactRow)


async def of_task(tx: Tx, organization_id: int, job_id: int, *, ordinal: int = -1) -> tuple[Artifact, ...]:
    """Returns the outputs of one task, or with ordinal -1 everything that the job's tasks have published."""
    rows = await _OF_TASK.all(tx, job_id=job_id, organization_id=organization_id, ordinal=ordinal)
    return tuple(artifact(row) for row in rows)


async def page(
    tx: Tx, organization_id: int, job_id: int, ordinal: int, after: OutputPlace, limit: int
) -> tuple[Artifact, ...]:
    """Returns outputs of the task after the one at this place, in the order of their places."""
    rows = await _PAGE.all(
        tx, job_id=job_id, organization_id=organization_id, ordinal=ordinal, limit=limit, **after._asdict()
    )
    return tuple(artifact(row) for row in rows)


async def published(tx: Tx, organization_id: int, job_id: int, limit: int) -> tuple[Artifact, ...]:
    """Returns the first outputs that the job's tasks have published, by task, item and part."""
    rows = await _PUBLISHED.all(tx, job_id=job_id, organization_id=organization_id, limit=limit)
    return tuple(artifact(row) for row in rows)


async def one(tx: Tx, organization_id: int, job_id: int, ordinal: int, place: OutputPlace) -> Artifact | None:
    """Returns this output of the task, None if there is none."""
    row = await _ONE.one(tx, job_id=job_id, organization_id=organization_id, ordinal=ordinal, **place._asdict())
    return artifact(row) if row else None


async def inputs(tx: Tx, folders: Sequence[OutputFolder]) -> tuple[Artifact, ...]:
    """Returns all artifacts in these folders, in the order of the media."""
    return tuple(artifact(row) for row in await _INPUTS_OF.each(tx, list(folders)))


async def input_(tx: Tx, job_id: int, ordinal: int, folder: int, item: int, part: int) -> Artifact | None:
    """Returns the artifact that a chunk item reads."""
    row = await _INPUT.one(tx, job_id=job_id, ordinal=ordinal, folder=folder, item=item, part=part)
    return artifact(row) if row else None


async def results(tx: Tx, organization_id: int, tasks: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Artifact]:
    """Returns the first output of each (job, ordinal) that has worked as a whole. Others are missing."""
    rows = await _RESULT_OF.each(tx, [(job_id, ordinal, organization_id) for job_id, ordinal in tasks])
    return {(row.job_id, row.ordinal): artifact(row) for row in rows}


async def filled_folders(tx: Tx, organization_id: int, job_id: int) -> dict[tuple[int, int], FilledFolder]:
    """Returns the output folders of the job that hold something, by task and position."""
    rows = await tx.all("artifacts.filled_folders", job_id=job_id, organization_id=organization_id)
    return {(ordinal, folder): FilledFolder(*counts) for ordinal, folder, *counts in rows}


async def keys_of_task(tx: Tx, job_id: int, ordinal: int) -> set[str]:
    """Returns the keys of the bytes of the task's outputs."""
    return {key for (key,) in await tx.all("artifacts.keys_of_task", job_id=job_id, ordinal=ordinal)}


def artifact(row: ArtifactRow) -> Artifact:
    """Returns the artifact of a row."""
    fields = row._asdict()
    return Artifact(
        index=fields.pop("position"),
        key=fields.pop("storage_key"),
        metadata=_json.decode(text) if (text := fields.pop("metadata")) else None,
        **fields,
    )


class OutputKey(NamedTuple):
    """The key of a visible output."""

    job_id: int
    ordinal: int
    folder: int
    item: int
    part: int


_KEYS_IN: Final = Select("artifacts.keys_in", OutputKey)


async def keys_in(tx: Tx, folders: Sequence[OutputFolder]) -> list[OutputKey]:
    """Returns the keys of the outputs in these folders, in the order of the media."""
    return await _KEYS_IN.each(tx, folders)


async def insert(tx: Tx, rows: Sequence[Row]) -> None:
    """Inserts the outputs, which are visible from this commit on."""
    await tx.many("artifacts.insert", rows)
