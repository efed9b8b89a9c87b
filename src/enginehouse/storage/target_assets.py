"""The assets of targets in storage: added with their target locked, read and counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.artifact import Asset
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """An asset to store. `key`, `size` and the digests are those of its bytes; None if it has only a `uri`."""

    id: str
    target_id: int
    organization_id: int
    asset_type: str
    content_type: str
    name: str | None = None
    description: str | None = None
    uri: str | None = None
    key: str | None = None
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    is_primary: bool = False
    job_id: int | None = None
    ordinal: int | None = None
    engine_id: str | None = None
    replay_key: str | None = None
    details: Any = None
    echo: dict[str, Any] = field(default_factory=dict)


class AssetRow(NamedTuple):
    """A stored asset; `document` holds its details."""

    id: str
    target_id: int
    organization_id: int
    asset_type: str
    content_type: str
    name: str | None
    description: str | None
    uri: str | None
    storage_key: str | None
    size: int | None
    sha256: str | None
    md5: str | None
    is_primary: int
    job_id: int | None
    ordinal: int | None
    engine_id: str | None
    document: str
    created_at: int
    modified_at: int


_INSERT_ASSET: Final = Select("target_assets.insert_asset", AssetRow)
_ASSET_OF_REPLAY: Final = Select("target_assets.asset_of_replay", AssetRow)
_ASSET: Final = Select("target_assets.asset", AssetRow)


async def add_asset(tx: Tx, row: NewAsset) -> Asset | None:
    """Adds the asset to the target. If it is primary, no other asset of its type stays primary.

    Returns None if the organization has no such target. If `replay_key` was used before, returns that earlier asset.
    """
    organization_id = row.organization_id
    if not await tx.run("targets.touch", id=row.target_id, organization_id=organization_id, now=tx.now):
        return None
    if row.replay_key is not None:
        # The target is locked now, so a concurrent replay has ended.
        before = await asset_of_replay(tx, organization_id, row.replay_key)
        if before is not None:
            return before
    if row.is_primary:
        await tx.run(
            "target_assets.demote",
            target_id=row.target_id,
            organization_id=organization_id,
            asset_type=row.asset_type,
            now=tx.now,
        )
    [stored] = await _INSERT_ASSET.all(
        tx,
        id=row.id,
        target_id=row.target_id,
        organization_id=organization_id,
        asset_type=row.asset_type,
        content_type=row.content_type,
        name=row.name,
        description=row.description,
        uri=row.uri,
        storage_key=row.key,
        size=row.size,
        sha256=row.sha256,
        md5=row.md5,
        is_primary=int(row.is_primary),
        job_id=row.job_id,
        ordinal=row.ordinal,
        engine_id=row.engine_id,
        replay_key=row.replay_key,
        document=asset_document(row.details, row.echo),
        now=tx.now,
    )
    return asset_of(stored)


async def asset_of_replay(tx: Tx, organization_id: int, replay_key: str) -> Asset | None:
    row = await _ASSET_OF_REPLAY.one(tx, organization_id=organization_id, replay_key=replay_key)
    return None if row is None else asset_of(row)


async def asset(tx: Tx, organization_id: int, asset_id: str) -> Asset | None:
    row = await _ASSET.one(tx, organization_id=organization_id, id=asset_id)
    return None if row is None else asset_of(row)


async def asset_counts(tx: Tx, organization_id: int, ids: Sequence[int]) -> dict[int, int]:
    """Returns how many assets each target has. Targets without any are missing."""
    rows = await tx.all("target_assets.asset_counts", organization_id=organization_id, ids=list(ids))
    return dict(rows)


def asset_of(row: AssetRow) -> Asset:
    """Returns the asset of a row."""
    fields = row._asdict()
    document, key = _DECODER.decode(fields.pop("document")), fields.pop("storage_key")
    shown = {"details": document.get("details"), "echo": document.get("echo") or {}}
    return Asset(**fields | shown | {"is_primary": bool(row.is_primary), "key": key})


def asset_document(details: Any, echo: dict[str, Any]) -> str:
    """Returns the part of an asset that is only shown again, as text."""
    return _ENCODER.encode({"details": details, "echo": echo}).decode()
