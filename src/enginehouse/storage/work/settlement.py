"""Reads the rows of tasks for a settlement and writes its result: after creation the only writer of task statuses."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.event import CANCELLED, JOB, OF_JOB, Detail, EventKind
from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.settlement import Missing, Settlement, TaskState
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Source
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.work import held_items

NO_DUE_DATE = 9_223_372_036_854_775_807
_json = msgspec.json.Encoder().encode


class TaskRow(NamedTuple):
    """The changing part of a task."""

    job_id: int
    ordinal: int
    status: str
    waits_for: int
    items: int
    items_open: int
    items_running: int
    items_failed: int
    failure_reason: str | None
    failure_message: str | None


class OutputRow(NamedTuple):
    """A visible output, by its key."""

    job_id: int
    ordinal: int
    folder: int
    item: int
    part: int


_TASKS: Final = Select("work.tasks_of", TaskRow)
_OUTPUTS: Final = Select("work.outputs_in", OutputRow)


async def task_states(tx: Tx, keys: Iterable[tuple[int, int]]) -> dict[int, dict[int, TaskState]]:
    """The tasks' rows by job and ordinal. Their jobs must be locked."""
    states: dict[int, dict[int, TaskState]] = defaultdict(dict)
    for row in await _TASKS.each(tx, sorted(set(keys))):
        states[row.job_id][row.ordinal] = TaskState(
            ordinal=row.ordinal,
            status=TaskStatus(row.status),
            waits_for=row.waits_for,
            items=row.items,
            items_open=row.items_open,
            items_running=row.items_running,
            items_failed=row.items_failed,
            failure_reason=row.failure_reason,
            failure_message=row.failure_message,
        )
    return states


async def more(
    tx: Tx, job_id: int, edges: Edges, missing: Missing, had: Settlement
) -> tuple[set[int], dict[int, list[Source]]]:
    """What `missing` asks for: the ordinals to read next time, and the chunks routed to a task so far."""
    chunks = dict(had.chunks)
    for child in missing.chunks:
        chunks[child] = await _routed_chunks(tx, job_id, child, edges)
    return set(had.tasks) | set(missing.tasks), chunks


async def _routed_chunks(tx: Tx, job_id: int, child: int, edges: Edges) -> list[Source]:
    into: dict[tuple[int, int], list[int]] = defaultdict(list)
    for parent in edges.parents[child]:
        for folder, to, to_folder in edges.feeds[parent]:
            if to == child:
                into[parent, folder].append(to_folder)
    return [
        Source(to_folder, row.ordinal, row.folder, row.item, row.part)
        for row in await _OUTPUTS.each(tx, [(job_id, ordinal, folder) for ordinal, folder in into])
        for to_folder in into[row.ordinal, row.folder]
    ]


async def write(
    tx: Tx,
    settlements: Sequence[Settlement],
    *,
    attempts: dict[tuple[int, int], int] | None = None,
    started: bool = False,
) -> int:
    """Tasks, items, job rows, events and counts say what the settlements found; answers how many items are new.

    `attempts` adds to a task's attempts by (job, ordinal); `started` stamps starts instead of ends.
    """
    now, attempts = tx.now, attempts or {}
    task_rows: list[Row] = []
    item_rows: list[Row] = []
    freed: list[tuple[int, int]] = []
    event_rows: list[Row] = []
    dropped: list[Row] = []
    for settlement in settlements:
        job_id = settlement.job.id
        task_rows += (
            _task_row(job_id, task, now, attempts.get((job_id, task.ordinal), 0), started=started)
            for task in settlement.changed
        )
        item_rows += _item_rows(settlement, now)
        freed += held_items.freed(settlement)
        event_rows += (event_row(job_id, ordinal, kind, now, detail) for ordinal, kind, detail in settlement.events)
        dropped += ((job_id, ordinal) for ordinal in settlement.dropped)
    await tx.many("work.set_tasks", task_rows)
    await tx.many("work.delete_items_of_tasks", dropped)
    await held_items.release(tx, freed)
    await tx.many("work.insert_items", item_rows)
    event_rows += await _write_jobs(tx, settlements, started=started)
    await tx.many("work.insert_events", event_rows)
    return len(item_rows)


def _item_rows(settlement: Settlement, now: int) -> Iterable[Row]:
    if not settlement.new_items:
        return ()
    job, held = settlement.job, held_items.of_new_items(settlement)
    return (
        item_row(settlement.plan, job.id, job.organization_id, ordinal, item, source, now, held.get((ordinal, item), 0))
        for ordinal, item, source in settlement.new_items
        if ordinal not in settlement.dropped
    )


async def _write_jobs(tx: Tx, settlements: Sequence[Settlement], *, started: bool) -> list[Row]:
    now, barrier = tx.now, None
    job_rows, stopped_rows, event_rows = list[Row](), list[Row](), list[Row]()
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for settlement in settlements:
        job, status = settlement.job, settlement.status()
        since = None
        if settlement.may_be_cancelled():
            if barrier is None:
                barrier = await last_barrier(tx)
            since = barrier
        ended = now if settlement.has_ended() else None
        if job.cancelled:
            stopped_rows.append((job.id, job.stopping, ended))
            ended = None
        job_rows.append(
            (job.id, status.value, since, job.queued, job.running, job.complete, job.failed, job.aborted,
             now if started else None, ended, now)
        )  # fmt: skip
        if status is not job.status:
            if (kind := OF_JOB.get(status)) is not None:
                said = Detail(reason=CANCELLED) if status is JobStatus.ABORTED else None
                event_rows.append(event_row(job.id, JOB, kind, now, said))
            counts[job.organization_id, job.status.value] -= 1
            counts[job.organization_id, status.value] += 1
            job.status = status
    await tx.many("work.set_jobs", job_rows)
    await tx.many("stops.set_stopped", stopped_rows)
    await count_jobs(tx, counts)
    return event_rows


def event_row(job_id: int, ordinal: int, kind: EventKind, at: int, detail: Detail | None = None) -> Row:
    """The row of an event, for `work.insert_events`. Whoever writes it holds the job's lock: that keeps their order."""
    return (job_id, ordinal, kind.value, at, None if detail is None else _json(detail).decode())


async def last_barrier(tx: Tx) -> int:
    """The id of the last bulk cancel, 0 before the first. The shared barrier lock must be held."""
    [(barrier_id,)] = await tx.all("work.last_barrier")
    return int(barrier_id)


async def count_jobs(tx: Tx, changes: dict[tuple[int, str], int]) -> None:
    """The organization's counts have moved; in key order, so that two writers of one shard never wait crosswise."""
    rows = [(org, status, tx.shard, by) for (org, status), by in sorted(changes.items()) if by]
    await tx.many("work.count_jobs", rows)


def item_row(
    plan: Plan, job_id: int, organization_id: int, ordinal: int, item: int, source: Source, now: int, held: int = 0
) -> Row:
    """The row of a new work item, runnable at once unless it is held."""
    task = plan.tasks[ordinal]
    due = task.due_at if task.due_at is not None else NO_DUE_DATE
    return (
        job_id, ordinal, item, organization_id, task.pool, task.engine_id, task.priority, due, now,
        source.folder, source.ordinal, source.output_folder, source.item, source.part, held,
    )  # fmt: skip


def _task_row(job_id: int, task: TaskState, now: int, attempts: int, *, started: bool) -> Row:
    return (
        job_id, task.ordinal, task.status.value, task.waits_for, task.items, task.items_open, task.items_running,
        task.items_failed, task.failure_reason, task.failure_message, now if started else None, now, attempts, now,
    )  # fmt: skip
