"""Assets in storage: their lists, those that share their bytes with outputs of jobs, and their deletion."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from enginehouse.domain.artifact import Asset, AssetFilter, Target
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.database.sql import shape
from enginehouse.storage.jobs.deletion import SHARED_BYTES
from enginehouse.storage.target_assets import AssetRow, asset_document, asset_of


class TargetOwner(NamedTuple):
    """A locked target and its organization."""

    id: int
    organization_id: int


class AssetOfBytes(NamedTuple):
    """The asset that has these bytes."""

    storage_key: str
    id: str


_PAGES: Final = {
    True: Select(shape("assets.pages", ("descending",)), AssetRow),
    False: Select(shape("assets.pages", ()), AssetRow),
}
_MEDIA_OF_JOB: Final = Select("assets.media_of_job", AssetRow)
_PRIMARY: Final = Select("assets.primary", AssetRow)
_MAIN: Final = Select("assets.main", AssetRow)
_BY_IDS: Final = Select("assets.by_ids", AssetRow)
_LOCK: Final = Select("assets.lock", AssetRow)
_LOCK_TARGETS: Final = Select("assets.lock_targets", TargetOwner)
_OF_KEYS: Final = Select("assets.of_keys", AssetOfBytes)


async def pages(
    tx: Tx, organization_id: int, target_ids: Collection[int], criteria: AssetFilter
) -> dict[int, list[Asset]]:
    """Returns the page of each target that the organization may read. One statement for all of them."""
    job_id, ordinal = criteria.task or (None, None)
    rows = await _PAGES[criteria.descending].all(
        tx,
        organization_id=organization_id,
        target_ids=sorted(target_ids),
        any_type=int(not criteria.types),
        asset_types=list(criteria.types),
        id=criteria.id,
        job_id=job_id,
        ordinal=ordinal,
        order_by=criteria.order_by,
        offset=criteria.offset,
        limit=criteria.limit,
    )
    found: dict[int, list[Asset]] = defaultdict(list)
    for row in rows:
        found[row.target_id].append(asset_of(row))
    return found


async def primary(tx: Tx, organization_id: int, wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], Asset]:
    """Returns the primary asset of each (target, type); without one, the newest that an engine has made."""
    rows = await _PRIMARY.each(tx, [(target_id, type_, organization_id) for target_id, type_ in sorted(wanted)])
    return {(row.target_id, row.asset_type): asset_of(row) for row in rows}


async def main(tx: Tx, organization_id: int, target_id: int) -> Asset | None:
    """Returns the primary asset that a task without another input reads: media comes first, then the oldest."""
    row = await _MAIN.one(tx, organization_id=organization_id, target_id=target_id)
    return None if row is None else asset_of(row)


async def media_of_job(tx: Tx, organization_id: int, job_id: int) -> Asset | None:
    """Returns the same of the target on which the organization's job works, None if there is none."""
    row = await _MEDIA_OF_JOB.one(tx, organization_id=organization_id, job_id=job_id)
    return None if row is None else asset_of(row)


async def by_ids(tx: Tx, organization_id: int, ids: Collection[str]) -> dict[str, Asset]:
    """Returns those of the assets that the organization may read."""
    return {row.id: asset_of(row) for row in await _BY_IDS.all(tx, organization_id=organization_id, ids=sorted(ids))}


async def lock(tx: Tx, organization_id: int, asset_id: str) -> Asset | None:
    """Returns the organization's own asset, locked."""
    row = await _LOCK.one(tx, organization_id=organization_id, id=asset_id)
    return None if row is None else asset_of(row)


async def change(tx: Tx, asset: Asset) -> None:
    """The organization's asset has these values."""
    await tx.run(
        "assets.change",
        id=asset.id,
        organization_id=asset.organization_id,
        name=asset.name,
        description=asset.description,
        document=asset_document(asset.details, asset.echo),
        job_id=asset.job_id,
        ordinal=asset.ordinal,
        engine_id=asset.engine_id,
        now=asset.modified_at,
    )


async def make_primary(tx: Tx, target: Target, asset_id: str, asset_type: str) -> bool:
    """The asset is the only primary one of its type. Returns False if the locked target has no such asset."""
    names = {"target_id": target.id, "organization_id": target.organization_id, "asset_type": asset_type}
    await tx.run("target_assets.demote", **names, now=tx.now)
    return bool(await tx.run("assets.make_primary", id=asset_id, **names, now=tx.now))


async def lock_targets(tx: Tx, target_ids: Collection[int]) -> dict[int, int]:
    """Returns the organizations of those targets that exist, locked in key order. Jobs are locked before targets."""
    return {row.id: row.organization_id for row in await _LOCK_TARGETS.all(tx, ids=sorted(target_ids))}


async def producers(tx: Tx, engine_ids: Collection[str]) -> set[str]:
    """Returns those of the engines whose results belong to a target: not those that bring data in."""
    return {engine_id for (engine_id,) in await tx.all("assets.producers", ids=sorted(engine_ids))}


async def insert_results(tx: Tx, rows: Sequence[Row], target_ids: Collection[int]) -> None:
    """Adds the results to their locked targets. The outputs of the jobs name the same bytes."""
    await tx.many("assets.insert_results", rows)
    await tx.run("assets.touch_targets", ids=sorted(target_ids), now=tx.now)


async def of_keys(tx: Tx, organization_id: int, keys: Sequence[str]) -> dict[str, str]:
    """Returns the ids of the assets that have these bytes, by the key of the bytes."""
    rows = await _OF_KEYS.all(tx, organization_id=organization_id, keys=list(keys))
    return {row.storage_key: row.id for row in rows}


async def delete(tx: Tx, organization_id: int, target_id: int, asset_id: str) -> list[str] | None:
    """Deletes the asset. Returns the keys of the bytes that nobody else names; None if there is no such asset."""
    await tx.run("targets.touch", id=target_id, organization_id=organization_id, now=tx.now)
    rows = await tx.all("assets.delete", id=asset_id, organization_id=organization_id)
    if not rows:
        return None
    keys = [key for (key,) in rows if key is not None]
    if not keys:
        return []
    await tx.lock(SHARED_BYTES)
    named = {key for (key,) in await tx.all("assets.named", keys=keys)}
    return [key for key in keys if key not in named]


async def delete_of_target(tx: Tx, organization_id: int, target_id: int, *, results: bool | None = None) -> list[str]:
    """Deletes the assets of the locked target: all, only the results of engines, or only the others.

    Returns the keys of the bytes to remove. Outputs of jobs that share them say from now on that they are gone.
    """
    rows = await tx.all(
        "assets.delete_of_target",
        target_id=target_id,
        organization_id=organization_id,
        is_result=None if results is None else int(results),
    )
    keys = [key for (key,) in rows if key is not None]
    if keys:
        await tx.lock(SHARED_BYTES)
        await tx.run("assets.mark_outputs", keys=keys, now=tx.now)
    return keys
