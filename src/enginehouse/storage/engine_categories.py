"""Engine categories in storage: the built-in ones, and those that organizations have made."""

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import uuid4

import msgspec

from enginehouse.domain.engine import EngineCategory
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class CategoryRow(NamedTuple):
    """An engine category as it is stored."""

    id: str
    name: str
    type: str
    description: str
    organization_id: int | None
    created_at: int
    modified_at: int


_READABLE: Final = Select("engine_categories.readable", CategoryRow)
_BY_IDS: Final = Select("engine_categories.by_ids", CategoryRow)
_LOCK: Final = Select("engine_categories.lock", CategoryRow)


async def add(tx: Tx, new: EngineCategory) -> EngineCategory:
    """The category exists, with an id of its own."""
    made = msgspec.structs.replace(new, id=str(uuid4()), created_at=tx.now, modified_at=tx.now)
    row = (made.id, made.organization_id, made.name, made.type, made.description, tx.now)
    await tx.many("engine_categories.insert", [row])
    return made


async def ids(tx: Tx) -> set[str]:
    """The ids of the categories of every organization."""
    return {category_id for (category_id,) in await tx.all("engine_categories.ids")}


async def readable(tx: Tx, organization_id: int) -> list[EngineCategory]:
    """Every category that the organization may read, by name."""
    return [EngineCategory(**row._asdict()) for row in await _READABLE.all(tx, organization_id=organization_id)]


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[str]) -> dict[str, EngineCategory]:
    """Those of the categories that the organization may read."""
    rows = await _BY_IDS.all(tx, ids=sorted(set(ids)), organization_id=organization_id)
    return {row.id: EngineCategory(**row._asdict()) for row in rows}


async def lock(tx: Tx, organization_id: int, category_id: str) -> EngineCategory | None:
    """The organization's category, which nobody else changes until the transaction ends."""
    row = await _LOCK.one(tx, id=category_id, organization_id=organization_id)
    return None if row is None else EngineCategory(**row._asdict())


async def update(tx: Tx, category: EngineCategory) -> None:
    """The category is as given."""
    await tx.run(
        "engine_categories.update", id=category.id, organization_id=category.organization_id, name=category.name,
        type=category.type, description=category.description, now=tx.now,
    )  # fmt: skip


async def delete(tx: Tx, category: EngineCategory) -> None:
    """The category is gone. No engine may name it."""
    await tx.run("engine_categories.delete", id=category.id, organization_id=category.organization_id)


async def engines(tx: Tx, category_id: str) -> list[str]:
    """The names of the engines that name the category, those of other organizations too."""
    return [name for (name,) in await tx.all("engine_categories.engines", id=category_id)]
