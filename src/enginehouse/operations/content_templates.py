"""The operations on the content templates of a scheduled job: create, delete, read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.domain.errors import NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.operations import bounds, owned
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.schedules import schedules
from enginehouse.storage import content_templates as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

CONTENT: Final = "ScheduledJobContentTemplate"


def problems(content: ContentTemplate, prefix: str = "") -> list[Problem]:
    """Returns what is wrong with a content template; `prefix` stands before each path (`contentTemplates[0].`)."""
    result = bounds.text(f"{prefix}schemaId", content.schema_id, longest=bounds.LONGEST_NAME, required=True)
    result += bounds.text(f"{prefix}sdoId", content.sdo_id, longest=bounds.LONGEST_NAME)
    result += bounds.json(f"{prefix}data", content.data)
    if not content.sdo_id and content.data is None:
        result.append(Problem(prefix[:-1], "give sdoId or data."))
    return result


async def of_schedules(
    house: House, principal: Principal, schedule_ids: Iterable[int]
) -> Mapping[int, Sequence[ContentTemplate]]:
    """Returns the content templates of each schedule that the caller may read, the oldest first."""
    require(principal, Role.READER)
    ids = sorted(set(schedule_ids))
    return await house.database.read(lambda tx: storage.of_schedules(tx, principal.organization_id, ids))


@trail.mutation("createScheduledJobContentTemplate", CONTENT)
async def create(house: House, principal: Principal, schedule: Ref, content: ContentTemplate) -> ContentTemplate:
    """Adds a content template to the scheduled job. Raises NotFound, NotAllowed, InvalidInput with all problems."""
    require(principal, Role.USER)
    bounds.refuse(problems(content))
    entry = trail.entry(principal, "createScheduledJobContentTemplate", object_type=CONTENT)

    async def add(tx: Tx) -> ContentTemplate:
        owner = await owned.locked(tx, schedules.KIND, principal, schedule, path="scheduledJobId")
        [new] = await storage.add(tx, principal.organization_id, owner.id, [content])
        await entries.record(tx, [entry.about(new.id)])
        return new

    return await house.database.write(add)


@trail.mutation("deleteScheduledJobContentTemplate", CONTENT, names="content_id")
async def delete(house: House, principal: Principal, content_id: str) -> None:
    """Deletes the content template. Raises NotFound."""
    require(principal, Role.USER)
    entry = trail.entry(
        principal, "deleteScheduledJobContentTemplate", object_type=CONTENT, object_id=trail.printable(content_id)
    )

    async def remove(tx: Tx) -> None:
        if not (bounds.storable(content_id) and await storage.delete(tx, principal.organization_id, content_id)):
            raise NotFound(CONTENT, content_id)
        await entries.record(tx, [entry])

    await house.database.write(remove)
