"""Checks that stored data is consistent: jobs with their tasks, schedules with the slots that fired."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.planning.edges import engine_set
from enginehouse.domain.schedules.calendar import slots
from enginehouse.domain.schedules.timing import Timing
from enginehouse.domain.schedules.zones import UnknownZone
from enginehouse.domain.status import JobStatus, Tally, job_status
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_BATCH: Final = 1_000
_LATE: Final = 60_000_000  # µs


@dataclass(frozen=True, slots=True)
class ScheduleCheck:
    """How many schedules are `active`, and how many of them are `overdue` by more than a minute. `next_at` in µs UTC.

    `wrong` says what is wrong with some schedules, by id.
    """

    active: int
    overdue: int
    next_at: int | None
    wrong: tuple[tuple[int, str], ...] = ()


class SlotAhead(NamedTuple):
    """A schedule whose last fired slot is later than its cursor."""

    schedule_id: int
    last_slot: int
    decided: int


_AHEAD: Final = Select("consistency.slots_ahead", SlotAhead)


async def check_schedules(tx: Tx, *, now: int, limit: int = 20) -> ScheduleCheck:
    """Checks all schedules that will fire. `now` is the time of the storage clock."""
    [(active, overdue, next_at)] = await tx.all("consistency.schedules", before=now - _LATE)
    wrong = [
        (row.schedule_id, f"has fired a slot {_seconds_ahead(row):.0f} s ahead of what it takes for decided")
        for row in await _AHEAD.all(tx, limit=limit)
    ]
    after = -1
    while len(wrong) < limit and (rows := await tx.all("consistency.timings", after=after, limit=_BATCH)):
        after, _ = rows[-1]
        wrong += ((schedule_id, text) for schedule_id, timing in rows if (text := _unreadable(timing, now)))
    return ScheduleCheck(active, overdue, next_at, tuple(wrong[:limit]))


def _seconds_ahead(row: SlotAhead) -> float:
    return (row.last_slot - row.decided) / 1_000_000


def _unreadable(timing: str, now: int) -> str | None:
    """Returns why the slots of this timing cannot be computed; None if they can."""
    try:
        next(slots(msgspec.json.decode(timing, type=Timing), anchor=now, after=now), None)
    except UnknownZone as unknown:
        return f"cannot be worked out: {unknown}"
    except (ValueError, msgspec.DecodeError) as error:
        return f"cannot be read: {error}"
    return None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A job with two stored facts that contradict each other."""

    job_id: int
    text: str


class JobCounts(NamedTuple):
    """A job with its own counts (`tasks_…`) and those of its task rows (`…_rows`), without reused tasks."""

    id: int
    status: str
    cancelled: int
    started_at: int | None
    tasks_total: int
    tasks_queued: int
    tasks_running: int
    tasks_complete: int
    tasks_failed: int
    tasks_aborted: int
    stopping: int
    task_rows: int
    queued_rows: int
    running_rows: int
    complete_rows: int
    failed_rows: int
    aborted_rows: int
    items_running: int | None
    wrongly_reused: int


class WronglyHeld(NamedTuple):
    """An item whose `held` is wrong. `by_pause`: it disagrees with the pause of its job."""

    job_id: int
    ordinal: int
    item: int
    by_pause: int


class EngineOfJob(NamedTuple):
    """An engine that tasks of a job name; `listed`: the job is in the list of the engine's jobs."""

    job_id: int
    engine_id: str
    engine_set: int
    listed: int


class WrongEnd(NamedTuple):
    """A task whose end is stored otherwise than its status and its last change say."""

    job_id: int
    ordinal: int
    status: str
    ended_as: str | None
    ended_at: int | None
    foreign_row: int


_JOBS: Final = Select("consistency.jobs", JobCounts)
_ENGINES: Final = Select("consistency.engines", EngineOfJob)
_ENDS: Final = Select("consistency.ends", WrongEnd)
_BY_PAUSE: Final = "its job is paused or not"
_BY_LIMIT: Final = "nothing else of its task is free, so nothing would let it go"
_WRONGLY_HELD: Final = Select("consistency.wrongly_held", WronglyHeld)


async def check_jobs(tx: Tx, *, limit: int = 20) -> tuple[int, list[Disagreement]]:
    """Returns how many jobs were checked, and the first `limit` contradictions."""
    disagreements: list[Disagreement] = []
    looked, after = 0, -1
    while rows := await _JOBS.all(tx, after=after, limit=_BATCH):
        found = [Disagreement(row.id, text) for row in rows if (text := _disagrees(row))]
        found += _wrong_engines(await _ENGINES.all(tx, after=after, last=rows[-1].id))
        disagreements += found[: limit - len(disagreements)]
        looked, after = looked + len(rows), rows[-1].id
    for end in await _ENDS.all(tx, limit=limit - len(disagreements)):
        disagreements.append(Disagreement(end.job_id, _wrong_end(end)))
    for held in await _WRONGLY_HELD.all(tx, limit=limit - len(disagreements)):
        why = _BY_PAUSE if held.by_pause else _BY_LIMIT
        text = f"has item {held.item} of task {held.ordinal} held against what is true: {why}"
        disagreements.append(Disagreement(held.job_id, text))
    return looked, disagreements


def _wrong_engines(rows: Sequence[EngineOfJob]) -> Iterator[Disagreement]:
    for job_id, named in groupby(rows, attrgetter("job_id")):
        engines = list(named)
        for engine in engines:
            if not engine.listed:
                yield Disagreement(job_id, f"is not in the list of the jobs of engine {engine.engine_id}")
        if engines[0].engine_set != engine_set(engine.engine_id for engine in engines):
            yield Disagreement(job_id, "is listed with the jobs of other engines than its tasks name")


def _wrong_end(end: WrongEnd) -> str:
    task = f"has task {end.ordinal}, which is {end.status}"
    if end.foreign_row:
        return f"{task}, in the lists of another organization"
    if end.ended_as is None and end.ended_at is None:
        return f"{task}, but is not in the list of ended tasks"
    listed = f"as {end.ended_as or 'nothing'}" if end.ended_as != end.status else "at another time than it ended"
    return f"{task}, in the list of ended tasks {listed}"


def _disagrees(row: JobCounts) -> str | None:
    total = row.tasks_total
    stored = [row.tasks_queued, row.tasks_running, row.tasks_complete, row.tasks_failed, row.tasks_aborted]
    of_rows = [row.queued_rows, row.running_rows, row.complete_rows, row.failed_rows, row.aborted_rows]
    open_attempts = int(row.items_running or 0) if row.cancelled else 0
    if row.stopping != open_attempts:
        return f"counts {row.stopping} attempts that are to stop, its tasks have {open_attempts} running"
    due = job_status(
        Tally(total, *stored),
        cancel_accepted=bool(row.cancelled),
        attempts_open=open_attempts,
        ever_started=row.started_at is not None,
    )
    if row.wrongly_reused:
        return f"has {row.wrongly_reused} reused tasks that are not simply complete"
    if JobStatus(row.status) is not due:
        return f"is {row.status}, its counts make it {due.value}"
    if row.task_rows < total:
        return f"counts {total} tasks, of its own it has {row.task_rows}"
    # A standby task is left out of the counts or replaces its principal. Only its plan shows which, not the rows.
    if row.task_rows == total and not row.cancelled and [int(tasks) for tasks in of_rows] != stored:
        counts = [int(tasks) for tasks in of_rows]
        return f"counts (queued, running, complete, failed, aborted) {stored}, its tasks are {counts}"
    return None
