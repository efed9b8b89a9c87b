"""What may be done with sources: create, change, delete; look and list; and which of them a template names."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from enginehouse.domain.errors import Fault, InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.schedules.zones import UnknownZone, zone_of
from enginehouse.domain.sources import Source, SourceType
from enginehouse.operations import bounds
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.templates import used_by
from enginehouse.storage import sources as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

SOURCE: Final = "Source"


async def get(house: House, principal: Principal, source_id: int, shown: str = "") -> Source:
    """The source. Raises NotFound, for a foreign one that is not public too."""
    found = await get_many(house, principal, [source_id])
    if source_id not in found:
        raise NotFound(SOURCE, shown or source_id)
    return found[source_id]


async def get_many(house: House, principal: Principal, ids: Iterable[int]) -> dict[int, Source]:
    """Those of the sources that the caller may read."""
    require(principal, Role.READER)
    wanted = sorted({known for known in ids if 0 < known <= bounds.LARGEST_ID})
    return await house.database.read(lambda tx: storage.by_ids(tx, principal.organization_id, wanted))


async def all_of(house: House, principal: Principal, *, include_public: bool = True) -> list[Source]:
    """Every source that the caller may read, by id; without `include_public` only the organization's own."""
    require(principal, Role.READER)
    return await house.database.read(
        lambda tx: storage.all_of(tx, principal.organization_id, include_public=include_public)
    )


async def types(house: House, principal: Principal) -> dict[int, SourceType]:
    """Every kind of source there is."""
    require(principal, Role.READER)
    return {each.id: each for each in await house.database.read(storage.types)}


@trail.mutation("createSource", SOURCE)
async def create(house: House, principal: Principal, source: Source) -> Source:
    """The source exists. Raises InvalidInput with all problems."""
    require(principal, Role.USER)
    done = trail.entry(principal, "createSource", object_type=SOURCE)

    async def make(tx: Tx) -> Source:
        bounds.refuse(await _problems(tx, source))
        made = await storage.add(tx, source)
        await entries.record(tx, [done.about(made.id)])
        return made

    return await house.database.write(make)


@trail.mutation("updateSource", SOURCE, names="source_id")
async def update(
    house: House, principal: Principal, source_id: int, changes: dict[str, Any], shown: str = ""
) -> Source:
    """The source is changed where something is given; `document` is laid over what was there.

    Its time zone is that of schedules made from now on: those that are there keep the one they were made with.
    Raises NotFound, NotAllowed for a public one of another organization, InvalidInput with all problems.
    """
    require(principal, Role.USER)
    done = trail.entry(principal, "updateSource", object_type=SOURCE, object_id=source_id)

    async def change(tx: Tx) -> Source:
        old = await _own(tx, principal, source_id, shown)
        document = {**old.document, **changes.get("document", {})}
        new = msgspec.structs.replace(old, modified_at=tx.now, **{**changes, "document": document})
        bounds.refuse(await _problems(tx, new))
        await storage.update(tx, new)
        await entries.record(tx, [done])
        return new

    return await house.database.write(change)


@trail.mutation("deleteSource", SOURCE, names="source_id")
async def delete(house: House, principal: Principal, source_id: int, shown: str = "") -> None:
    """The source is gone. Raises InvalidInput while it is a schedule's primary one, NotFound, NotAllowed."""
    require(principal, Role.USER)
    done = trail.entry(principal, "deleteSource", object_type=SOURCE, object_id=source_id)

    async def remove(tx: Tx) -> None:
        await _own(tx, principal, source_id, shown)
        used = used_by(await storage.primary_of(tx, source_id), principal, verb="have it as their primary source")
        if used:
            raise InvalidInput(f'"{source_id}" cannot be deleted: {used}. Change or delete those first.', "id")
        await storage.delete(tx, source_id)
        await entries.record(tx, [done])

    await house.database.write(remove)


async def _own(tx: Tx, principal: Principal, source_id: int, shown: str) -> Source:
    found = await storage.lock(tx, principal.organization_id, source_id)
    if found is None:
        if await storage.by_ids(tx, principal.organization_id, [source_id]):
            raise NotAllowed("This source belongs to another organization; it can be read, not changed.")
        raise NotFound(SOURCE, shown or source_id)
    return found


async def _problems(tx: Tx, source: Source) -> list[Problem]:
    problems = bounds.text("name", source.name, longest=bounds.LONGEST_NAME, required=True)
    known = {each.id: each.name for each in await storage.types(tx)}
    if source.source_type_id not in known:
        allowed = ", ".join(f"{number} ({name})" for number, name in known.items())
        text = f"there is no such source type; one of {allowed}."
        problems.append(Problem("sourceTypeId", text, str(source.source_type_id), allowed, Fault.UNKNOWN))
    problems += bounds.json("details", source.document)
    details = source.document.get("details")
    zone = details.get("timeZone") if isinstance(details, dict) else None
    if zone is not None:
        try:
            zone_of(zone if isinstance(zone, str) else str(zone))
        except UnknownZone as unknown:
            problems.append(Problem("details.timeZone", str(unknown), str(zone)[:100]))
    return problems
