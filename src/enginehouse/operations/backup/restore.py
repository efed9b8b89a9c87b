"""Makes a server from a backup. Until everything is there, no server starts on any part of it."""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Final

from enginehouse.artifacts.store import ArtifactStore
from enginehouse.operations import store_identity
from enginehouse.operations.backup import archive
from enginehouse.operations.backup.archive import BackupHead, BackupSummary, Member, UnusableBackup
from enginehouse.storage.backup import postgres, sqlite
from enginehouse.storage.database.migrate import available

DATABASE_FILE: Final = "enginehouse.db"
_DRAFT: Final = ".enginehouse.db.restore"
_MANY: Final = 64  # small files that are stored at once
_SMALL: Final = 1 << 18
_IGNORED: Final = frozenset({"lost+found"})


@dataclass(frozen=True, slots=True)
class RestoreTarget:
    """Where a server is made: its data folder, its PostgreSQL if it has one, and the store of its bytes.

    `begin` and `end` mark the folder, so that no server starts on it between the two. `undo` empties it.
    """

    data: Path
    dsn: str | None
    open_store: Callable[[], AbstractContextManager[ArtifactStore]]
    begin: Callable[[], None]
    end: Callable[[], None]
    undo: Callable[[], None]
    write_secret: Callable[[Path, str], None]


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored, and whether the secret key was in the backup."""

    head: BackupHead
    summary: BackupSummary


async def restore(file: IO[bytes], target: RestoreTarget, tell: Callable[[int], None]) -> RestoreReport:
    """A server can start on the target, with everything of the backup. `tell` hears how many bytes are read.

    First the whole backup is verified. Raises UnusableBackup, StorageRefused, StoreUnavailable, Unavailable, OSError.
    """
    check_head(next(archive.members(file), None), target)
    await check_target(target)
    head, summary = archive.verify(file, tell)
    target.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    target.begin()
    try:
        with target.open_store() as store:
            await _check_empty(store)
            parts = archive.members(file)
            if target.dsn is None:
                await _make_file(parts, target, store, head)
            else:
                await _fill(parts, target, store, head)
        _sync(target.data)
    except BaseException:
        target.undo()
        raise
    target.end()
    return RestoreReport(head, summary)


def check_head(first: Member | None, target: RestoreTarget) -> None:
    """Raises UnusableBackup if this program, or this target, cannot take the backup."""
    if first is None or first.name != archive.HEAD:
        raise UnusableBackup("This is no backup of Enginehouse.")
    head = archive.decoded(first.read(), BackupHead, archive.HEAD)
    known = len(available())
    if head.format > archive.FORMAT or head.schema > known:
        raise UnusableBackup(
            f"The backup was made by Enginehouse {head.enginehouse} with version {head.schema} of the schema, and this "
            f"program knows versions up to {known}: restore it with the newer program."
        )
    if head.database == "postgres" and target.dsn is None:
        raise UnusableBackup("The backup is of a PostgreSQL database: name an empty one with --database.")
    if head.database == "sqlite" and target.dsn is not None:
        raise UnusableBackup("The backup is of an embedded database: restore it without --database.")


async def check_target(target: RestoreTarget) -> None:
    """Raises UnusableBackup or StorageRefused if something is there already."""
    with suppress(FileNotFoundError):
        names = sorted({entry.name for entry in target.data.iterdir()} - _IGNORED)
        if names:
            raise UnusableBackup(
                f"The folder {target.data} is not empty: it has {', '.join(names[:3])}. Name a new one, or empty it."
            )
    if target.dsn is not None:
        await postgres.refuse_occupied(target.dsn)


async def _check_empty(store: ArtifactStore) -> None:
    async for page in store.walk():
        raise UnusableBackup(
            f"The store {store.place} is not empty: it has {page[0].key}. Name a new one, or empty it."
        )


async def _make_file(parts: Iterator[Member], target: RestoreTarget, store: ArtifactStore, head: BackupHead) -> None:
    """The data folder has the database. Its file gets its name last."""
    draft = target.data / _DRAFT
    with draft.open("xb") as out:
        for block in _first_part(parts).blocks():
            out.write(block)
    await _store_rest(parts, target, store, head)
    sqlite.finish(draft, place=store.place)
    draft.rename(target.data / DATABASE_FILE)


def _first_part(parts: Iterator[Member]) -> Member:
    """Returns the first member of the database."""
    return next(member for member in parts if member.name.startswith(archive.DATABASE))


async def _fill(parts: Iterator[Member], target: RestoreTarget, store: ArtifactStore, head: BackupHead) -> None:
    """The database and the store have everything. The database is committed last."""
    async with postgres.filling(target.dsn or "", head.schema) as filling:
        pending = _first_part(parts)
        tables = archive.decoded(pending.read(), postgres.Tables, pending.name)
        await filling.begin(tables)
        of_table = {table.name: table for table in tables.tables}
        pending = next(parts)
        while pending.name.startswith(archive.DATABASE):
            name = pending.name.removeprefix(archive.DATABASE).partition("/")[0]
            chunks = _Chunks(pending, parts, f"{archive.DATABASE}{name}/")
            await filling.fill(of_table[name], chunks.blocks())
            pending = chunks.following
        await _store_rest(chain([pending], parts), target, store, head)
        await filling.finish(place=store.place)


class _Chunks:
    """The members of one table; `following` is the first member after them."""

    def __init__(self, first: Member, parts: Iterator[Member], prefix: str) -> None:
        self.following = first
        self._parts = parts
        self._prefix = prefix

    async def blocks(self) -> AsyncIterator[bytes]:
        while self.following.name.startswith(self._prefix):
            for block in self.following.blocks():
                yield block
            self.following = next(self._parts)


async def _store_rest(parts: Iterable[Member], target: RestoreTarget, store: ArtifactStore, head: BackupHead) -> None:
    """The store has all files and the id of the database, and the folder the secret key if it is there."""
    waiting = list[tuple[str, bytes | Path]]()
    for member in parts:
        if member.name == archive.SECRET_KEY:
            target.write_secret(target.data / archive.SECRET_KEY, member.read().decode())
        if not member.name.startswith(archive.ARTIFACTS):
            continue
        key = member.name.removeprefix(archive.ARTIFACTS)
        if member.size > _SMALL:
            await store.put(key, _later(member))
            continue
        waiting.append((key, member.read()))
        if len(waiting) == _MANY:
            await store.put_many(waiting)
            waiting = []
    await store.put_many(waiting)
    if head.storeID is not None:
        await store.put(store_identity.KEY, f"{head.storeID}\n".encode())


async def _later(member: Member) -> AsyncIterator[bytes]:
    for block in member.blocks():
        yield block


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
