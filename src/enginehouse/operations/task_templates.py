"""The operations on the tasks of a job template: get, create, update, delete, and the tasks of jobs made of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec

from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import task_graphql
from enginehouse.domain.job import Task, TaskRequest
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.templates import JobTemplate, TaskTemplate
from enginehouse.operations import templates
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import queries

TASK: Final = "TaskTemplate"
_KIND: Final = replace(templates.KIND, type=TASK)


async def get(house: House, principal: Principal, ref: TaskRef) -> tuple[JobTemplate, TaskTemplate]:
    """Returns one task of a template, with the template. Raises NotFound."""
    template = (await templates.get_many(house, principal, [ref.job_id])).get(ref.job_id)
    if template is None:
        raise NotFound(TASK, ref.text)
    return template, task_at(template, ref)


@trail.mutation("createTaskTemplate", TASK)
async def create(
    house: House, principal: Principal, template: Ref, request: TaskRequest
) -> tuple[JobTemplate, TaskTemplate]:
    """Adds a task after the others of the template. Raises NotFound, NotAllowed, InvalidInput."""
    require(principal, Role.USER)

    def append(old: JobTemplate) -> JobTemplate:
        following = max((each.ordinal for each in old.tasks), default=-1) + 1
        task = TaskTemplate(template_id=old.id, ordinal=following, request=request)
        return msgspec.structs.replace(old, tasks=(*old.tasks, task))

    new = await templates.change(house, principal, "createTaskTemplate", template, append, kind=_KIND)
    return new, new.tasks[-1]


@trail.mutation("updateTaskTemplate", TASK, names="ref")
async def update(
    house: House, principal: Principal, ref: TaskRef, edit: Callable[[TaskRequest], TaskRequest]
) -> tuple[JobTemplate, TaskTemplate]:
    """Replaces the task by the result of `edit`. Raises NotFound, NotAllowed, InvalidInput."""
    require(principal, Role.USER)

    def swap(old: JobTemplate) -> JobTemplate:
        task = task_at(old, ref)
        changed = msgspec.structs.replace(task, request=edit(task.request))
        tasks = tuple(changed if each.ordinal == ref.ordinal else each for each in old.tasks)
        return msgspec.structs.replace(old, tasks=tasks)

    template = Ref(ref.job_id, ref.text)
    new = await templates.change(
        house, principal, "updateTaskTemplate", template, swap, kind=_KIND, ordinal=ref.ordinal
    )
    return new, task_at(new, ref)


@trail.mutation("deleteTaskTemplate", TASK, names="ref")
async def delete(house: House, principal: Principal, ref: TaskRef) -> None:
    """Deletes the task. Raises NotFound, NotAllowed, InvalidInput if the rest of the template would be invalid."""
    require(principal, Role.USER)

    def drop(old: JobTemplate) -> JobTemplate:
        task_at(old, ref)
        return msgspec.structs.replace(old, tasks=tuple(each for each in old.tasks if each.ordinal != ref.ordinal))

    template = Ref(ref.job_id, ref.text)
    await templates.change(house, principal, "deleteTaskTemplate", template, drop, kind=_KIND, ordinal=ref.ordinal)


def task_at(template: JobTemplate, ref: TaskRef) -> TaskTemplate:
    """Returns the named task of the template. Raises NotFound."""
    for each in template.tasks:
        if each.ordinal == ref.ordinal:
            return each
    raise NotFound(TASK, ref.text)


async def tasks_of(house: House, principal: Principal, template_id: int, ordinal: int, *, limit: int) -> list[Task]:
    """Returns the tasks that the newest launches of the template have made of its task, the newest first."""
    require(principal, Role.READER)
    named = task_graphql(template_id, ordinal)

    async def read(tx: Tx) -> list[Task]:
        ids = await queries.of_template(tx, principal.organization_id, template_id, limit=limit)
        jobs = await queries.by_ids(tx, principal.organization_id, ids)
        return [task for job_id in ids for task in jobs[job_id].tasks if task.plan.echo.get("templateId") == named]

    return await house.database.read(read)
