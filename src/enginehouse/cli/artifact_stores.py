"""Opens stores and databases for `enginehouse artifacts`, which works without a server."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from enginehouse import house_start, logs
from enginehouse.artifacts import copy as copying
from enginehouse.artifacts.copy import CopyReport
from enginehouse.artifacts.place import PlaceError, folder_of, open_store
from enginehouse.artifacts.store import ArtifactStore
from enginehouse.cli.errors import CommandError
from enginehouse.domain.errors import Refusal
from enginehouse.domain.store_errors import StoreUnavailable
from enginehouse.operations import store_identity
from enginehouse.settings import Settings
from enginehouse.storage import server_facts, workers
from enginehouse.storage.database.database import Database, Tx

T = TypeVar("T")

_BESIDES = frozenset({store_identity.KEY})


def copy(source: str, target: str, *, verify: bool, tell: Callable[[CopyReport], None]) -> CopyReport:
    """Everything of the source is in the target. Raises CommandError."""
    folder = folder_of(source)
    if folder is not None and not (folder / "kept").is_dir():
        raise CommandError(f"There is no store in {folder}. The folder of a store holds a folder `kept`.")
    if source.rstrip("/") == target.rstrip("/"):
        raise CommandError("FROM and TO are the same place.", exit_code=2)

    async def run() -> CopyReport:
        with _opened(source) as old, _opened(target) as new:
            return await copying.copy(old, new, besides=_BESIDES, verify=verify, tell=tell)

    return _run(run)


def use(place: str, *, old: str | None, data: Path | None, database: str | None) -> tuple[CopyReport, str]:
    """The database belongs to the store in this place, unless the report finds something wrong. Raises CommandError."""
    if data is not None and database is None and not (data / "enginehouse.db").exists():
        raise CommandError(f"There is no database in {data}. Name the folder of a server with --data.")

    async def run() -> tuple[CopyReport, str]:
        opened = await house_start.open_database(Settings(data=data or Path(), database=database))
        try:
            return await _use(opened, place, old, data)
        finally:
            await opened.close()

    return _run(run)


async def _use(database: Database, place: str, old: str | None, data: Path | None) -> tuple[CopyReport, str]:
    if database.dialect == "postgres" and (names := await database.read(_connected)):
        raise CommandError(f"A server of the database still runs: {', '.join(names)}. Stop it first.")
    known = old or await database.read(server_facts.store_place) or (None if data is None else str(data / "artifacts"))
    if known is None:
        raise CommandError("It is not known where the bytes are: name the place with --from.", exit_code=2)
    with _opened(known, data) as source, _opened(place, data) as target:
        if source.place == target.place:
            return CopyReport(), f"The database belongs to {target.place} already. Nothing was changed."
        while await source.flush():
            pass
        report = await copying.compare(source, target, besides=_BESIDES)
        if not report.wrong_keys:
            await store_identity.change(database, source, target)
        start = f"Start its servers with --artifacts {target.place}"
        text = f"The database belongs to {target.place}, which holds {report.keys} keys. {start}"
        return report, text


async def _connected(tx: Tx) -> list[str]:
    now = await tx.read_clock()
    return [worker.name for worker in await workers.all_(tx) if worker.connected(now)]


@contextmanager
def _opened(place: str, data: Path | None = None) -> Iterator[ArtifactStore]:
    """Yields the store, with what it needs on this machine in the data folder, or in a temporary one."""
    with tempfile.TemporaryDirectory(prefix="enginehouse-") as scratch:
        local = Path(scratch) if data is None else data / "artifacts-local"
        store = open_store(place, local)
        try:
            yield store
        finally:
            store.close()


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    logs.set_up("console")  # on stderr, so that stdout has the answer alone
    try:
        return asyncio.run(work())
    except Exception as error:
        match _first(error):
            case StoreUnavailable(reason=reason):
                raise CommandError(f"The store cannot be used: {reason}. Run the command again to continue.") from None
            case Refusal(message=text):
                raise CommandError(text) from None
            case PlaceError() as fault:
                raise CommandError(str(fault)) from None
            case OSError() as fault:
                raise CommandError(f"It was stopped: {fault}. Run the command again to continue.") from None
            case _:
                raise


def _first(error: Exception) -> Exception:
    """Returns one of the errors. Several keys are copied at once, and they fail for one reason."""
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error
