"""Engine categories in storage: the built-in ones, and those that organizations have made."""

from collections.abc import Iterable
from typing import Final

from enginehouse.domain.engine import EngineCategory
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_READABLE: Final = Select("engine_categories.readable", EngineCategory)
_LOCK: Final = Select("engine_categories.lock", EngineCategory)


async def put(tx: Tx, category: EngineCategory) -> None:
    """The category is as given, whether it was there or not."""
    await tx.run("engine_categories.put", **category._asdict())


async def ids(tx: Tx) -> set[str]:
    """The ids of the categories of every organization."""
    return {category_id for (category_id,) in await tx.all("engine_categories.ids")}


async def readable(tx: Tx, organization_id: int) -> list[EngineCategory]:
    """Every category that the organization may read, by name."""
    return await _READABLE.all(tx, organization_id=organization_id)


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[str]) -> dict[str, EngineCategory]:
    """Those of the categories that the organization may read."""
    readable_ones = {one.id: one for one in await readable(tx, organization_id)}
    return {category_id: readable_ones[category_id] for category_id in ids if category_id in readable_ones}


async def lock(tx: Tx, organization_id: int, category_id: str) -> EngineCategory | None:
    """The organization's category, which nobody else changes until the transaction ends."""
    return await _LOCK.one(tx, id=category_id, organization_id=organization_id)


async def delete(tx: Tx, category: EngineCategory) -> None:
    """The category is gone. No engine may name it."""
    await tx.run("engine_categories.delete", id=category.id, organization_id=category.organization_id)


async def engines(tx: Tx, category_id: str) -> list[str]:
    """The names of the engines that name the category, those of other organizations too."""
    return [name for (name,) in await tx.all("engine_categories.engines", id=category_id)]
