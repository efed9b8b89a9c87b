"""Engine categories in storage: the built-in ones, and those of organizations."""

from collections.abc import Iterable
from typing import Final

from enginehouse.domain.engine import EngineCategory
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_READABLE: Final = Select("engine_categories.readable", EngineCategory)
_LOCK: Final = Select("engine_categories.lock", EngineCategory)


async def put(tx: Tx, category: EngineCategory) -> None:
    """Stores the category: inserts or updates it."""
    await tx.run("engine_categories.put", **category._asdict())


async def ids(tx: Tx) -> set[str]:
    """Returns the ids of the categories of every organization."""
    return {category_id for (category_id,) in await tx.all("engine_categories.ids")}


async def readable(tx: Tx, organization_id: int) -> list[EngineCategory]:
    """Returns the categories that the organization may read, by name."""
    return await _READABLE.all(tx, organization_id=organization_id)


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[str]) -> dict[str, EngineCategory]:
    """Returns those of the categories that the organization may read, by id."""
    readable_ones = {one.id: one for one in await readable(tx, organization_id)}
    return {category_id: readable_ones[category_id] for category_id in ids if category_id in readable_ones}


async def lock(tx: Tx, organization_id: int, category_id: str) -> EngineCategory | None:
    """Returns the organization's category, locked until the transaction ends."""
    return await _LOCK.one(tx, id=category_id, organization_id=organization_id)


async def delete(tx: Tx, category: EngineCategory) -> None:
    """Deletes the category. Only deleted engines may still name it."""
    await tx.run("engine_categories.leave", id=category.id, organization_id=category.organization_id)
    await tx.run("engine_categories.delete", id=category.id, organization_id=category.organization_id)


async def engines(tx: Tx, category_id: str) -> list[str]:
    """Returns the names of the engines in the category, including those of other organizations."""
    return [name for (name,) in await tx.all("engine_categories.engines", id=category_id)]
