"""Binds a database to the store of its bytes: both hold the same id, and a server starts on no other pair."""

from typing import Final, NamedTuple, cast
from uuid import uuid4

from enginehouse.artifacts.store import ArtifactStore
from enginehouse.domain.errors import NotFound
from enginehouse.storage import server_facts
from enginehouse.storage.database.database import Database, StorageRefused

KEY: Final = "store-id"
_NEW: Final = "new"


class StoreId(NamedTuple):
    """The id in a store. It is `new` until the database is known to hold it too."""

    id: str
    new: bool


async def bind(database: Database, store: ArtifactStore) -> str:
    """Checks that database and store hold the same id; the first start of both sets one. Returns it.

    Raises StorageRefused if they do not. If several servers start at once on one database, the first id that is stored
    there wins.
    """
    of_store, of_database = await _first_id(database, store)
    if of_database is None and of_store is not None and of_store.new:
        new = of_store.id
        of_database = await database.write(lambda tx: server_facts.add_store_id(tx, new))
    known = await database.read(server_facts.store_place)
    if (text := mismatch(store.place, of_store, of_database, known)) is not None:
        raise StorageRefused(text)
    own = cast(StoreId, of_store)  # without an id in the store there is a mismatch
    if own.new:
        await store.put(KEY, f"{own.id}\n".encode())
    if known != store.place:
        await database.write(lambda tx: server_facts.set_store_place(tx, store.place))
    return own.id


async def former(database: Database) -> list[str]:
    """Returns the ids of the stores that the database has left."""
    return await database.read(server_facts.former_stores)


async def change(database: Database, old: ArtifactStore, new: ArtifactStore) -> bool:
    """The database belongs to the new store. Everything of the old one is there already, and no server runs.

    Returns False if it belonged to it before. Raises StorageRefused if the old store is not the database's, or the new
    one is that of another database. A store that the database has left is taken back.
    """
    of_database = await database.read(server_facts.store_id)
    of_new = await _read(new)
    if of_database is not None and of_new is not None and of_new.id == of_database and not of_new.new:
        return False
    of_old = await _read(old)
    if of_database is None or of_old is None or of_old.id != of_database:
        raise StorageRefused(f"The store {old.place} is not the one of the database: name the right one with --from.")
    if of_new is not None and not of_new.new and of_new.id not in await former(database):
        raise StorageRefused(f"The store {new.place} holds the bytes of another database: name an empty place.")
    # Killed halfway, the old store still belongs to the database, or the next start completes the new one.
    id_ = str(uuid4())
    await new.put(KEY, f"{id_} {_NEW}\n".encode())
    await database.write(lambda tx: server_facts.change_store(tx, old=of_database, new=id_, place=new.place))
    await new.put(KEY, f"{id_}\n".encode())
    return True


async def _first_id(database: Database, store: ArtifactStore) -> tuple[StoreId | None, str | None]:
    """Returns the ids in the store and in the database. If both have none, the store gets a new id first."""
    while True:
        # The store is read before the database: if its id is not new, the database already holds it.
        of_store = await _read(store)
        of_database = await database.read(server_facts.store_id)
        if of_database is not None and of_store is None:
            of_store = await _read(store)  # another server has set both between the two reads
        if of_store is not None or of_database is not None:
            return of_store, of_database
        await store.create(KEY, f"{uuid4()} {_NEW}\n".encode())


async def _read(store: ArtifactStore) -> StoreId | None:
    try:
        return parse(await store.read(KEY))
    except NotFound:
        return None


def parse(data: bytes) -> StoreId:
    """Parses the bytes under the key of the id."""
    id_, _, state = data.decode("utf-8", "replace").strip().partition(" ")
    return StoreId(id_, state == _NEW)


def mismatch(place: str, of_store: StoreId | None, of_database: str | None, known: str | None = None) -> str | None:
    """Returns a sentence that says why no server starts on the two, and what to do; None if they belong together.

    `known` is where the bytes of the database were at its last start.
    """
    if of_database is None:
        if of_store is None or of_store.new:
            return None
        return (
            f"The store {place} holds the bytes of another database: give a new database a new data folder or another "
            "--artifacts, or start with the database that belongs to this store."
        )
    if of_store is not None and of_store.id == of_database:
        return None
    there = "without an id" if of_store is None else f"the store {of_store.id}"
    where = "" if known is None else f" at {known}"
    advice = "the data folder" if known is None else f"--artifacts {known} and the data folder"
    return (
        f"The bytes of the database lie in the store {of_database}{where}, and {place} is {there}: start with {advice} "
        "that the database was used with, restore both from the same backup, or move the bytes with `enginehouse "
        "artifacts copy` and `enginehouse artifacts use`."
    )
