"""The operations on the assets of targets. Public ones of other organizations can only be read."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from enginehouse.artifacts.integrity import Expected
from enginehouse.artifacts.store import Content
from enginehouse.domain.artifact import Asset, AssetFilter, AssetOrder, Target
from enginehouse.domain.audit import Entry
from enginehouse.domain.errors import NotAllowed, NotFound, Refusal, Unavailable
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.times import LAST_MOMENT
from enginehouse.operations import assets as new_assets
from enginehouse.operations import bounds, durations, targets, uploads
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require, require_for_targets
from enginehouse.storage import assets as stored_assets
from enginehouse.storage import target_assets
from enginehouse.storage import targets as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

TARGET: Final = targets.TARGET
_FOREIGN_ASSET: Final = "This asset belongs to another organization; it can be read, not changed."


@trail.mutation("createTDOWithAsset", TARGET)
async def create_with_asset(
    house: House, principal: Principal, new: TargetRequest, asset: AssetRequest, *, stops_with_asset: bool = False
) -> Target:
    """Creates the target with the asset as its primary asset, or neither.

    Without a stop it ends 15 minutes after its start (graphql-contract §2.6); with `stops_with_asset` it lasts as long
    as the media of the asset. Raises the errors of `create_asset`.
    """
    require(principal, Role.USER)
    if stops_with_asset and new.start_at is not None:
        bounds.refuse(new_assets.problems(asset))
        lasts = await durations.of_asset(house, principal, asset)
        new = structs.replace(new, stop_at=min(new.start_at + lasts * 1000, LAST_MOMENT))
    if new.start_at is not None and new.stop_at is None:
        new = structs.replace(new, stop_at=min(new.start_at + 15 * targets.MINUTE, LAST_MOMENT))
    bounds.refuse(targets.problems(new) + new_assets.problems(asset))
    # The key of the bytes contains the target's id, so a separate transaction reserves the id. It may stay unused.
    target_id = await house.database.write(storage.reserve)
    asset = replace(asset, target=Ref.of(target_id), set_as_primary=True)

    async def make(tx: Tx) -> None:
        created[:] = await storage.insert(tx, [targets.new_row(principal, target_id, new)])

    created: list[Target] = []
    entry = trail.entry(principal, "createTDOWithAsset", object_type=TARGET, object_id=target_id)
    await _add(house, principal.organization_id, target_id, asset, house.limits.upload_bytes, first=make, entry=entry)
    return created[0]


@trail.mutation("createAsset", "Asset")
async def create_asset(house: House, principal: Principal, new: AssetRequest) -> Asset:
    """Adds the asset to the target; its bytes are durable. `set_as_primary` makes it the only primary one of its type.

    Raises NotFound (target), NotAllowed (also for the public target of another organization), InvalidInput, TooLarge.
    """
    require(principal, Role.USER)
    bounds.refuse(new_assets.problems(new))
    target = await targets.get(house, principal, new.target, path="containerId")
    if target.organization_id != principal.organization_id:
        raise NotAllowed
    entry = trail.entry(principal, "createAsset", object_type="Asset")
    return await _add(house, principal.organization_id, target.id, new, house.limits.upload_bytes, entry=entry)


async def record_asset(house: House, organization_id: int, new: AssetRequest, *, replay_key: str) -> Asset:
    """Adds the asset to the organization's target. Repeated calls with one `replay_key` add only one asset.

    For the server's own use; there is no limit on the size. Raises NotFound (target), InvalidInput.
    """
    bounds.refuse(new_assets.problems(new))
    before = await house.database.peek(lambda tx: target_assets.asset_of_replay(tx, organization_id, replay_key))
    if before is not None:
        return before
    return await _add(house, organization_id, new.target.number, new, None, replay_key=replay_key)


async def assets(
    house: House,
    principal: Principal,
    ref: Ref,
    asset_types: Sequence[str] = (),
    *,
    offset: int = 0,
    limit: int = 30,
    order_by: AssetOrder = "created_at",
    descending: bool = True,
) -> list[Asset]:
    """Returns one page of the target's assets of these types; none means all. Raises NotFound, InvalidInput."""
    target = await targets.get(house, principal, ref)
    criteria = AssetFilter(tuple(asset_types), None, None, order_by, descending, offset, limit)
    return (await asset_pages(house, principal, [target.id], criteria)).get(target.id, [])


async def asset_pages(
    house: House, principal: Principal, target_ids: Iterable[int], criteria: AssetFilter
) -> dict[int, list[Asset]]:
    """Returns one page of the assets of each target. A target that the caller may not read, or with none, is missing.

    Raises InvalidInput for a wrong page.
    """
    target_ids = list(target_ids)
    require_for_targets(principal, Role.READER, target_ids)
    bounds.page(criteria.offset, criteria.limit, largest=house.limits.page_size)
    types = tuple(one for one in criteria.types if bounds.storable(one))
    if (criteria.types and not types) or (criteria.id is not None and not bounds.storable(criteria.id)):
        return {}
    ids = sorted({number for number in target_ids if 0 < number <= bounds.LARGEST_ID})
    criteria = criteria._replace(types=types)
    return await house.database.read(lambda tx: stored_assets.pages(tx, principal.organization_id, ids, criteria))


async def asset_counts(house: House, principal: Principal, target_ids: Iterable[int]) -> dict[int, int]:
    """Returns how many assets each target has. Targets without assets, or that the caller may not read, are missing."""
    require(principal, Role.READER)
    ids = sorted({number for number in target_ids if 0 < number <= bounds.LARGEST_ID})
    return await house.database.read(lambda tx: target_assets.asset_counts(tx, principal.organization_id, ids))


async def asset(house: House, principal: Principal, asset_id: str) -> Asset:
    """Returns the asset, if its target is the organization's own or public. Raises NotFound."""
    require(principal, Role.READER)
    asset = None
    if bounds.storable(asset_id):
        asset = await house.database.peek(lambda tx: target_assets.asset(tx, principal.organization_id, asset_id))
    if asset is None:
        raise NotFound("Asset", asset_id)
    return asset


async def primary_asset(house: House, principal: Principal, ref: Ref, asset_type: str | None = None) -> Asset | None:
    """Returns the target's primary asset of the type; without one, the newest of the type that an engine has made.

    Without a type it returns the one that a task without another input reads: media first, then the oldest. Raises
    NotFound (target).
    """
    target = await targets.get(house, principal, ref)
    if asset_type is not None:
        return (await primary_assets(house, principal, [(target.id, asset_type)])).get((target.id, asset_type))
    return await house.database.peek(lambda tx: stored_assets.main(tx, principal.organization_id, target.id))


async def primary_assets(
    house: House, principal: Principal, wanted: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], Asset]:
    """Returns the primary asset of each (target, type); without one, the newest that an engine has made."""
    require(principal, Role.READER)
    known = {(target_id, type_) for target_id, type_ in wanted if bounds.storable(type_)}
    return await house.database.read(lambda tx: stored_assets.primary(tx, principal.organization_id, known))


async def assets_of_bytes(house: House, principal: Principal, keys: Iterable[str]) -> dict[str, str]:
    """Returns the ids of the assets that share these bytes, by the key of the bytes."""
    require(principal, Role.READER)
    return await house.database.read(lambda tx: stored_assets.of_keys(tx, principal.organization_id, sorted(set(keys))))


@trail.mutation("updateAsset", "Asset", names="asset_id")
async def update_asset(house: House, principal: Principal, asset_id: str, changes: dict[str, Any]) -> Asset:
    """Updates the given fields of the asset; `echo` is merged over the old one. Its bytes never change.

    Raises NotFound, NotAllowed for an asset of a public target of another organization, InvalidInput.
    """
    require(principal, Role.USER)
    entry = trail.entry(principal, "updateAsset", object_type="Asset", object_id=asset_id)
    found = await asset(house, principal, asset_id)
    if found.organization_id != principal.organization_id:
        raise NotAllowed(_FOREIGN_ASSET)
    faults = bounds.text("name", changes.get("name"), longest=bounds.LONGEST_NAME)
    faults += bounds.text("description", changes.get("description"))
    faults += bounds.json("details", changes.get("details"))
    bounds.refuse(faults)

    async def change(tx: Tx) -> Asset:
        old = await stored_assets.lock(tx, principal.organization_id, asset_id)
        if old is None:
            raise NotFound("Asset", asset_id)
        new = replace(old, modified_at=tx.now, **{**changes, "echo": {**old.echo, **changes.get("echo", {})}})
        await stored_assets.change(tx, new)
        await entries.record(tx, [entry])
        return new

    return await house.database.write(change)


@trail.mutation("deleteAsset", "Asset", names="asset_id")
async def delete_asset(house: House, principal: Principal, asset_id: str) -> None:
    """Deletes the asset, and its bytes unless an output of a job shares them.

    Raises NotFound, NotAllowed for an asset of a public target of another organization.
    """
    require(principal, Role.USER)
    entry = trail.entry(principal, "deleteAsset", object_type="Asset", object_id=asset_id)
    found = await asset(house, principal, asset_id)
    if found.organization_id != principal.organization_id:
        raise NotAllowed(_FOREIGN_ASSET)

    async def remove(tx: Tx) -> list[str]:
        keys = await stored_assets.delete(tx, principal.organization_id, found.target_id, asset_id)
        if keys is None:
            raise NotFound("Asset", asset_id)
        await entries.record(tx, [entry])
        return keys

    await house.store.delete(await house.database.write(remove))


async def content(house: House, asset: Asset) -> Content:
    """Returns the asset's bytes. Raises NotFound if it is only a reference, or was deleted meanwhile.

    Raises IntegrityError if the bytes are not those that were stored.
    """
    async with _missing_or_deleted(house, asset) as expected:
        return await house.integrity.content(expected)


async def address(house: House, asset: Asset) -> str | None:
    """Returns the address of the asset's bytes at their store, if readers are sent there. Raises as `content`."""
    async with _missing_or_deleted(house, asset) as expected:
        return await house.address(expected)


async def read(house: House, asset: Asset) -> bytes:
    """Returns the asset's bytes. Raises the errors of `content`."""
    async with _missing_or_deleted(house, asset) as expected:
        return await house.integrity.read(expected)


@asynccontextmanager
async def open_verified(house: House, asset: Asset) -> AsyncIterator[Path]:
    """Yields a local file with the asset's bytes. Raises the errors of `content`."""
    async with _missing_or_deleted(house, asset) as expected:
        await house.integrity.verify(expected)
    async with house.store.open(expected.key) as path:
        yield path


@asynccontextmanager
async def _missing_or_deleted(house: House, asset: Asset) -> AsyncIterator[Expected]:
    """Bytes that are gone without their row are missing. With it, the asset was deleted."""
    if asset.key is None or asset.size is None or asset.sha256 is None:
        raise NotFound("Asset", asset.id)
    try:
        yield Expected(asset.key, asset.size, asset.sha256)
    except NotFound:
        if await house.database.read(lambda tx: target_assets.asset(tx, asset.organization_id, asset.id)) is None:
            raise NotFound("Asset", asset.id) from None
        raise house.integrity.missing(asset.key) from None


async def _add(
    house: House,
    organization_id: int,
    target_id: int,
    new: AssetRequest,
    max_bytes: int | None,
    *,
    first: Callable[[Tx], Awaitable[object]] | None = None,
    replay_key: str | None = None,
    entry: Entry | None = None,
) -> Asset:
    """Stores the asset's bytes durably; then one transaction runs `first` and adds the asset to its target.

    `entry` is the audit entry; if it names no object yet, it gets the asset's id. None for the server itself.
    """
    asset_id = new_assets.new_id(target_id)
    stored, new = await new_assets.keep_bytes(house, organization_id, target_id, asset_id, new, max_bytes=max_bytes)
    row = new_assets.row(
        new,
        asset_id=asset_id,
        organization_id=organization_id,
        target_id=target_id,
        stored=stored,
        replay_key=replay_key,
    )
    upload_id = await uploads.named(house, organization_id, new.uri, origin=new.origin)

    async def add(tx: Tx) -> Asset:
        if first is not None:
            await first(tx)
        if upload_id is None:
            added = await target_assets.add_asset(tx, row)
        else:
            found = await uploads.claim(tx, organization_id, upload_id, asset_id, md5=new.md5)
            added = await target_assets.add_asset(tx, new_assets.taken_over(row, found))
        if added is None:
            raise NotFound(TARGET, new.target.text)
        if entry is not None:
            await entries.record(tx, [entry if entry.object_id else entry.about(added.id)])
        return added

    try:
        added = await house.database.write(add)
    except Unavailable:
        # The commit may have happened. Bytes without a row are harmless; a row without bytes is not. So the bytes stay.
        raise
    except Refusal:
        await new_assets.drop_bytes(house, stored)
        raise
    if added.id != asset_id:
        await new_assets.drop_bytes(house, stored)
    return added
