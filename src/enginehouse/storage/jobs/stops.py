"""Stopping what runs: jobs are cancelled while attempts of theirs run, and become aborted when the last has ended."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from enginehouse.domain.event import CANCELLED, JOB, Detail, EventKind
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import ItemKey
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.work import settlement


async def stop_jobs(tx: Tx, jobs: Sequence[Row]) -> list[int]:
    """Every job is cancelled; answers how many attempts of each have still to stop, aborted at once where none has.

    `jobs` begin with id, organization and status; they are locked, have not ended and were not cancelled before. What
    was not leased is gone. What was keeps its lease and its token, so that its worker can tell when it has stopped.
    """
    if not jobs:
        return []
    ids = [row[0] for row in jobs]
    await tx.run("stops.delete_free_items", ids=ids)
    left = Counter(row[0] for row in await tx.all("stops.ask_to_stop", ids=ids, now=tx.now))
    rows, events = list[Row](), list[Row]()
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for job_id, organization_id, before, *_ in jobs:
        open_ = left[job_id]
        status = JobStatus.RUNNING if open_ else JobStatus.ABORTED
        rows.append((job_id, status.value, open_, None if open_ else tx.now, tx.now))
        events.append(settlement.event_row(job_id, JOB, EventKind.STOP_REQUESTED, tx.now))
        if not open_:
            events.append(settlement.event_row(job_id, JOB, EventKind.ABORTED, tx.now, Detail(reason=CANCELLED)))
        counts[organization_id, before] -= 1
        counts[organization_id, status.value] += 1
    await tx.many("stops.cancel_running", rows)
    await tx.many("work.insert_events", events)
    await settlement.count_jobs(tx, counts)
    return [left[job_id] for job_id in ids]


async def signalled(tx: Tx, told: Sequence[tuple[ItemKey, int]]) -> None:
    """The engines of these attempts have been told to stop, as far as they were to."""
    await tx.all("work.lock_jobs", ids=sorted({key.job_id for key, _ in told}))
    now = await tx.read_clock()
    news = await tx.each("stops.signalled", sorted((*key, token, now) for key, token in told))
    rows = [settlement.event_row(job_id, ordinal, EventKind.STOP_SIGNALLED, now) for job_id, ordinal in sorted(news)]
    await tx.many("work.insert_events", rows)
