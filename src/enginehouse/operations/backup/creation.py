"""Makes a backup while servers run: one snapshot of the database, and then the bytes that it names."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import IO, Final

import msgspec

from enginehouse import __version__
from enginehouse.artifacts.store import ArtifactStore
from enginehouse.domain.errors import NotFound
from enginehouse.domain.times import rest
from enginehouse.operations import store_identity
from enginehouse.operations.backup import archive
from enginehouse.operations.backup.archive import ArchiveWriter, BackupHead, BackupSummary
from enginehouse.storage.backup import keys as stored_keys
from enginehouse.storage.backup.keys import Keys, NamedBytes
from enginehouse.storage.backup.snapshot import DatabaseSnapshot, SnapshotFacts
from enginehouse.storage.database.database import StorageRefused

_AHEAD: Final = 16  # small files that are read at once
_SMALL: Final = 1 << 20
_CHECKED: Final = 500  # keys of one question


@dataclass(slots=True)
class BackupReport:
    """How far a backup is, and what it holds in the end.

    `gone` were deleted since the snapshot. `missing` should be there and are not; `damaged` are not as they were
    stored, and are in the backup as they are.
    """

    jobs: int = 0
    files: int = 0
    artifacts: int = 0
    bytes: int = 0
    written: int = 0
    gone: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BackupSource:
    """What is backed up: how a snapshot is begun, the store, and which of some keys the database still names."""

    snapshot: Callable[[], AbstractAsyncContextManager[DatabaseSnapshot]]
    open_store: Callable[[], AbstractAsyncContextManager[ArtifactStore]]
    still_named: Callable[[Sequence[str]], Awaitable[Sequence[str]]]
    secret_key: str | None = None


async def create(source: BackupSource, out: IO[bytes], tell: Callable[[BackupReport], None]) -> BackupReport:
    """A whole backup is written to `out`. Returns what is in it. `tell` hears again and again how far it is.

    Raises StorageRefused, StoreUnavailable, OSError.
    """
    writer, report, keys = ArchiveWriter(out), BackupReport(), Keys()
    try:
        async with source.snapshot() as snapshot:
            report.jobs = snapshot.facts.jobs
            _add(writer, archive.HEAD, _head(snapshot.facts, has_key=source.secret_key is not None))

            def add(name: str, size: int, blocks: Iterable[bytes]) -> None:
                writer.add(archive.DATABASE + name, size, blocks)
                report.written = writer.bytes
                tell(report)

            await snapshot.save(add)
            await snapshot.read(lambda tx: stored_keys.collect(tx, keys))
        if source.secret_key is not None:
            writer.add(archive.SECRET_KEY, len(source.secret_key), [source.secret_key.encode()])
        report.files = keys.count()
        async with source.open_store() as store:
            await _check_pair(store, snapshot.facts)
            await _add_artifacts(writer, store, keys, report, tell)
    finally:
        keys.close()
    await _sort_missing(report, source.still_named)
    left_out = [{"key": key, "reason": "deleted"} for key in report.gone]
    left_out += [{"key": key, "reason": "missing"} for key in report.missing]
    lines = b"".join(msgspec.json.encode(line) + b"\n" for line in left_out)
    writer.add(archive.LEFT_OUT, len(lines), [lines])
    _add(writer, archive.SUMMARY, BackupSummary(report.artifacts, report.bytes, len(left_out)))
    writer.end()
    report.written = writer.bytes
    return report


def _head(facts: SnapshotFacts, *, has_key: bool) -> BackupHead:
    return BackupHead(
        archive.FORMAT,
        __version__,
        facts.dialect,
        facts.schema,
        rest(facts.taken_at),
        facts.store_id,
        facts.jobs,
        has_key,
    )


def _add(writer: ArchiveWriter, name: str, content: BackupHead | BackupSummary) -> None:
    data = msgspec.json.encode(content)
    writer.add(name, len(data), [data])


async def _check_pair(store: ArtifactStore, facts: SnapshotFacts) -> None:
    """Raises StorageRefused if the store is not the one of the database."""
    try:
        found = store_identity.parse(await store.read(store_identity.KEY))
    except NotFound:
        found = None
    if (text := store_identity.mismatch(store.place, found, facts.store_id)) is not None:
        raise StorageRefused(text)


async def _add_artifacts(
    writer: ArchiveWriter, store: ArtifactStore, keys: Keys, report: BackupReport, tell: Callable[[BackupReport], None]
) -> None:
    """Everything that the snapshot names and the store has is written, in the order of the store.

    The store is listed, not searched for each key: a bucket lists a thousand keys with one request.
    """
    async for page in store.walk():
        for listed in _batches(keys.among([listed.key for listed in page])):
            await _add_batch(writer, store, listed, report)
            report.written = writer.bytes
            tell(report)
    for unseen in _batches(keys.unseen()):  # perhaps it came during the listing
        await _add_batch(writer, store, unseen, report)


def _batches(rows: Iterable[NamedBytes]) -> Iterator[list[NamedBytes]]:
    batch = list[NamedBytes]()
    for row in rows:
        batch.append(row)
        if len(batch) == _AHEAD:
            yield batch
            batch = []
    if batch:
        yield batch


async def _add_batch(
    writer: ArchiveWriter, store: ArtifactStore, batch: Sequence[NamedBytes], report: BackupReport
) -> None:
    """These files are written. Small ones are read together, because a bucket takes long to answer each."""
    for named, found in zip(batch, await asyncio.gather(*(_open(store, row) for row in batch)), strict=True):
        if found is None:
            if named.sha256 is not None:
                report.missing.append(named.key)
            continue
        size, content = found
        name = archive.ARTIFACTS + named.key
        sha256 = (
            writer.add(name, size, [content])
            if isinstance(content, bytes)
            else await writer.stream(name, size, content)
        )
        if named.sha256 not in (None, sha256):
            report.damaged.append(named.key)
        report.artifacts += named.sha256 is not None
        report.bytes += size


async def _open(store: ArtifactStore, row: NamedBytes) -> tuple[int, bytes | AsyncIterator[bytes]] | None:
    """Returns the size of the bytes and the bytes themselves, or how they come. None if there are none."""
    try:
        size = (await store.stat(row.key)).size
        if size <= _SMALL:
            content = await store.read(row.key, limit=size)
            return len(content), content
    except NotFound:
        return None
    return size, store.stream(row.key, 0, size)


async def _sort_missing(report: BackupReport, still_named: Callable[[Sequence[str]], Awaitable[Sequence[str]]]) -> None:
    """What the database no longer names was deleted since the snapshot, and is not missing."""
    for start in range(0, len(missing := report.missing), _CHECKED):
        part = missing[start : start + _CHECKED]
        kept = set(await still_named(part))
        report.gone += [key for key in part if key not in kept]
    gone = set(report.gone)
    report.missing = [key for key in missing if key not in gone]
