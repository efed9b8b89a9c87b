"""Opens what a backup and a restore need: the database, the store, and the file between them."""

import asyncio
import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, TypeVar

from enginehouse import logs
from enginehouse.artifacts.place import PlaceError, folder_of, open_store
from enginehouse.artifacts.store import ArtifactStore
from enginehouse.cli import doctor_checks, doctor_store, file_modes
from enginehouse.cli.errors import CommandError
from enginehouse.domain.errors import Refusal
from enginehouse.domain.store_errors import StoreUnavailable
from enginehouse.operations.backup import archive, creation
from enginehouse.operations.backup import restore as restoring
from enginehouse.operations.backup.archive import UnusableBackup
from enginehouse.operations.backup.creation import BackupReport, BackupSource
from enginehouse.operations.backup.restore import RestoreReport, RestoreTarget
from enginehouse.server import database_file, private_file
from enginehouse.server import secret_key as key_file
from enginehouse.storage import server_facts
from enginehouse.storage.backup import keys, postgres, sqlite
from enginehouse.storage.backup.snapshot import DatabaseSnapshot

T = TypeVar("T")


def secret_key(data: Path | None, given: str | None) -> str:
    """Returns the secret key of the servers. Raises CommandError if nobody knows it."""
    try:
        key = key_file.given(given) if given else None if data is None else key_file.read(data)
    except Refusal as refusal:
        raise CommandError(refusal.message) from None
    if key is None:
        raise CommandError("There is no secret key: name the data folder with --data, or set ENGINEHOUSE_SECRET_KEY.")
    return key.text


def create(
    file: str,
    *,
    data: Path | None,
    database: str | None,
    place: str | None,
    key: str | None,
    tell: Callable[[BackupReport], None],
    tell_copied: Callable[[int, int], None],
) -> BackupReport:
    """The file is a whole backup, or it is not there. Raises CommandError.

    `tell_copied` hears how many bytes of an embedded database, and of how many, are in its snapshot.
    """
    file_modes.restrict_umask()
    where = _place(data, database, place)
    folder = folder_of(where)
    if folder is not None and not (folder / "kept").is_dir():
        raise CommandError(f"There is no store in {folder}. Say with --artifacts where the bytes are.")

    def snapshot() -> AbstractAsyncContextManager[DatabaseSnapshot]:
        if database is not None:
            return postgres.snapshot(database)
        room = Path(tempfile.gettempdir()) if file == "-" else Path(file).absolute().parent
        return sqlite.snapshot((data or Path()) / restoring.DATABASE_FILE, room, tell_copied)

    async def still_named(wanted: Sequence[str]) -> Sequence[str]:
        return await asyncio.to_thread(doctor_checks.read, data, database, lambda tx: keys.still_named(tx, wanted))

    source = BackupSource(snapshot, lambda: _store_async(where), still_named, key)
    with _writing(file) as out:
        return _run(lambda: creation.create(source, out, tell))


def restore(
    file: Path, *, data: Path, database: str | None, place: str | None, tell: Callable[[int], None]
) -> RestoreReport:
    """A server can start on the folder. Raises CommandError."""
    file_modes.restrict_umask()
    where = place or str(data / "artifacts")
    target = RestoreTarget(
        data=data,
        dsn=database,
        open_store=lambda: _store(where),
        begin=lambda: database_file.begin_restore(data),
        end=lambda: database_file.end_restore(data),
        undo=lambda: _empty(data),
        write_secret=private_file.write,
    )
    try:
        with archive.open_backup(file) as opened:
            return _run(lambda: restoring.restore(opened, target, tell))
    except UnusableBackup as unusable:
        raise CommandError(str(unusable)) from None


def _place(data: Path | None, database: str | None, place: str | None) -> str:
    if data is not None:
        return doctor_store.place_of(data, database, place)
    known = place or doctor_checks.read(data, database, server_facts.store_place)
    if known is None:
        raise CommandError("It is not known where the bytes are: name the place with --artifacts.", exit_code=2)
    return known


@contextmanager
def _writing(file: str) -> Iterator[IO[bytes]]:
    """Yields what is written to. A file gets its name at the end, and only its owner can read it."""
    if file == "-":
        with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stdout:
            yield stdout
        return
    path = Path(file)
    if path.exists():
        raise CommandError(f"{path} exists. Name another file.")
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as plain:
            if path.suffix == ".gz":
                with gzip.GzipFile(filename="", fileobj=plain, mode="wb", compresslevel=6) as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield plain
            plain.flush()
            os.fsync(plain.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _store(place: str) -> Iterator[ArtifactStore]:
    with tempfile.TemporaryDirectory(prefix="enginehouse-") as local:
        store = open_store(place, Path(local))
        try:
            yield store
        finally:
            store.close()


@asynccontextmanager
async def _store_async(place: str) -> AsyncIterator[ArtifactStore]:
    with _store(place) as store:
        yield store


def _empty(folder: Path) -> None:
    """The folder has nothing any more. It was empty before the restore."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    logs.set_up("console")  # on stderr, so that stdout has the answer alone
    try:
        return asyncio.run(work())
    except StoreUnavailable as away:
        raise CommandError(
            f"The store cannot be used: {away.reason}. Check its name, and the variables AWS_*."
        ) from None
    except Refusal as refusal:
        raise CommandError(refusal.message) from None
    except PlaceError as fault:
        raise CommandError(str(fault)) from None
    except BrokenPipeError:
        raise
    except OSError as fault:
        raise CommandError(f"It was stopped: {fault}.") from None
