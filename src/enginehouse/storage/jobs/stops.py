"""Stops running jobs: a cancelled job with open attempts becomes aborted when the last attempt has ended."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from enginehouse.domain.event import CANCELLED, JOB, Detail, EventKind
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import ItemKey
from enginehouse.storage import events
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.database.facts import JobEnd
from enginehouse.storage.jobs import cancellation_counts, counts, rates
from enginehouse.storage.outbox import ends
from enginehouse.storage.work import job_locks


class OpenJob(Protocol):
    """The locked row of a job that has not ended and was not cancelled before."""

    @property
    def id(self) -> int: ...
    @property
    def organization_id(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def tasks_total(self) -> int: ...
    @property
    def listeners(self) -> int: ...


async def stop_jobs(tx: Tx, jobs: Sequence[OpenJob]) -> list[int]:
    """Cancels every job. Returns how many attempts of each must still stop; a job without any is aborted at once.

    Items without a lease are deleted. A leased item keeps its lease and its token, so that its worker can report when
    it has stopped.
    """
    if not jobs:
        return []
    ids = [job.id for job in jobs]
    await tx.run("stops.delete_free_items", ids=ids)
    left = Counter(job_id for job_id, _ in await tx.all("stops.ask_to_stop", ids=ids, now=tx.now))
    rows, event_rows = list[Row](), list[Row]()
    changes = counts.CountChanges()
    for job in jobs:
        open_ = left[job.id]
        status = JobStatus.RUNNING if open_ else JobStatus.ABORTED
        rows.append((job.id, status.value, open_, None if open_ else tx.now, tx.now))
        event_rows.append(events.row(job.id, JOB, EventKind.STOP_REQUESTED, tx.now))
        if not open_:
            event_rows.append(events.row(job.id, JOB, EventKind.ABORTED, tx.now, Detail(reason=CANCELLED)))
        changes.move(job.organization_id, job.status, status)
    await tx.many("stops.cancel_running", rows)
    await events.insert(tx, event_rows)
    await cancellation_counts.hide_read(tx, changes, ids)
    changes.moves |= rates.aborted(changes.jobs)
    await counts.add(tx, changes)
    ended = [job for job in jobs if not left[job.id]]
    tx.facts.ends += [
        JobEnd.of(job.id, job.organization_id, JobStatus.ABORTED, tasks=job.tasks_total, at=tx.now) for job in ended
    ]
    await ends.record(tx, ends.aborted((job.id, job.organization_id, job.listeners) for job in ended))
    return [left[job_id] for job_id in ids]


async def signalled(tx: Tx, attempts: Sequence[tuple[ItemKey, int]]) -> None:
    """Records that the engines of these attempts received the stop signal. Ignores attempts that need not stop."""
    await job_locks.lock(tx, {key.job_id for key, _ in attempts})
    now = await tx.read_clock()
    news = await tx.each("stops.signalled", sorted((*key, token, now) for key, token in attempts))
    rows = [events.row(job_id, ordinal, EventKind.STOP_SIGNALLED, now) for job_id, ordinal in sorted(news)]
    await events.insert(tx, rows)
