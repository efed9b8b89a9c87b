"""Single facts about the whole database, such as the id of the store that keeps its bytes."""

from typing import Final, NamedTuple

from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class FactRow(NamedTuple):
    """One fact."""

    value: str


_BY_NAME: Final = Select("server_facts.by_name", FactRow)
_STORE_ID: Final = "store_id"


async def store_id(tx: Tx) -> str | None:
    """Returns the id of the store that keeps the database's bytes; None before the first start."""
    row = await _BY_NAME.one(tx, name=_STORE_ID)
    return None if row is None else row.value


async def add_store_id(tx: Tx, value: str) -> str:
    """Records the id of the store unless one is recorded. Returns the recorded id, which may be an earlier one."""
    await tx.run("server_facts.add", name=_STORE_ID, value=value)
    return await store_id(tx) or value
