"""The operations on targets. Public ones of other organizations can only be read."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from enginehouse.domain.artifact import Target, TargetFilter
from enginehouse.domain.errors import Fault, NotFound, Problem, excerpt
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import parse_number
from enginehouse.domain.job import JobRequest, TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.operations import bounds, owned
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import require, require_for_targets
from enginehouse.storage import assets as stored_assets
from enginehouse.storage import targets as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

TARGET: Final = "TemporalDataObject"
KIND: Final = OwnedKind(TARGET, "target", by_ids=storage.by_ids, lock=storage.lock)
MINUTE: Final = 60 * 1_000_000
LONGEST_SPAN: Final = 366 * 24 * 60 * MINUTE


def problems(new: TargetRequest, prefix: str = "") -> list[Problem]:
    """Returns everything that is wrong with a new target; `prefix` stands before each path (`target.`)."""
    result = bounds.text(f"{prefix}name", new.name, longest=bounds.LONGEST_NAME)
    result += bounds.text(f"{prefix}description", new.description)
    result += bounds.text(f"{prefix}status", new.status, longest=bounds.LONGEST_NAME, required=True)
    result += bounds.json(f"{prefix}details", new.details)
    if new.start_at is not None and new.stop_at is not None:
        if new.stop_at < new.start_at:
            result.append(Problem(f"{prefix}stopDateTime", "must not be before startDateTime."))
        elif new.stop_at - new.start_at > LONGEST_SPAN:
            result.append(Problem(f"{prefix}stopDateTime", "must be at most one year after startDateTime."))
    return result


@trail.mutation("createTDO", TARGET)
async def create(house: House, principal: Principal, new: TargetRequest) -> Target:
    """Creates the target. Without times it gets its creation time. Raises NotAllowed, InvalidInput."""
    require(principal, Role.USER)
    bounds.refuse(problems(new))
    entry = trail.entry(principal, "createTDO", object_type=TARGET)

    async def make(tx: Tx) -> Target:
        [target] = await storage.insert(tx, [new_row(principal, await storage.reserve(tx), new)])
        await entries.record(tx, [entry.about(target.id)])
        return target

    return await house.database.write(make)


@trail.mutation("deleteTDO", TARGET, names="ref")
async def delete(house: House, principal: Principal, ref: Ref) -> None:
    """Deletes the target with its assets and their bytes, also those that are results of its jobs.

    The jobs stay, and their outputs say that the bytes are gone. Raises NotFound, NotAllowed for a public one of
    another organization.
    """

    async def remove(tx: Tx, target: Target) -> list[str]:
        keys = await stored_assets.delete_of_target(tx, principal.organization_id, target.id)
        await storage.delete(tx, principal.organization_id, target.id)
        return keys

    await house.store.delete(await owned.change(house, KIND, principal, "deleteTDO", ref, remove))


@trail.mutation("updateTDO", TARGET, names="ref")
async def update(
    house: House, principal: Principal, ref: Ref, changes: dict[str, Any], primary: Sequence[tuple[str, str]] = ()
) -> Target:
    """Updates the given fields of the target; `echo` is merged over the old one. `primary`: the new (asset, type)s.

    Raises NotFound, NotAllowed for a public one of another organization, InvalidInput with all problems.
    """

    async def change(tx: Tx, old: Target) -> Target:
        echo = {**old.echo, **changes.get("echo", {})}
        new = replace(old, modified_at=tx.now, **{**changes, "echo": echo})
        request = TargetRequest(**{name: getattr(new, name) for name in TargetRequest.__struct_fields__})
        faults = problems(request)
        for number, (asset_id, asset_type) in enumerate(primary):
            if not await stored_assets.make_primary(tx, new, asset_id, asset_type):
                text = f"the target has no asset {excerpt(asset_id)} of the type {excerpt(asset_type)}."
                faults.append(Problem(f"primaryAsset[{number}].id", text, excerpt(asset_id), fault=Fault.UNKNOWN))
        bounds.refuse(faults)
        await storage.change(tx, new)
        return new

    return await owned.change(house, KIND, principal, "updateTDO", ref, change)


@trail.mutation("cleanupTDO", TARGET, names="ref")
async def clean_up(house: House, principal: Principal, ref: Ref, *, storage_: bool, results: bool) -> None:
    """Deletes assets of the target with their bytes: `results` are those that engines made, `storage_` the others.

    Raises NotFound, NotAllowed for a public one of another organization.
    """

    async def remove(tx: Tx, target: Target) -> list[str]:
        keys = list[str]()
        for chosen, is_result in ((storage_, False), (results, True)):
            if chosen:
                keys += await stored_assets.delete_of_target(
                    tx, principal.organization_id, target.id, results=is_result
                )
        return keys

    await house.store.delete(await owned.change(house, KIND, principal, "cleanupTDO", ref, remove))


@trail.mutation("deleteTDO", TARGET, names="target_id")
async def take_back(house: House, principal: Principal, target_id: int) -> None:
    """Deletes a target whose job was then not created, with its assets and their bytes."""
    require(principal, Role.USER)
    entry = trail.entry(principal, "deleteTDO", object_type=TARGET, object_id=target_id, detail="its job was not made")

    async def undo(tx: Tx) -> list[str]:
        await entries.record(tx, [entry])
        return await storage.delete_unused(tx, principal.organization_id, target_id)

    await house.store.delete(await house.database.write(undo))


async def for_jobs(house: House, principal: Principal, requests: Sequence[JobRequest]) -> list[int | None]:
    """Returns the named target of every new job; None if it names none. Changes nothing.

    Raises InvalidInput with every problem of the targets described in jobs, NotFound for one the caller may not read.
    """
    faults = [
        problem
        for request in requests
        if request.target is not None
        for problem in problems(request.target, f"{request.prefix}{request.spelling.target}.")
    ]
    bounds.refuse(faults)
    named = {n: parse_number(request.target_id) or 0 for n, request in enumerate(requests) if request.target_id}
    if named:
        readable = await get_many(house, principal, named.values())
        for n, target_id in named.items():
            if target_id not in readable:
                path = requests[n].prefix + requests[n].spelling.target_id
                raise NotFound(TARGET, requests[n].target_id, path=path)
    return [named.get(n) for n in range(len(requests))]


async def get(house: House, principal: Principal, ref: Ref, *, path: str = "") -> Target:
    """Returns the target, if it is the organization's own or public. Raises NotFound, with the `path` of the id."""
    require_for_targets(principal, Role.READER, [ref.number])
    targets = await house.database.peek(lambda tx: storage.by_ids(tx, principal.organization_id, [ref.number]))
    if ref.number not in targets:
        raise NotFound(TARGET, ref.text, path=path)
    return targets[ref.number]


async def get_many(house: House, principal: Principal, target_ids: Iterable[int]) -> dict[int, Target]:
    """Returns those of the targets that the organization may read."""
    target_ids = list(target_ids)
    require_for_targets(principal, Role.READER, target_ids)
    ids = sorted({number for number in target_ids if 0 < number <= bounds.LARGEST_ID})
    return await house.database.read(lambda tx: storage.by_ids(tx, principal.organization_id, ids))


async def list_(house: House, principal: Principal, criteria: TargetFilter | None = None) -> list[Target]:
    """Returns one page of the organization's targets, the latest start first. Raises InvalidInput for a wrong page."""
    require(principal, Role.READER)
    wanted = criteria or TargetFilter()
    bounds.page(wanted.offset, wanted.limit, largest=house.limits.page_size)
    return await house.database.read(lambda tx: storage.page(tx, principal.organization_id, wanted))


def new_row(principal: Principal, target_id: int, new: TargetRequest) -> storage.NewTarget:
    return storage.NewTarget(
        id=target_id, organization_id=principal.organization_id, created_by=principal.user_id, request=new
    )
