"""Engine builds in storage."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.engine_builds import BuildDocument, EngineBuild
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_DOCUMENT: Final = msgspec.json.Decoder(BuildDocument)


class BuildRow(NamedTuple):
    """A stored build."""

    id: str
    engine_id: str
    organization_id: int
    version: int
    status: str
    document: str
    created_at: int
    modified_at: int


_INSERT: Final = Select("engine_builds.insert", BuildRow)
_BY_ID: Final = Select("engine_builds.by_id", BuildRow)
_LOCK: Final = Select("engine_builds.lock", BuildRow)
_OF_ENGINE: Final = Select("engine_builds.of_engine", BuildRow)
_PAGE: Final = Select("engine_builds.page", BuildRow)


async def insert(
    tx: Tx, organization_id: int, engine_id: str, build_id: str, status: str, document: BuildDocument
) -> EngineBuild:
    """Stores the next version of the engine. The caller has the engine locked."""
    [row] = await _INSERT.all(
        tx,
        id=build_id,
        engine_id=engine_id,
        organization_id=organization_id,
        status=status,
        document=msgspec.json.encode(document).decode(),
        now=tx.now,
    )
    return _build(row)


async def by_ids(tx: Tx, organization_id: int, ids: list[str]) -> dict[str, EngineBuild]:
    """Returns those of the builds that belong to the organization, by id."""
    rows = [await _BY_ID.one(tx, id=build_id, organization_id=organization_id) for build_id in ids]
    return {row.id: _build(row) for row in rows if row is not None}


async def lock(tx: Tx, organization_id: int, build_id: str) -> EngineBuild | None:
    """Returns the organization's build, locked until the transaction ends."""
    row = await _LOCK.one(tx, id=build_id, organization_id=organization_id)
    return None if row is None else _build(row)


async def of_engine(tx: Tx, organization_id: int, engine_id: str) -> list[EngineBuild]:
    """Returns the builds of the organization's engine, the newest first."""
    rows = await _OF_ENGINE.all(tx, organization_id=organization_id, engine_id=engine_id)
    return [_build(row) for row in rows]


async def page(tx: Tx, organization_id: int, statuses: Sequence[str], *, offset: int, limit: int) -> list[EngineBuild]:
    """Returns a page of the organization's builds with these statuses, the newest first."""
    rows = await _PAGE.all(tx, organization_id=organization_id, statuses=list(statuses), offset=offset, limit=limit)
    return [_build(row) for row in rows]


async def put(tx: Tx, build: EngineBuild) -> None:
    """Stores the status and the document."""
    await tx.run(
        "engine_builds.put",
        id=build.id,
        organization_id=build.organization_id,
        status=build.status,
        document=msgspec.json.encode(build.document).decode(),
        now=tx.now,
    )


async def pause_others(tx: Tx, build: EngineBuild) -> None:
    """No other build of the engine is deployed."""
    await tx.run(
        "engine_builds.pause_others",
        id=build.id,
        organization_id=build.organization_id,
        engine_id=build.engine_id,
        now=tx.now,
    )


def _build(row: BuildRow) -> EngineBuild:
    return EngineBuild(**row._asdict() | {"document": _DOCUMENT.decode(row.document)})
