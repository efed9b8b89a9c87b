"""Single facts about the whole database, such as the id of the store that keeps its bytes."""

from typing import Final, NamedTuple

from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class FactRow(NamedTuple):
    """One fact."""

    value: str


_BY_NAME: Final = Select("server_facts.by_name", FactRow)
_COUNT: Final = Select("server_facts.count", FactRow)
_STORE_ID: Final = "store_id"
_STORE_PLACE: Final = "store_place"
_FORMER_STORES: Final = "former_stores"
_ENGINE_RELOAD: Final = "engine_reload"
_SECRET_KEY_CHECK: Final = "secret_key_check"  # noqa: S105 - the name of a fact


async def store_id(tx: Tx) -> str | None:
    """Returns the id of the store that keeps the database's bytes; None before the first start."""
    return await _value(tx, _STORE_ID)


async def add_store_id(tx: Tx, value: str) -> str:
    """Records the id of the store unless one is recorded. Returns the recorded id, which may be an earlier one."""
    return await _add(tx, _STORE_ID, value)


async def store_place(tx: Tx) -> str | None:
    """Returns where the store was at the last start, as people write it; None before the first."""
    return await _value(tx, _STORE_PLACE)


async def set_store_place(tx: Tx, place: str) -> None:
    """Records where the store is."""
    await tx.run("server_facts.set", name=_STORE_PLACE, value=place)


async def change_store(tx: Tx, *, old: str, new: str, place: str) -> None:
    """Records another store and where it is, and the old one as a former one."""
    former = [*await former_stores(tx), old]
    await tx.run("server_facts.set", name=_STORE_ID, value=new)
    await tx.run("server_facts.set", name=_STORE_PLACE, value=place)
    await tx.run("server_facts.set", name=_FORMER_STORES, value=" ".join(former))


async def former_stores(tx: Tx) -> list[str]:
    """Returns the ids of the stores that the database has left."""
    return (await _value(tx, _FORMER_STORES) or "").split()


async def secret_key_check(tx: Tx) -> str | None:
    """Returns the text that recognizes the secret key of the database's servers; None before the first start."""
    return await _value(tx, _SECRET_KEY_CHECK)


async def add_secret_key_check(tx: Tx, value: str) -> str:
    """Records this text unless there is one. Returns the recorded one, which may be an earlier one."""
    return await _add(tx, _SECRET_KEY_CHECK, value)


async def engine_reload(tx: Tx) -> int:
    """Returns the number of the last reload of the installed engines; 0 before the first."""
    return int(await _value(tx, _ENGINE_RELOAD) or 0)


async def next_engine_reload(tx: Tx) -> int:
    """From this commit on there is another reload. Returns its number."""
    row = await _COUNT.one(tx, name=_ENGINE_RELOAD)
    return 0 if row is None else int(row.value)


async def _value(tx: Tx, name: str) -> str | None:
    row = await _BY_NAME.one(tx, name=name)
    return None if row is None else row.value


async def _add(tx: Tx, name: str, value: str) -> str:
    await tx.run("server_facts.add", name=name, value=value)
    return await _value(tx, name) or value
