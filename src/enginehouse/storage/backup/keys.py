"""Every key of the store that the rows of a snapshot name. There may be millions, so they are kept on the disk."""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from enginehouse.domain.artifact import log_key
from enginehouse.storage import files
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.files import StoredFile

R = TypeVar("R", bound=tuple[Any, ...])

_PAGE: Final = 1000


class NamedBytes(NamedTuple):
    """A key that a row names. Without a SHA-256 there may be no bytes: an attempt may have printed nothing."""

    key: str
    size: int | None
    sha256: str | None


class UploadKey(NamedTuple):
    id: str
    storage_key: str
    size: int
    sha256: str


class PartKey(NamedTuple):
    storage_key: str


class TaskLogKey(NamedTuple):
    job_id: int
    ordinal: int
    storage_key: str


class AttemptKey(NamedTuple):
    job_id: int
    ordinal: int
    item: int
    number: int
    organization_id: int


class StartedItem(NamedTuple):
    job_id: int
    ordinal: int
    item: int
    attempts: int
    organization_id: int


_UPLOADS: Final = Select("keys.uploads_after", UploadKey)
_PARTS: Final = Select("keys.parts_after", PartKey)
_TASK_LOGS: Final = Select("keys.task_logs_after", TaskLogKey)
_ATTEMPTS: Final = Select("keys.attempts_after", AttemptKey)
_ITEMS: Final = Select("keys.items_after", StartedItem)
_NAMED: Final = Select("keys.named", PartKey)


class Keys:
    """The keys, each once, in a temporary file that is gone afterwards."""

    def __init__(self) -> None:
        # An empty name is a file of SQLite's own, which it deletes.
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.execute(
            "CREATE TABLE named (key TEXT PRIMARY KEY, size INTEGER, sha256 TEXT, seen INTEGER DEFAULT 0) WITHOUT ROWID"
        )
        self._connection.execute("PRAGMA synchronous = OFF")

    def close(self) -> None:
        """The file is gone."""
        self._connection.close()

    def add(self, rows: Iterable[NamedBytes]) -> None:
        """The keys are among these. Of two rows that name one key, one is kept."""
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR IGNORE INTO named (key, size, sha256) VALUES (?, ?, ?)", rows)
        self._connection.execute("COMMIT")

    def among(self, keys: Sequence[str]) -> list[NamedBytes]:
        """Returns those of these keys that a row names, and that nobody has seen yet. Now they are seen."""
        listed = (msgspec.json.encode(keys).decode(),)
        inside = "key IN (SELECT value FROM json_each(?)) AND seen = 0"
        found = self._connection.execute(f"SELECT key, size, sha256 FROM named WHERE {inside} ORDER BY key", listed)
        rows = [NamedBytes(*row) for row in found]
        self._connection.execute(f"UPDATE named SET seen = 1 WHERE {inside}", listed)
        return rows

    def unseen(self) -> Iterator[NamedBytes]:
        """Yields the keys that nobody has seen, and that have bytes."""
        query = "SELECT key, size, sha256 FROM named WHERE seen = 0 AND sha256 IS NOT NULL ORDER BY key"
        yield from map(NamedBytes._make, self._connection.execute(query))

    def count(self) -> int:
        """Returns how many keys surely have bytes."""
        [files_] = self._connection.execute("SELECT COUNT(*) FROM named WHERE sha256 IS NOT NULL").fetchone()
        return int(files_)


async def collect(tx: Tx, keys: Keys) -> None:
    """Every key that the rows of this transaction name is in `keys`."""
    async for page in _files(tx):
        keys.add(NamedBytes(file.storage_key, file.size, file.sha256) for file in page)
    async for uploads in _pages(tx, _UPLOADS, ("id",), ("",)):
        keys.add(NamedBytes(one.storage_key, one.size, one.sha256) for one in uploads)
    async for parts in _pages(tx, _PARTS, ("storage_key",), ("",)):
        keys.add(NamedBytes(one.storage_key, None, None) for one in parts)
    async for logs in _pages(tx, _TASK_LOGS, ("job_id", "ordinal", "storage_key"), (-1, -1, "")):
        keys.add(NamedBytes(one.storage_key, None, None) for one in logs)
    async for attempts in _pages(tx, _ATTEMPTS, ("job_id", "ordinal", "item", "number"), (-1, -1, -1, -1)):
        keys.add(_log(one.organization_id, one.job_id, one.ordinal, one.item, one.number) for one in attempts)
    async for items in _pages(tx, _ITEMS, ("job_id", "ordinal", "item"), (-1, -1, -1)):
        keys.add(_log(one.organization_id, one.job_id, one.ordinal, one.item, one.attempts) for one in items)


async def still_named(tx: Tx, keys: Sequence[str]) -> list[str]:
    """Returns those of these keys that a row names."""
    return [row.storage_key for row in await _NAMED.all(tx, keys=list(keys))]


def _log(organization_id: int, job_id: int, ordinal: int, item: int, number: int) -> NamedBytes:
    return NamedBytes(log_key(organization_id, job_id, ordinal, item, number), None, None)


async def _files(tx: Tx) -> AsyncIterator[list[StoredFile]]:
    last: StoredFile | None = None
    while page := await files.next_page(tx, last):
        yield page
        last = page[-1]


async def _pages(tx: Tx, select: Select[R], names: Sequence[str], first: Sequence[object]) -> AsyncIterator[list[R]]:
    """Yields all rows, page by page. `names` is the key by which they are in order; `first` comes before all keys."""
    after = dict(zip(names, first, strict=True))
    while page := await select.all(tx, **after, limit=_PAGE):
        yield page
        after = {name: getattr(page[-1], name) for name in names}
