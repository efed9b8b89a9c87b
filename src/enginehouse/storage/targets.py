"""How targets and their assets are kept, and who may read them: the organization, or everybody when they are public."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from enginehouse.domain.artifact import Asset, Target
from enginehouse.domain.job import TargetRequest
from enginehouse.storage.database.database import Row, Tx

# Ids have eight to ten digits from the first one on, as clients know them.
_BEFORE_FIRST: Final = 100_000_000
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTarget:
    """A target to be stored, under an id from `reserve`."""

    id: int
    organization_id: int
    created_by: str | None
    request: TargetRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """An asset to be stored. `key`, `size` and the digests are those of its bytes, None where there is only a `uri`."""

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


# -- targets ------------------------------------------------------------------------------------------------


async def reserve(tx: Tx, count: int = 1) -> int:
    """The first of `count` rising ids in a row that nothing else will ever have; unused ones are simply left out."""
    [(last,)] = await tx.all("targets.reserve", before_first=_BEFORE_FIRST, count=count)
    return int(last) - count + 1


async def insert(tx: Tx, rows: Sequence[NewTarget]) -> list[Target]:
    """The targets exist. One without times takes its creation time for both, one with one of them that one for both."""
    targets = [_new(row, tx.now) for row in rows]
    await tx.many(
        "targets.insert",
        [
            (
                t.id,
                t.organization_id,
                t.name,
                t.description,
                t.status,
                t.start_at,
                t.stop_at,
                int(t.is_public),
                _ENCODER.encode({"details": t.details, "echo": t.echo}).decode(),
                t.created_by,
                t.created_at,
            )
            for t in targets
        ],
    )
    return targets


async def by_ids(tx: Tx, organization_id: int, ids: Sequence[int]) -> dict[int, Target]:
    """Those of the targets that the organization may read."""
    rows = await tx.all("targets.by_ids", organization_id=organization_id, ids=list(ids))
    return {row[0]: _target(row) for row in rows}


async def page(tx: Tx, organization_id: int, *, include_public: bool, offset: int, limit: int) -> list[Target]:
    """The organization's targets, and everybody's public ones if asked for; the latest start first."""
    rows = await tx.all(
        "targets.page",
        organization_id=organization_id,
        include_public=int(include_public),
        offset=offset,
        limit=limit,
    )
    return [_target(row) for row in rows]


def _new(row: NewTarget, now: int) -> Target:
    wanted = row.request
    start_at = next(at for at in (wanted.start_at, wanted.stop_at, now) if at is not None)
    return Target(
        id=row.id,
        organization_id=row.organization_id,
        name=wanted.name,
        description=wanted.description,
        status=wanted.status,
        start_at=start_at,
        stop_at=start_at if wanted.stop_at is None else wanted.stop_at,
        is_public=wanted.is_public,
        details=wanted.details,
        echo=wanted.echo,
        created_by=row.created_by,
        created_at=now,
        modified_at=now,
    )


def _target(row: Row) -> Target:
    document = _DECODER.decode(row[8])
    return Target(
        id=row[0],
        organization_id=row[1],
        name=row[2],
        description=row[3],
        status=row[4],
        start_at=row[5],
        stop_at=row[6],
        is_public=bool(row[7]),
        details=document["details"],
        echo=document["echo"],
        created_by=row[9],
        created_at=row[10],
        modified_at=row[11],
    )


# -- assets -------------------------------------------------------------------------------------------------


async def add_asset(tx: Tx, row: NewAsset) -> Asset | None:
    """The target has the asset, and no other primary one of its type if it is primary.

    None when the organization has no such target. A row whose `replay_key` has been used answers what that one stored.
    """
    organization_id = row.organization_id
    if not await tx.run("targets.touch", id=row.target_id, organization_id=organization_id, now=tx.now):
        return None
    if row.replay_key is not None:
        # The target is locked by now, so a replay that ran beside this one has ended.
        before = await asset_of_replay(tx, organization_id, row.replay_key)
        if before is not None:
            return before
    if row.is_primary:
        await tx.run(
            "targets.demote",
            target_id=row.target_id,
            organization_id=organization_id,
            asset_type=row.asset_type,
            now=tx.now,
        )
    [stored] = await tx.all(
        "targets.insert_asset",
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
        document=_ENCODER.encode(row.details).decode(),
        now=tx.now,
    )
    return _asset(stored)


async def asset_of_replay(tx: Tx, organization_id: int, replay_key: str) -> Asset | None:
    row = await tx.one("targets.asset_of_replay", organization_id=organization_id, replay_key=replay_key)
    return None if row is None else _asset(row)


async def asset(tx: Tx, organization_id: int, asset_id: str) -> Asset | None:
    row = await tx.one("targets.asset", organization_id=organization_id, id=asset_id)
    return None if row is None else _asset(row)


async def assets(tx: Tx, organization_id: int, target_id: int, asset_types: Sequence[str]) -> list[Asset]:
    """The target's assets of these types, of any when there are none named; the oldest first."""
    rows = await tx.all(
        "targets.assets",
        organization_id=organization_id,
        target_id=target_id,
        any_type=int(not asset_types),
        asset_types=list(asset_types),
    )
    return [_asset(row) for row in rows]


async def primary_asset(tx: Tx, organization_id: int, target_id: int, asset_type: str | None) -> Asset | None:
    row = await tx.one(
        "targets.primary_asset", organization_id=organization_id, target_id=target_id, asset_type=asset_type
    )
    return None if row is None else _asset(row)


async def delete_unused(tx: Tx, organization_id: int, target_id: int) -> list[str]:
    """The target is gone with its assets, unless a job is about it; answers the keys of the bytes to remove."""
    rows = await tx.all("targets.delete_unused_assets", target_id=target_id, organization_id=organization_id)
    await tx.run("targets.delete_unused", id=target_id, organization_id=organization_id)
    return [row[0] for row in rows if row[0] is not None]


async def asset_counts(tx: Tx, organization_id: int, ids: Sequence[int]) -> dict[int, int]:
    """How many assets each target has; one without any is absent."""
    rows = await tx.all("targets.asset_counts", organization_id=organization_id, ids=list(ids))
    return dict(rows)


def _asset(row: Row) -> Asset:
    return Asset(
        id=row[0],
        target_id=row[1],
        organization_id=row[2],
        asset_type=row[3],
        content_type=row[4],
        name=row[5],
        description=row[6],
        uri=row[7],
        key=row[8],
        size=row[9],
        sha256=row[10],
        md5=row[11],
        is_primary=bool(row[12]),
        job_id=row[13],
        ordinal=row[14],
        engine_id=row[15],
        details=_DECODER.decode(row[16]),
        created_at=row[17],
        modified_at=row[18],
    )
