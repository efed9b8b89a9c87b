"""Exports in storage. A server makes one under a lease, whose number is on every write."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from enginehouse.domain.artifact import Asset
from enginehouse.domain.exports import Export, ExportFilter, ExportStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.database.sql import shape
from enginehouse.storage.target_assets import AssetRow, asset_of


class ExportEnd(NamedTuple):
    """How an export ended: the key, size and SHA-256 of its zip, None if it failed, and a sentence, None for none."""

    status: ExportStatus
    message: str | None
    storage_key: str | None = None
    size: int | None = None
    sha256: str | None = None


class ExportProgress(NamedTuple):
    """How many files the zip will have and has, and how many bytes must be read for it and were."""

    files: int = 0
    files_done: int = 0
    bytes: int = 0
    bytes_done: int = 0


_BY_IDS: Final = Select("exports.by_ids", Export)
_LOCK: Final = Select("exports.lock", Export)
_LEASE: Final = Select("exports.lease", Export)
_RESULTS: Final = Select("exports.results", AssetRow)


async def insert(tx: Tx, new: Export) -> None:
    """The export waits for a server that makes it."""
    await tx.run(
        "exports.insert",
        id=new.id,
        organization_id=new.organization_id,
        requestor_id=new.requestor_id,
        document=new.document,
        now=new.created_at,
        expires_at=new.expires_at,
    )


async def incomplete(tx: Tx, organization_id: int, most: int) -> int:
    """Returns how many exports of the organization wait, at most `most`. No other one is added meanwhile."""
    await tx.all("exports.lock_organization", organization_id=organization_id)
    [(count,)] = await tx.all("exports.incomplete", organization_id=organization_id, most=most)
    return int(count)


async def by_ids(tx: Tx, organization_id: int, ids: Collection[str]) -> dict[str, Export]:
    """Returns those of the organization's exports."""
    return {row.id: row for row in await _BY_IDS.all(tx, organization_id=organization_id, ids=sorted(ids))}


async def lock(tx: Tx, organization_id: int, export_id: str) -> Export | None:
    """Returns the organization's export, locked."""
    return await _LOCK.one(tx, organization_id=organization_id, id=export_id)


async def page(tx: Tx, organization_id: int, criteria: ExportFilter) -> list[Export]:
    """Returns a page of the organization's exports."""
    params: dict[str, Any] = {"limit": criteria.limit, "offset": criteria.offset}
    parts = []
    if criteria.order_by == "modified_at":
        parts.append("modified")
    if criteria.descending:
        parts.append("descending")
    if criteria.statuses:
        parts.append("by_status")
        params["statuses"] = list(criteria.statuses)
    if criteria.id is not None:
        parts.append("by_id")
        params["id"] = criteria.id
    return await _page(shape("exports.page", parts)).all(tx, organization_id=organization_id, **params)


@cache
def _page(name: str) -> Select[Export]:
    return Select(name, Export)


async def results(tx: Tx, organization_id: int, target_id: int, *, limit: int) -> list[Asset]:
    """Returns the stored results of the engines of the organization's target, the newest first."""
    rows = await _RESULTS.all(tx, organization_id=organization_id, target_id=target_id, limit=limit)
    return [asset_of(row) for row in rows]


async def engines(tx: Tx, organization_id: int, target_ids: Collection[int]) -> set[str]:
    """Returns the engines that have made something of these targets."""
    rows = await tx.all("exports.engines", organization_id=organization_id, target_ids=sorted(target_ids))
    return {engine_id for (engine_id,) in rows}


async def any_due(tx: Tx) -> bool:
    """Returns True if an export waits for a server."""
    return await tx.one("exports.any_due", now=await tx.read_clock()) is not None


async def claim(tx: Tx, *, limit: int, lease: int) -> list[Export]:
    """Leases up to `limit` exports for `lease` µs."""
    now = await tx.read_clock()
    due = [export_id for (export_id,) in await tx.all("exports.due", now=now, limit=limit)]
    leased = [await _LEASE.one(tx, id=export_id, leased_until=now + lease, now=now) for export_id in due]
    return [export for export in leased if export is not None]


async def advance(tx: Tx, export: Export, progress: ExportProgress, *, lease: int) -> bool:
    """The lease goes on from now, and everybody sees the progress. Returns False if the lease is over."""
    until = await tx.read_clock() + lease
    row = await tx.one("exports.advance", **_held(export), **progress._asdict(), leased_until=until)
    return row is not None


async def give_back(tx: Tx, export: Export, *, pause: int, charged: bool) -> None:
    """Another server may make the export, after `pause` µs. Not `charged`: the try does not count."""
    until = await tx.read_clock() + pause
    await tx.run("exports.give_back", **_held(export), leased_until=until, tries=int(not charged))


async def end(tx: Tx, export: Export, end: ExportEnd, progress: ExportProgress, *, keep: int) -> bool:
    """The export has ended, and is kept for `keep` µs. Returns False if the lease is over: then nothing changes."""
    now = await tx.read_clock()
    ended = end._asdict() | {"status": end.status.value}
    row = await tx.one("exports.end", **_held(export), **ended, **progress._asdict(), now=now, expires_at=now + keep)
    return row is not None


async def change(tx: Tx, export: Export) -> None:
    """The organization's export has this status and this message."""
    await tx.run(
        "exports.change",
        id=export.id,
        organization_id=export.organization_id,
        status=export.status,
        message=export.message,
        now=export.modified_at,
    )


async def release_all(tx: Tx) -> int:
    """Every export that a server was making is due at once. Only if no server runs. Returns how many."""
    return await tx.run("exports.release", now=await tx.read_clock())


async def prune(tx: Tx, *, now: int, limit: int) -> Sequence[tuple[str, int]]:
    """Deletes exports whose time is over. Returns their ids with their organizations."""
    due = [export_id for (export_id,) in await tx.all("exports.expired", now=now, limit=limit)]
    return [(row[0], row[1]) for row in await tx.all("exports.delete", ids=due)] if due else []


def _held(export: Export) -> dict[str, Any]:
    return {"id": export.id, "organization_id": export.organization_id, "fence": export.fence}
