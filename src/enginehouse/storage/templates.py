"""Job templates in storage, with their tasks."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.ids import first_job_id
from enginehouse.domain.job import TaskRequest
from enginehouse.domain.templates import JobTemplate, TaskTemplate, TemplateDocument, TemplateFilter
from enginehouse.storage import job_pipelines
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_encode: Final = msgspec.json.Encoder().encode
_document: Final = msgspec.json.Decoder(TemplateDocument).decode
_request: Final = msgspec.json.Decoder(TaskRequest).decode


class TemplateRow(NamedTuple):
    """A job template without its tasks."""

    id: int
    organization_id: int
    pipeline_id: int | None
    stage: int | None
    document: str
    version: int
    created_by: str | None
    created_at: int
    modified_at: int


class TaskTemplateRow(NamedTuple):
    """A task of a template; `document` is its request."""

    template_id: int
    ordinal: int
    engine_id: str | None
    document: str
    created_at: int
    modified_at: int


_LOAD: Final = Select("templates.load", TemplateRow)
_BY_IDS: Final = Select("templates.by_ids", TemplateRow)
_PAGE: Final = Select("templates.page", TemplateRow)
_READABLE: Final = Select("templates.readable", TemplateRow)
_LOCK: Final = Select("templates.lock", TemplateRow)
_TASKS: Final = Select("templates.tasks", TaskTemplateRow)


async def insert(tx: Tx, templates: Sequence[JobTemplate]) -> None:
    """Inserts the templates with their tasks; `tx.now` is their creation time."""
    await tx.many(
        "templates.insert",
        [
            (t.id, t.organization_id, t.pipeline_id, t.stage, _encode(t.document).decode(), t.created_by, tx.now)
            for t in templates
        ],
    )
    await tx.many(
        "templates.insert_tasks",
        [
            (t.id, task.ordinal, t.organization_id, task.request.engine_id, _encode(task.request).decode(), tx.now)
            for t in templates
            for task in t.tasks
        ],
    )


async def add(tx: Tx, templates: Sequence[JobTemplate]) -> list[JobTemplate]:
    """Stores the templates with new ids, and returns them with these; `tx.now` is their creation time.

    Templates with a stage and without a pipeline are put into one new pipeline.
    """
    if not templates:
        return []
    # Two transactions in the same microsecond could both find the same id free.
    await tx.lock("template ids")
    new = list[JobTemplate]()
    following = first_job_id(tx.now)
    templates = await _with_pipeline(tx, templates)
    for template in templates:
        while await tx.one("templates.taken", id=following) is not None:
            following += 1
        tasks = tuple(msgspec.structs.replace(task, template_id=following) for task in template.tasks)
        new.append(msgspec.structs.replace(template, id=following, tasks=tasks, created_at=tx.now, modified_at=tx.now))
        following += 1
    await insert(tx, new)
    return new


async def _with_pipeline(tx: Tx, templates: Sequence[JobTemplate]) -> Sequence[JobTemplate]:
    homeless = [each for each in templates if each.stage is not None and each.pipeline_id is None]
    if not homeless:
        return templates
    pipeline = await job_pipelines.add(tx, homeless[0].organization_id)
    return [
        msgspec.structs.replace(each, pipeline_id=pipeline.id)
        if each.stage is not None and each.pipeline_id is None
        else each
        for each in templates
    ]


async def load(tx: Tx, ids: Iterable[int]) -> dict[int, JobTemplate]:
    """Returns the templates with these ids, of any organization: for the server itself, which fires schedules."""
    return await _with_tasks(tx, await _LOAD.all(tx, ids=sorted(set(ids))))


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, JobTemplate]:
    """Returns those of the templates that belong to the organization."""
    rows = await _BY_IDS.all(tx, ids=sorted(set(ids)), organization_id=organization_id)
    return await _with_tasks(tx, rows)


async def readable(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, JobTemplate]:
    """Returns those of the templates that the organization may read: its own, and those in public pipelines."""
    rows = await _READABLE.all(tx, ids=sorted(set(ids)), organization_id=organization_id)
    return await _with_tasks(tx, rows)


async def lock(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, JobTemplate]:
    """Returns those of the templates that belong to the organization, locked until the transaction ends."""
    rows = await _LOCK.all(tx, ids=sorted(set(ids)), organization_id=organization_id)
    return await _with_tasks(tx, rows)


async def lock_one(tx: Tx, organization_id: int, template_id: int) -> JobTemplate | None:
    """Returns the organization's template, locked until the transaction ends."""
    return (await lock(tx, organization_id, [template_id])).get(template_id)


async def page(tx: Tx, organization_id: int, criteria: TemplateFilter) -> list[JobTemplate]:
    """Returns one page of the organization's templates, the newest first."""
    rows = await _PAGE.all(
        tx,
        organization_id=organization_id,
        pipeline_id=-1 if criteria.pipeline_id is None else criteria.pipeline_id,
        schedule_id=-1 if criteria.schedule_id is None else criteria.schedule_id,
        any_engine=int(criteria.engine_ids is None),
        engine_ids=sorted(criteria.engine_ids or ()),
        limit=criteria.limit,
        offset=criteria.offset,
    )
    templates = await _with_tasks(tx, rows)
    return [templates[row.id] for row in rows]


async def update(tx: Tx, old: JobTemplate, new: JobTemplate) -> None:
    """Stores `new` with the next version number, and inserts, updates or deletes its tasks."""
    await tx.many("templates.update", [(new.id, new.pipeline_id, new.stage, _encode(new.document).decode(), tx.now)])
    before = {task.ordinal: task for task in old.tasks}
    after = {task.ordinal: task for task in new.tasks}
    await tx.many("templates.delete_tasks", [(new.id, ordinal) for ordinal in before.keys() - after.keys()])
    fresh = [after[ordinal] for ordinal in sorted(after.keys() - before.keys())]
    await tx.many(
        "templates.insert_tasks",
        [
            (new.id, task.ordinal, new.organization_id, task.request.engine_id, _encode(task.request).decode(), tx.now)
            for task in fresh
        ],
    )
    changed = [task for ordinal, task in after.items() if ordinal in before and task.request != before[ordinal].request]
    await tx.many(
        "templates.update_tasks",
        [(new.id, task.ordinal, task.request.engine_id, _encode(task.request).decode(), tx.now) for task in changed],
    )


async def delete(tx: Tx, ids: Sequence[int]) -> None:
    """Deletes the templates with their tasks. The jobs made from them stay, and keep the template's id."""
    await tx.run("templates.delete_all_tasks", ids=list(ids))
    await tx.run("templates.delete", ids=list(ids))


async def launched_by(tx: Tx, template_id: int) -> list[tuple[int, int]]:
    """Returns the (schedule, its organization) pairs that launch the template, directly or with its pipeline."""
    rows = await tx.all("templates.launched_by", id=template_id)
    return [(schedule_id, owner) for schedule_id, owner in rows]


async def _with_tasks(tx: Tx, rows: Sequence[TemplateRow]) -> dict[int, JobTemplate]:
    if not rows:
        return {}
    tasks: dict[int, list[TaskTemplate]] = defaultdict(list)
    for row in await _TASKS.all(tx, ids=[row.id for row in rows]):
        task = TaskTemplate(
            template_id=row.template_id,
            ordinal=row.ordinal,
            request=_request(row.document),
            created_at=row.created_at,
            modified_at=row.modified_at,
        )
        tasks[row.template_id].append(task)
    return {row.id: _template(row, tasks[row.id]) for row in rows}


def _template(row: TemplateRow, tasks: Iterable[TaskTemplate]) -> JobTemplate:
    return JobTemplate(**row._asdict() | {"document": _document(row.document), "tasks": tuple(tasks)})
