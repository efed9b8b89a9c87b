"""Binds a database to the secret key of its servers: a server with another key does not start."""

from enginehouse.domain.secret_key import SecretKey
from enginehouse.storage import server_facts
from enginehouse.storage.database.database import Database, StorageRefused


async def bind(database: Database, key: SecretKey | None, place: str) -> SecretKey:
    """The database knows the key; the first start tells it. Returns the key. `key` None: there is none at `place`.

    Raises StorageRefused. If several servers start at once on one database, the first key wins.
    """
    known = await database.read(server_facts.secret_key_check)
    if known is None and key is not None:
        check = key.check
        known = await database.write(lambda tx: server_facts.add_secret_key_check(tx, check))
    if (text := mismatch(place, key, known)) is not None:
        raise StorageRefused(text)
    if key is None:
        raise StorageRefused(f"There is no secret key in {place}.")
    return key


async def is_bound(database: Database) -> bool:
    """True if servers have used a key with this database."""
    return await database.read(server_facts.secret_key_check) is not None


def mismatch(place: str, key: SecretKey | None, known: str | None) -> str | None:
    """Returns a sentence that says why no server starts with this key, and what to do; None if it is the right one."""
    if known is None or (key is not None and key.check == known):
        return None
    said = f"There is no secret key in {place}" if key is None else f"The secret key in {place} is another one"
    return (
        f"{said}, and the database was used with a secret key: restore the file secret-key of its data folder, or set "
        "ENGINEHOUSE_SECRET_KEY to what that file held. docs/how-to/back-up.md says what to do if the key is lost."
    )
