"""What may be done with the content templates of a scheduled job: add one, delete one, look."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.domain.errors import NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.operations import bounds
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import content_templates as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.schedules import schedules

CONTENT: Final = "ScheduledJobContentTemplate"


def problems(wanted: ContentTemplate, prefix: str = "") -> list[Problem]:
    """What is wrong with a content template; `prefix` is put before each path (`contentTemplates[0].`)."""
    found = bounds.text(f"{prefix}schemaId", wanted.schema_id, longest=bounds.LONGEST_NAME, required=True)
    found += bounds.text(f"{prefix}sdoId", wanted.sdo_id, longest=bounds.LONGEST_NAME)
    found += bounds.json(f"{prefix}data", wanted.data)
    if not wanted.sdo_id and wanted.data is None:
        found.append(Problem(prefix[:-1], "give sdoId or data."))
    return found


async def of_schedules(
    house: House, principal: Principal, schedule_ids: Iterable[int]
) -> Mapping[int, Sequence[ContentTemplate]]:
    """The content templates of each of the schedules that the caller may read, the oldest first."""
    require(principal, Role.READER)
    wanted = sorted(set(schedule_ids))
    return await house.database.read(lambda tx: storage.of_schedules(tx, principal.organization_id, wanted))


@trail.mutation("createScheduledJobContentTemplate", CONTENT)
async def create(
    house: House, principal: Principal, schedule_id: int, wanted: ContentTemplate, shown: str = ""
) -> ContentTemplate:
    """The scheduled job has one content template more. Raises NotFound, NotAllowed, InvalidInput with all problems."""
    require(principal, Role.USER)
    bounds.refuse(problems(wanted))
    done = trail.entry(principal, "createScheduledJobContentTemplate", object_type=CONTENT)

    async def add(tx: Tx) -> ContentTemplate:
        if await schedules.lock(tx, principal.organization_id, schedule_id) is None:
            if await schedules.by_ids(tx, principal.organization_id, [schedule_id]):
                raise NotAllowed("This scheduled job belongs to another organization; it can be read, not changed.")
            raise NotFound("ScheduledJob", shown or schedule_id, path="scheduledJobId")
        [made] = await storage.add(tx, principal.organization_id, schedule_id, [wanted])
        await entries.record(tx, [done.about(made.id)])
        return made

    return await house.database.write(add)


@trail.mutation("deleteScheduledJobContentTemplate", CONTENT, names="content_id")
async def delete(house: House, principal: Principal, content_id: str) -> None:
    """The content template is gone. Raises NotFound."""
    require(principal, Role.USER)
    done = trail.entry(
        principal, "deleteScheduledJobContentTemplate", object_type=CONTENT, object_id=trail.printable(content_id)
    )

    async def remove(tx: Tx) -> None:
        if not (bounds.storable(content_id) and await storage.delete(tx, principal.organization_id, content_id)):
            raise NotFound(CONTENT, content_id)
        await entries.record(tx, [done])

    await house.database.write(remove)
