"""The check that the store of the bytes is the one of the database, and its files for a check of all of them."""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from enginehouse import logs
from enginehouse.artifacts.disk import file_of, peek
from enginehouse.artifacts.integrity import digest_of_file
from enginehouse.artifacts.place import PlaceError, folder_of, open_store
from enginehouse.artifacts.store import ArtifactStore
from enginehouse.cli import doctor_checks
from enginehouse.cli.verdict import Finding, Verdict
from enginehouse.domain.errors import NotFound
from enginehouse.domain.store_errors import StoreUnavailable
from enginehouse.operations import store_identity
from enginehouse.storage import server_facts

T = TypeVar("T")

_MISSING = ("missing", "the bytes are missing")


def place_of(data: Path, database: str | None, store: str | None) -> str:
    """Returns where the bytes should be: in `store`, in the bucket of the last server, or else in the data folder."""
    if store is not None:
        return store
    known = doctor_checks.read(data, database, server_facts.store_place)
    return str(data / "artifacts") if known is None or folder_of(known) is not None else known


def finding(data: Path, database: str | None, store: str | None) -> Finding:
    """Returns whether the store and the database belong together."""
    of_database = doctor_checks.read(data, database, server_facts.store_id)
    known = doctor_checks.read(data, database, server_facts.store_place)
    place = place_of(data, database, store)
    try:
        stored = _id_at(place)
    except PlaceError as error:
        return Finding("store", Verdict.WRONG, f"{error}.")
    except StoreUnavailable as away:
        return Finding("store", Verdict.WRONG, f"{place} cannot be used: {away.reason}. Check the variables AWS_*.")
    of_store = None if stored is None else store_identity.parse(stored)
    wrong = store_identity.mismatch(place, of_store, of_database, known)
    if wrong is not None:
        return Finding("store", Verdict.WRONG, wrong)
    if of_database is None:
        return Finding("store", Verdict.OK, "the next start gives the database and its store an id")
    return Finding("store", Verdict.OK, f"{place} holds the bytes of the database")


def fault(place: str, key: str, size: int, sha256: str) -> tuple[str, str] | None:
    """Returns what is wrong with the bytes under the key, as a word and as a sentence."""
    folder = folder_of(place)
    try:
        found = _of_file(file_of(folder, key)) if folder is not None else _in_store(place, lambda s: _of_key(s, key))
    except (FileNotFoundError, NotADirectoryError, NotFound):
        return _MISSING
    except OSError as error:
        return "unreadable", f"the bytes cannot be read: {error.strerror}"
    except StoreUnavailable as away:
        return "unreadable", f"the bytes cannot be read: {away.reason}"
    if found[0] != size:
        return "size", f"{found[0]} bytes are there, {size} were stored"
    if found[1] != sha256:
        return "sha256", "the bytes have changed since they were stored"
    return None


def _of_file(path: Path) -> tuple[int, str]:
    return path.stat().st_size, digest_of_file(path)


async def _of_key(store: ArtifactStore, key: str) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    async for block in store.stream(key):
        size += len(block)
        digest.update(block)
    return size, digest.hexdigest()


def _id_at(place: str) -> bytes | None:
    folder = folder_of(place)
    if folder is not None:
        return peek(folder, store_identity.KEY)
    try:
        return _in_store(place, lambda store: store.read(store_identity.KEY))
    except NotFound:
        return None


def _in_store(place: str, work: Callable[[ArtifactStore], Coroutine[Any, Any, T]]) -> T:
    logs.set_up("console")  # on stderr, so that stdout has the answer alone
    with tempfile.TemporaryDirectory(prefix="enginehouse-") as local:
        store = open_store(place, Path(local))
        try:
            return asyncio.run(work(store))
        finally:
            store.close()
