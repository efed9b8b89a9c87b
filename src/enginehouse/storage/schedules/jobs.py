"""The jobs of schedules in storage: the slot that started each, how long they take, which have not ended."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.ids import first_job_id
from enginehouse.domain.schedules.schedule import SlotRecord
from enginehouse.domain.status import JobStatus
from enginehouse.domain.times import SECOND
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class PendingChange(NamedTuple):
    """How many jobs were created (`what` 1), left pending (2) or ended (3) at the mark with this number."""

    run_mode: str
    what: int
    mark: int
    jobs: int


class LastJob(NamedTuple):
    """The newest job of a schedule."""

    id: int
    status: JobStatus
    created_at: int


class LastJobRow(NamedTuple):
    """A schedule with its newest job as JSON text; None if it has none."""

    id: int
    last_job: str | None


class RunsRow(NamedTuple):
    """How long a schedule's runs take, None without any, and its newest job as JSON text."""

    took: int | None
    last_job: str | None


_LAST_JOB: Final = msgspec.json.Decoder(LastJob)
_LAST_JOBS: Final = Select("schedules.last_jobs", LastJobRow)
_RUNS: Final = Select("schedules.runs", RunsRow)
_PENDING_CHANGES: Final = Select("schedules.pending_changes", PendingChange)


async def usual_runs(tx: Tx, ids: Iterable[int]) -> dict[int, int]:
    """Returns the average time (µs) of each schedule's last complete runs. Schedules without any are missing."""
    rows = await tx.all("schedules.usual_runs", ids=sorted(set(ids)))
    return {schedule_id: int(took) for schedule_id, took in rows if took is not None}


async def last(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, LastJob]:
    """Returns the organization's newest job of each schedule, by schedule. Schedules without one are missing."""
    rows = await _LAST_JOBS.all(tx, organization_id=organization_id, ids=sorted(set(ids)))
    return {row.id: _LAST_JOB.decode(row.last_job) for row in rows if row.last_job is not None}


async def runs(tx: Tx, organization_id: int, schedule_id: int) -> tuple[int | None, LastJob | None]:
    """Returns the average time (µs) of the schedule's last complete runs, and the organization's newest job of it."""
    row = await _RUNS.one(tx, organization_id=organization_id, id=schedule_id)
    if row is None:
        return None, None
    return row.took, None if row.last_job is None else _LAST_JOB.decode(row.last_job)


async def not_ended(tx: Tx, organization_id: int, schedule_id: int, *, after: int, until: int, limit: int) -> list[int]:
    """Returns the schedule's jobs after the job `after`, created by `until`, that have not ended; in key order."""
    rows = await tx.all(
        "schedules.cancellable_jobs",
        organization_id=organization_id, id=schedule_id, after=after, until=until, limit=limit,
    )  # fmt: skip
    return [job_id for (job_id,) in rows]


async def of_slots(tx: Tx, organization_id: int, schedule_id: int, slots: Sequence[SlotRecord]) -> dict[int, list[int]]:
    """Returns the jobs that each of these slots has started."""
    jobs: dict[int, list[int]] = defaultdict(list)
    if slots:
        first, last = min(each.slot for each in slots), max(each.slot for each in slots)
        rows = await tx.all(
            "schedules.slot_jobs",
            organization_id=organization_id,
            id=schedule_id,
            earliest=first_job_id(max(0, first - SECOND)),
            first=first,
            last=last,
        )
        for slot, job_id in rows:
            jobs[slot].append(job_id)
    return jobs


async def pending_changes(tx: Tx, organization_id: int, *, first: int, last: int, step: int) -> list[PendingChange]:
    """Returns the changes of the organization's scheduled runs, by run mode and mark."""
    return await _PENDING_CHANGES.all(tx, organization_id=organization_id, first=first, last=last, step=step)
