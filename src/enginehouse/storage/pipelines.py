"""Job pipelines in storage: templates that belong together, stage by stage."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from enginehouse.domain.pipelines import Pipeline
from enginehouse.storage.database import sequences
from enginehouse.storage.database.database import Row, Tx


async def add(tx: Tx, organization_id: int, *, is_public: bool = False) -> Pipeline:
    """A pipeline exists, with no template in it yet."""
    pipeline_id = await sequences.reserve(tx, "pipeline")
    await tx.many("pipelines.insert", [(pipeline_id, organization_id, int(is_public), tx.now)])
    return Pipeline(
        id=pipeline_id, organization_id=organization_id, is_public=is_public, created_at=tx.now, modified_at=tx.now
    )


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, Pipeline]:
    """Those of the pipelines that the organization may read, and launch."""
    rows = await tx.all("pipelines.by_ids", ids=sorted(set(ids)), organization_id=organization_id)
    return {row[0]: _pipeline(row) for row in rows}


async def lock(tx: Tx, organization_id: int, pipeline_id: int) -> Pipeline | None:
    """The organization's pipeline, which nobody else changes until the transaction ends."""
    row = await tx.one("pipelines.lock", id=pipeline_id, organization_id=organization_id)
    return None if row is None else _pipeline(row)


async def page(
    tx: Tx, organization_id: int, *, schedule_id: int | None, is_public: bool | None, offset: int, limit: int
) -> list[Pipeline]:
    """One page of the pipelines, the newest first."""
    rows = await tx.all(
        "pipelines.page",
        organization_id=organization_id,
        is_public=-1 if is_public is None else int(is_public),
        schedule_id=-1 if schedule_id is None else schedule_id,
        limit=limit,
        offset=offset,
    )
    return [_pipeline(row) for row in rows]


async def members(tx: Tx, ids: Iterable[int]) -> dict[int, list[int]]:
    """The templates of each pipeline, stage by stage."""
    found: dict[int, list[int]] = defaultdict(list)
    for pipeline_id, template_id in await tx.all("pipelines.members", ids=sorted(set(ids))):
        found[pipeline_id].append(template_id)
    return found


async def place(tx: Tx, placed: Sequence[tuple[int, int | None, int | None]]) -> None:
    """Each of the templates (template, pipeline, stage) is in that pipeline, or in none."""
    await tx.many("pipelines.place", [(*each, tx.now) for each in placed])


async def update(tx: Tx, pipeline: Pipeline) -> None:
    """The pipeline is as given."""
    await tx.run("pipelines.update", id=pipeline.id, is_public=int(pipeline.is_public), now=tx.now)


async def delete(tx: Tx, pipeline_id: int) -> None:
    """The pipeline is gone. Its templates must have left it."""
    await tx.run("pipelines.delete", id=pipeline_id)


async def launched_by(tx: Tx, pipeline_id: int) -> list[tuple[int, int]]:
    """The (schedule, its organization) that launch the pipeline."""
    return [(row[0], row[1]) for row in await tx.all("pipelines.launched_by", id=pipeline_id)]


def _pipeline(row: Row) -> Pipeline:
    return Pipeline(id=row[0], organization_id=row[1], is_public=bool(row[2]), created_at=row[3], modified_at=row[4])
