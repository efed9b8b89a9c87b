"""The background maintenance: ends expired leases, and deletes old jobs, keys and slot records."""

import asyncio
import hashlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Failed, ItemKey, Report
from enginehouse.operations import work as work_operations
from enginehouse.operations.house import House
from enginehouse.operations.work import MICROS
from enginehouse.storage import idempotency
from enginehouse.storage.jobs import deletion
from enginehouse.storage.schedules import retention
from enginehouse.storage.work import leases

_LOST = Failed(FailureKind.WORKER_LOST, "The worker that ran this attempt sent no heartbeat in time.")

SERVER: Final = "server/"  # the prefix of a server's own worker name

_STOPPED = Failed(FailureKind.SERVER_STOPPED, "The server stopped while this attempt ran.")


def worker_name(data: Path) -> str:
    """Returns the name of this process's worker. All but its last number stays the same for this data folder."""
    folder = hashlib.sha256(str(data).encode()).hexdigest()[:6]
    return f"{SERVER}{socket.gethostname()}/{folder}:{os.getpid()}"


async def storage_time(house: House) -> int:
    """Returns the time of the storage clock (µs). This machine's clock may be wrong, and retention deletes by time."""
    return await house.database.read(lambda tx: tx.read_clock())


async def expire_leases(house: House, *, limit: int = 500) -> int:
    """Ends attempts with an expired lease; their items may run again. Returns how many.

    If a worker vanished, the item is charged. If a server vanished, nothing is charged: an attempt that runs in it or
    in its children cannot have ended the server.
    """
    late = await house.database.read(lambda tx: leases.expired(tx, limit=limit))
    ended = ((key, token, _STOPPED if worker.startswith(SERVER) else _LOST) for key, token, worker in late)
    return await _end(house, list(ended))


async def release_all_leases(house: House, *, limit: int = 500) -> int:
    """Ends every lease of an earlier server on this embedded database, without a charge. Returns how many."""
    total = 0
    while held := await house.database.read(lambda tx: leases.all_leases(tx, limit=limit)):
        total += await _end(house, [(key, token, _STOPPED) for key, token in held])
    return total


async def _end(house: House, held: list[tuple[ItemKey, int, Failed]]) -> int:
    # Concurrently, so that they share transactions.
    await asyncio.gather(*(work_operations.finish(house, Report(key, token, outcome)) for key, token, outcome in held))
    return len(held)


async def prune_keys(house: House, *, now: int, limit: int = 1000) -> int:
    """Deletes a bounded batch of expired idempotency keys. Returns how many."""
    before = now - house.limits.idempotency_seconds * MICROS
    oldest = await house.database.read(idempotency.oldest)
    if oldest is None or oldest >= before:
        return 0
    return await house.database.write(lambda tx: idempotency.prune(tx, before=before, limit=limit))


async def prune(house: House, *, now: int, limit: int = 200) -> int:
    """Deletes a bounded batch of jobs that ended before the retention time, with their outputs. Returns how many.

    A retry keeps the id of its original job, even if that job is deleted.
    """
    before = now - house.limits.retention_seconds * MICROS
    old = await house.database.read(lambda tx: deletion.over_since(tx, before=before, limit=limit))
    if not old:
        return 0
    bytes_of = await house.database.write(lambda tx: deletion.delete(tx, old, organization_id=None))
    for job_id in old:
        house.plans.forget(job_id)
    await house.store.delete(bytes_of or [])
    return len(old)


@dataclass(slots=True)
class SlotHistory:
    """Goes through all schedules in parts, and deletes slot records and versions beyond the retention time."""

    after: int = 0

    async def prune(self, house: House, *, now: int, schedules: int = 500, limit: int = 2000) -> bool:
        """Prunes the next schedules, or a bounded batch of them. Returns False after the last schedule."""
        before = now - house.limits.retention_seconds * MICROS
        start = self.after
        ids = await house.database.read(lambda tx: retention.schedules_after(tx, start, limit=schedules))
        if not ids:
            self.after = 0
            return False
        gone = await house.database.write(lambda tx: retention.prune(tx, ids, before=before, limit=limit))
        if gone < limit:
            self.after = ids[-1]
        return True
