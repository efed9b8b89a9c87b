"""Job pipelines in storage: groups of templates, stage by stage."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from enginehouse.domain.job_pipelines import JobPipeline
from enginehouse.storage.database import sequences
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class JobPipelineRow(NamedTuple):
    """A stored pipeline."""

    id: int
    organization_id: int
    is_public: int
    created_at: int
    modified_at: int


_BY_IDS: Final = Select("job_pipelines.by_ids", JobPipelineRow)
_LOCK: Final = Select("job_pipelines.lock", JobPipelineRow)
_PAGE: Final = Select("job_pipelines.page", JobPipelineRow)


async def add(tx: Tx, organization_id: int, *, is_public: bool = False) -> JobPipeline:
    """Creates a pipeline without templates."""
    pipeline_id = await sequences.reserve(tx, "pipeline")
    await tx.many("job_pipelines.insert", [(pipeline_id, organization_id, int(is_public), tx.now)])
    return JobPipeline(
        id=pipeline_id, organization_id=organization_id, is_public=is_public, created_at=tx.now, modified_at=tx.now
    )


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, JobPipeline]:
    """Returns those of the pipelines that the organization may read and launch."""
    rows = await _BY_IDS.all(tx, ids=sorted(set(ids)), organization_id=organization_id)
    return {row.id: _pipeline(row) for row in rows}


async def lock(tx: Tx, organization_id: int, pipeline_id: int) -> JobPipeline | None:
    """Returns the organization's pipeline, locked until the transaction ends."""
    row = await _LOCK.one(tx, id=pipeline_id, organization_id=organization_id)
    return None if row is None else _pipeline(row)


async def page(
    tx: Tx, organization_id: int, *, schedule_id: int | None, is_public: bool | None, offset: int, limit: int
) -> list[JobPipeline]:
    """Returns one page of the pipelines, the newest first."""
    rows = await _PAGE.all(
        tx,
        organization_id=organization_id,
        is_public=-1 if is_public is None else int(is_public),
        schedule_id=-1 if schedule_id is None else schedule_id,
        limit=limit,
        offset=offset,
    )
    return [_pipeline(row) for row in rows]


async def members(tx: Tx, ids: Iterable[int]) -> dict[int, list[int]]:
    """Returns the templates of each pipeline, stage by stage."""
    templates: dict[int, list[int]] = defaultdict(list)
    for pipeline_id, template_id in await tx.all("job_pipelines.members", ids=sorted(set(ids))):
        templates[pipeline_id].append(template_id)
    return templates


async def place(tx: Tx, places: Sequence[tuple[int, int | None, int | None]]) -> None:
    """Puts each (template, pipeline, stage) into that pipeline at that stage, or into no pipeline."""
    await tx.many("job_pipelines.place", [(*each, tx.now) for each in places])


async def update(tx: Tx, pipeline: JobPipeline) -> None:
    """Updates the pipeline's row."""
    await tx.run("job_pipelines.update", id=pipeline.id, is_public=int(pipeline.is_public), now=tx.now)


async def delete(tx: Tx, pipeline_id: int) -> None:
    """Deletes the pipeline. It must have no templates."""
    await tx.run("job_pipelines.delete", id=pipeline_id)


async def launched_by(tx: Tx, pipeline_id: int) -> list[tuple[int, int]]:
    """Returns the (schedule, its organization) pairs that launch the pipeline."""
    rows = await tx.all("job_pipelines.launched_by", id=pipeline_id)
    return [(schedule_id, owner) for schedule_id, owner in rows]


def _pipeline(row: JobPipelineRow) -> JobPipeline:
    return JobPipeline(**row._asdict() | {"is_public": bool(row.is_public)})
