"""The making of exports: a server takes those that wait, under a lease, and stores the zip of each."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import structlog

from enginehouse.artifacts.archive import zipped
from enginehouse.artifacts.store import Stored
from enginehouse.domain.errors import NotFound, Refusal, Unavailable
from enginehouse.domain.exports import MOST_TRIES, Export, ExportStatus, folder
from enginehouse.operations.export_archive import ExportArchive
from enginehouse.operations.house import House
from enginehouse.operations.work import MICROS
from enginehouse.storage import exports as storage
from enginehouse.storage.exports import ExportEnd, ExportProgress

log = structlog.get_logger(__name__)

BEAT: Final = 1.0  # seconds between two reports of the progress
_LEASE: Final = 30 * MICROS
_PAUSE: Final = 10 * MICROS  # before the next try, times the number of tries
_VANISHED: Final = f"The server ended {MOST_TRIES} times while it made this export. Request it again."
_ALL_DELETED: Final = "All of its targets were deleted."
_BROKEN: Final = "The server failed to make it. Its log says why."


async def claim(house: House, *, limit: int) -> list[Export]:
    """Leases up to `limit` exports. The caller must `make` each."""
    if not await house.database.peek(storage.any_due):
        return []
    return await house.database.write(lambda tx: storage.claim(tx, limit=limit, lease=_LEASE))


async def release_all(house: House) -> int:
    """Every export that an earlier server on this embedded database was making is due at once. Returns how many."""
    return await house.database.write(storage.release_all)


async def make(house: House, export: Export, *, beat: float = BEAT) -> None:
    """The export is complete, or has failed with a sentence, or waits again for a server.

    Nothing changes if the lease ends meanwhile, or a client stops the export. A cancel gives it back.
    """
    if export.tries > MOST_TRIES:
        await _end(house, export, ExportEnd(ExportStatus.FAILED, _VANISHED), ExportProgress())
        return
    archive = ExportArchive(house, export)
    try:
        stored = await _stored_while_leased(house, export, archive, beat)
    except asyncio.CancelledError:
        await asyncio.shield(_give_back(house, export, pause=0, charged=False))
        raise
    except (NotFound, Unavailable) as trouble:
        # Bytes were deleted while they were read, or there is no room. The next try may find it otherwise.
        if export.tries < MOST_TRIES:
            await _give_back(house, export, pause=export.tries * _PAUSE, charged=True)
        else:
            await _fail(house, export, archive, trouble.message)
    except Refusal as refusal:
        await _fail(house, export, archive, refusal.message)
    except Exception:
        log.exception("an export failed", export=export.id)
        await _fail(house, export, archive, _BROKEN)
    else:
        if stored is not None:
            await _complete(house, export, archive, stored)


async def _stored_while_leased(house: House, export: Export, archive: ExportArchive, beat: float) -> Stored | None:
    """Returns the zip, None if the lease has ended or somebody has stopped the export."""
    key = f"{folder(export.organization_id, export.id)}/{export.fence:06d}.zip"
    blocks = zipped(archive.files(), datetime.fromtimestamp(export.created_at / MICROS, UTC))
    storing = asyncio.create_task(house.store.put(key, blocks))
    beating = asyncio.create_task(_beat(house, export, archive, beat))
    try:
        await asyncio.wait({storing, beating}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stored = storing.done()
        storing.cancel()
        beating.cancel()
        await asyncio.wait({storing, beating})
    return storing.result() if stored else None


async def _beat(house: House, export: Export, archive: ExportArchive, seconds: float) -> None:
    """The lease goes on, and everybody sees the progress. Returns when the lease is over."""
    held = True
    while held:
        await asyncio.sleep(seconds)
        with suppress(Unavailable):  # while the storage is away, nobody else can take the lease
            held = await house.database.write(lambda tx: storage.advance(tx, export, archive.progress, lease=_LEASE))


async def _complete(house: House, export: Export, archive: ExportArchive, stored: Stored) -> None:
    end = ExportEnd(ExportStatus.COMPLETE, archive.message, stored.key, stored.size, stored.sha256)
    if archive.is_empty:
        end = ExportEnd(ExportStatus.FAILED, _ALL_DELETED)
    held = await _end(house, export, end, archive.progress)
    others = await house.store.keys(folder(export.organization_id, export.id))
    # An earlier lease may have left bytes behind. Those of a later one are not ours to delete.
    gone = {key for key in others if key < stored.key} if held else set()
    await house.store.delete(sorted(gone | ({stored.key} if not held or archive.is_empty else set())))


async def _fail(house: House, export: Export, archive: ExportArchive, why: str) -> None:
    await _end(house, export, ExportEnd(ExportStatus.FAILED, why), archive.progress)


async def _end(house: House, export: Export, end: ExportEnd, progress: ExportProgress) -> bool:
    keep = house.limits.export_seconds * MICROS
    return await house.database.write(lambda tx: storage.end(tx, export, end, progress, keep=keep))


async def _give_back(house: House, export: Export, *, pause: int, charged: bool) -> None:
    await house.database.write(lambda tx: storage.give_back(tx, export, pause=pause, charged=charged))
