"""What may be done with the tasks of a job template: add one, change one, take one out; look."""

from collections.abc import Callable
from typing import Final

import msgspec

from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import task_graphql
from enginehouse.domain.job import TaskRequest
from enginehouse.domain.templates import JobTemplate, TaskTemplate
from enginehouse.operations import templates
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require

TASK: Final = "TaskTemplate"


async def get(
    house: House, principal: Principal, template_id: int, ordinal: int, shown: str = ""
) -> tuple[JobTemplate, TaskTemplate]:
    """One task of a template, with the template. Raises NotFound."""
    found = (await templates.get_many(house, principal, [template_id])).get(template_id)
    for each in found.tasks if found is not None else ():
        if found is not None and each.ordinal == ordinal:
            return found, each
    raise NotFound(TASK, shown or task_graphql(template_id, ordinal))


@trail.mutation("createTaskTemplate", TASK)
async def create(
    house: House, principal: Principal, template_id: int, request: TaskRequest, shown: str = ""
) -> tuple[JobTemplate, TaskTemplate]:
    """The template has one task more, behind the others. Raises NotFound, NotAllowed, InvalidInput."""
    require(principal, Role.USER)

    def change(old: JobTemplate) -> JobTemplate:
        following = max((each.ordinal for each in old.tasks), default=-1) + 1
        added = TaskTemplate(template_id=template_id, ordinal=following, request=request)
        return msgspec.structs.replace(old, tasks=(*old.tasks, added))

    new = await templates.changed(house, principal, "createTaskTemplate", template_id, shown, change, object_type=TASK)
    return new, new.tasks[-1]


@trail.mutation("updateTaskTemplate", TASK, names="template_id")
async def update(
    house: House,
    principal: Principal,
    template_id: int,
    ordinal: int,
    change: Callable[[TaskRequest], TaskRequest],
    shown: str = "",
) -> tuple[JobTemplate, TaskTemplate]:
    """The task is what `change` makes of it. Raises NotFound, NotAllowed, InvalidInput."""
    require(principal, Role.USER)

    def swap(old: JobTemplate) -> JobTemplate:
        task_at(old, ordinal, shown)
        return msgspec.structs.replace(
            old,
            tasks=tuple(
                msgspec.structs.replace(each, request=change(each.request)) if each.ordinal == ordinal else each
                for each in old.tasks
            ),
        )

    new = await templates.changed(
        house, principal, "updateTaskTemplate", template_id, shown, swap, object_type=TASK, ordinal=ordinal
    )
    return new, task_at(new, ordinal, shown)


@trail.mutation("deleteTaskTemplate", TASK, names="template_id")
async def delete(house: House, principal: Principal, template_id: int, ordinal: int, shown: str = "") -> None:
    """The template has one task less. Raises NotFound, NotAllowed; InvalidInput where what is left would be wrong."""
    require(principal, Role.USER)

    def drop(old: JobTemplate) -> JobTemplate:
        task_at(old, ordinal, shown)
        return msgspec.structs.replace(old, tasks=tuple(each for each in old.tasks if each.ordinal != ordinal))

    await templates.changed(
        house, principal, "deleteTaskTemplate", template_id, shown, drop, object_type=TASK, ordinal=ordinal
    )


def task_at(template: JobTemplate, ordinal: int, shown: str = "") -> TaskTemplate:
    """The task of the template with this ordinal. Raises NotFound."""
    for each in template.tasks:
        if each.ordinal == ordinal:
            return each
    raise NotFound(TASK, shown or task_graphql(template.id, ordinal))
