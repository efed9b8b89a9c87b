"""Job templates in storage: what a job is made from again and again, task by task."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from enginehouse.domain.ids import first_job_id
from enginehouse.domain.job import TaskRequest
from enginehouse.domain.templates import JobTemplate, TaskTemplate, TemplateDocument, TemplateFilter
from enginehouse.storage import pipelines
from enginehouse.storage.database.database import Row, Tx

_encode = msgspec.json.Encoder().encode


async def insert(tx: Tx, templates: Sequence[JobTemplate]) -> None:
    """The templates exist with their tasks; `tx.now` is their creation time."""
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
    """The templates exist under ids of their own, which they are answered with; `tx.now` is their creation time.

    Those with a stage and without a pipeline are in one made for them.
    """
    if not templates:
        return []
    # Two that come in the same microsecond would both find the same id free.
    await tx.lock("template ids")
    made = list[JobTemplate]()
    following = first_job_id(tx.now)
    templates = await _with_pipeline(tx, templates)
    for template in templates:
        while await tx.one("templates.taken", id=following) is not None:
            following += 1
        tasks = tuple(msgspec.structs.replace(task, template_id=following) for task in template.tasks)
        made.append(msgspec.structs.replace(template, id=following, tasks=tasks, created_at=tx.now, modified_at=tx.now))
        following += 1
    await insert(tx, made)
    return made


async def _with_pipeline(tx: Tx, templates: Sequence[JobTemplate]) -> Sequence[JobTemplate]:
    homeless = [each for each in templates if each.stage is not None and each.pipeline_id is None]
    if not homeless:
        return templates
    made = await pipelines.add(tx, homeless[0].organization_id)
    return [
        msgspec.structs.replace(each, pipeline_id=made.id)
        if each.stage is not None and each.pipeline_id is None
        else each
        for each in templates
    ]


async def load(tx: Tx, ids: Iterable[int]) -> dict[int, JobTemplate]:
    """The templates with these ids, whoever's they are: for the server itself, which fires schedules."""
    wanted = sorted(set(ids))
    return await _whole(tx, await tx.all("templates.load", ids=wanted))


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, JobTemplate]:
    """Those of the templates that are the organization's."""
    wanted = sorted(set(ids))
    return await _whole(tx, await tx.all("templates.by_ids", ids=wanted, organization_id=organization_id))


async def readable(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, JobTemplate]:
    """Those of the templates that the organization may read: its own, and those in public pipelines."""
    wanted = sorted(set(ids))
    return await _whole(tx, await tx.all("templates.readable", ids=wanted, organization_id=organization_id))


async def lock(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, JobTemplate]:
    """The organization's templates among these, which nobody else changes until the transaction ends."""
    wanted = sorted(set(ids))
    return await _whole(tx, await tx.all("templates.lock", ids=wanted, organization_id=organization_id))


async def page(tx: Tx, organization_id: int, wanted: TemplateFilter) -> list[JobTemplate]:
    """One page of the organization's templates, the newest first."""
    rows = await tx.all(
        "templates.page",
        organization_id=organization_id,
        pipeline_id=-1 if wanted.pipeline_id is None else wanted.pipeline_id,
        schedule_id=-1 if wanted.schedule_id is None else wanted.schedule_id,
        any_engine=int(wanted.engine_ids is None),
        engine_ids=sorted(wanted.engine_ids or ()),
        limit=wanted.limit,
        offset=wanted.offset,
    )
    found = await readable(tx, organization_id, [row[0] for row in rows])
    return [found[row[0]] for row in rows]


async def update(tx: Tx, old: JobTemplate, new: JobTemplate) -> None:
    """The template is `new`, task by task, with the next version number."""
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
    """The templates are gone with their tasks; the jobs made from them stay, and keep the number."""
    await tx.run("templates.delete_all_tasks", ids=list(ids))
    await tx.run("templates.delete", ids=list(ids))


async def launched_by(tx: Tx, template_id: int) -> list[tuple[int, int]]:
    """The (schedule, its organization) that launch the template, by itself or with its pipeline."""
    return [(row[0], row[1]) for row in await tx.all("templates.launched_by", id=template_id)]


async def _whole(tx: Tx, rows: Sequence[Row]) -> dict[int, JobTemplate]:
    if not rows:
        return {}
    tasks: dict[int, list[TaskTemplate]] = defaultdict(list)
    for row in await tx.all("templates.tasks", ids=[row[0] for row in rows]):
        request = msgspec.json.decode(row[3], type=TaskRequest)
        tasks[row[0]].append(
            TaskTemplate(template_id=row[0], ordinal=row[1], request=request, created_at=row[4], modified_at=row[5])
        )
    return {
        row[0]: JobTemplate(
            id=row[0],
            organization_id=row[1],
            pipeline_id=row[2],
            stage=row[3],
            document=msgspec.json.decode(row[4], type=TemplateDocument),
            tasks=tuple(tasks[row[0]]),
            version=row[5],
            created_by=row[6],
            created_at=row[7],
            modified_at=row[8],
        )
        for row in rows
    }
