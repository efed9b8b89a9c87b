"""The operations on sources: get, list, create, update, delete."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from enginehouse.domain.errors import Fault, InvalidInput, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules import description
from enginehouse.domain.schedules.zones import UnknownZone, zone_of
from enginehouse.domain.sources import Source, SourceType
from enginehouse.operations import bounds, owned
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import require
from enginehouse.storage import sources as storage
from enginehouse.storage.database.database import Tx

SOURCE: Final = "Source"
KIND: Final = OwnedKind(SOURCE, "source", by_ids=storage.by_ids, lock=storage.lock)


async def get(house: House, principal: Principal, ref: Ref) -> Source:
    """Returns the source. Raises NotFound, also for a foreign one that is not public."""
    return await owned.get(house, KIND, principal, ref)


async def get_many(house: House, principal: Principal, ids: Iterable[int]) -> Mapping[int, Source]:
    """Returns those of the sources that the caller may read."""
    return await owned.readable(house, KIND, principal, ids)


async def all_of(house: House, principal: Principal, *, include_public: bool = True) -> list[Source]:
    """Returns every source that the caller may read, by id; without `include_public` only the organization's own."""
    require(principal, Role.READER)
    return await house.database.read(
        lambda tx: storage.all_of(tx, principal.organization_id, include_public=include_public)
    )


async def types(house: House, principal: Principal) -> dict[int, SourceType]:
    """Returns every source type, by id."""
    require(principal, Role.READER)
    return {each.id: each for each in await house.database.read(storage.types)}


@trail.mutation("createSource", SOURCE)
async def create(house: House, principal: Principal, source: Source) -> Source:
    """Creates the source. Raises InvalidInput with all problems."""

    async def make(tx: Tx) -> Source:
        bounds.refuse(await _problems(tx, source))
        return await storage.add(tx, source)

    return await owned.create(house, KIND, principal, "createSource", make)


@trail.mutation("updateSource", SOURCE, names="ref")
async def update(house: House, principal: Principal, ref: Ref, changes: dict[str, Any]) -> Source:
    """Updates the given fields of the source; `document` is merged over the old one.

    A new time zone applies only to schedules that are created later; existing schedules keep theirs. Raises NotFound,
    NotAllowed for a public one of another organization, InvalidInput with all problems.
    """

    async def change(tx: Tx, old: Source) -> Source:
        document = {**old.document, **changes.get("document", {})}
        new = msgspec.structs.replace(old, modified_at=tx.now, **{**changes, "document": document})
        bounds.refuse(await _problems(tx, new))
        await storage.update(tx, new)
        return new

    return await owned.change(house, KIND, principal, "updateSource", ref, change)


@trail.mutation("deleteSource", SOURCE, names="ref")
async def delete(house: House, principal: Principal, ref: Ref) -> None:
    """Deletes the source. Raises InvalidInput while it is a schedule's primary source, NotFound, NotAllowed."""

    async def remove(tx: Tx, source: Source) -> None:
        schedules = await storage.primary_of(tx, source.id)
        users = description.users(schedules, principal.organization_id, verb="have it as their primary source")
        if users:
            raise InvalidInput(f'"{source.id}" cannot be deleted: {users}. Change or delete those first.', "id")
        await storage.delete(tx, source.id)

    await owned.change(house, KIND, principal, "deleteSource", ref, remove)


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
