"""Reads the rows of tasks for a settlement and writes its result. After creation no other code writes task statuses."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from enginehouse.domain.artifact import pushed_folder
from enginehouse.domain.event import CANCELLED, JOB, OF_JOB, Detail, EventKind
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.settlement import Settlement
from enginehouse.domain.settlement_rows import JobState, Missing, TaskState
from enginehouse.domain.status import JOB_ENDED, JobStatus, TaskStatus
from enginehouse.domain.totals import JOB_START, JOB_TIME, TASKS_ENDED
from enginehouse.domain.work import ItemSource
from enginehouse.storage import artifacts, events
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.database.facts import JobEnd
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import counts, failure_counts, rates
from enginehouse.storage.jobs.counts import CountChanges
from enginehouse.storage.outbox import ends
from enginehouse.storage.pushes import traces
from enginehouse.storage.work import held_items, work_items


class TaskFields(Protocol):
    """A row with the changing part of a task (`{task_state:t}` in SQL)."""

    @property
    def ordinal(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def waits_for(self) -> int: ...
    @property
    def items(self) -> int: ...
    @property
    def items_open(self) -> int: ...
    @property
    def items_running(self) -> int: ...
    @property
    def items_failed(self) -> int: ...
    @property
    def failure_reason(self) -> str | None: ...
    @property
    def failure_message(self) -> str | None: ...
    @property
    def attempts_before(self) -> int: ...
    @property
    def deleted_at(self) -> int | None: ...


class TaskStateRow(NamedTuple):
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
    attempts_before: int
    deleted_at: int | None


_TASKS: Final = Select("work.tasks_of", TaskStateRow)
_WORDS: Final = {status.value: status for status in TaskStatus}
_ENDS: Final = {EventKind.COMPLETED: "complete", EventKind.FAILED: "failed", EventKind.ABORTED: "aborted"}


async def task_states(tx: Tx, keys: Iterable[tuple[int, int]]) -> dict[int, dict[int, TaskState]]:
    """Returns the tasks' rows by job and ordinal. Their jobs must be locked."""
    states: dict[int, dict[int, TaskState]] = defaultdict(dict)
    for row in await _TASKS.each(tx, sorted(set(keys))):
        states[row.job_id][row.ordinal] = task_state(row)
    return states


def task_state(row: TaskFields) -> TaskState:
    """Returns the task of a row that was read under the lock of its job."""
    state = TaskState(
        ordinal=row.ordinal,
        status=_WORDS[row.status],
        waits_for=row.waits_for,
        items=row.items,
        items_open=row.items_open,
        items_running=row.items_running,
        items_failed=row.items_failed,
        failure_reason=row.failure_reason,
        failure_message=row.failure_message,
        attempts_before=row.attempts_before,
    )
    if row.deleted_at is None:
        state.counted, state.was_unended = state.kind(), state.is_unended()
    return state


async def more(
    tx: Tx, job_id: int, edges: Edges, missing: Missing, had: Settlement
) -> tuple[set[int], dict[int, list[ItemSource]]]:
    """Returns what `missing` needs: all ordinals to read next time, and all chunks by the task they are routed to."""
    chunks = dict(had.chunks)
    for child in missing.chunks:
        chunks[child] = await _routed_chunks(tx, job_id, child, edges)
    return set(had.tasks) | set(missing.tasks), chunks


async def _routed_chunks(tx: Tx, job_id: int, child: int, edges: Edges) -> list[ItemSource]:
    into: dict[tuple[int, int], list[int]] = defaultdict(list)
    for parent in edges.parents[child]:
        for folder, to, to_folder in edges.feeds[parent]:
            if to == child:
                into[parent, folder].append(to_folder)
    for position in edges.pushes[child]:
        into[child, pushed_folder(position)].append(position)
    return [
        ItemSource(to_folder, row.ordinal, row.folder, row.item, row.part)
        for row in await artifacts.keys_in(tx, [(job_id, ordinal, folder) for ordinal, folder in into])
        for to_folder in into[row.ordinal, row.folder]
    ]


async def write(
    tx: Tx,
    settlements: Sequence[Settlement],
    *,
    started: Mapping[tuple[int, int], int] | None = None,
    changes: CountChanges | None = None,
) -> int:
    """Writes the results of the settlements to tasks, items, jobs, events and counts. Returns the number of new items.

    `started`: so many attempts of each task (job, ordinal) have started, and nothing else has happened. With `changes`
    it adds to these, and does not write the counts.
    """
    now, counted = tx.now, changes or CountChanges()
    task_rows: list[Row] = []
    item_rows: list[Row] = []
    freed: list[tuple[int, int]] = []
    event_rows: list[Row] = []
    dropped: list[Row] = []
    failing = list[Settlement]()
    for settlement in settlements:
        job_id = settlement.job.id
        if started is None:
            task_rows += [_task_row(job_id, task, now) for task in settlement.changed]
        else:
            task_rows += [
                (job_id, task.ordinal, task.items_running, started[job_id, task.ordinal], now)
                for task in settlement.changed
            ]
        if _count_tasks(counted, settlement):
            failing.append(settlement)
        item_rows += _item_rows(settlement, now)
        freed += held_items.freed(settlement)
        event_rows += (events.row(job_id, ordinal, kind, now, detail) for ordinal, kind, detail in settlement.events)
        dropped += ((job_id, ordinal) for ordinal in settlement.dropped)
        for ordinal, kind, _ in settlement.events:
            if kind in _ENDS and ordinal != JOB:
                tx.facts.totals.add(TASKS_ENDED, settlement.plan.tasks[ordinal].engine_id, _ENDS[kind])
    if failing:
        await failure_counts.follow(tx, counted, failing)
    await tx.many("work.set_tasks" if started is None else "work.start_tasks", task_rows)
    await tx.many("work.delete_items_of_tasks", dropped)
    await held_items.release(tx, freed)
    await work_items.insert(tx, item_rows)
    await traces.follow(tx, [each for each in settlements if each.edges.has_sync])
    job_events = await _write_jobs(tx, settlements, counted, started=started is not None)
    if changes is None:
        await counts.add(tx, counted)
    event_rows += job_events
    await events.insert(tx, event_rows)
    if any(settlement.job.listeners for settlement in settlements):
        kinds = {job_id: EventKind(kind) for job_id, _, kind, *_ in job_events}
        told = [end for each in settlements for end in ends.of_settlement(each, kinds.get(each.job.id))]
        await ends.record(tx, told)
    return len(item_rows)


def _item_rows(settlement: Settlement, now: int) -> Iterable[Row]:
    if not settlement.new_items:
        return ()
    job, plan, edges = settlement.job, settlement.plan, settlement.edges
    held = held_items.of_new_items(settlement)
    return (
        work_items.row(
            plan,
            edges,
            job.id,
            job.organization_id,
            ordinal,
            item,
            source,
            now,
            held.get((ordinal, item), 0),
            settlement.tasks[ordinal].attempts_before,
        )
        for ordinal, item, source in settlement.new_items
        if ordinal not in settlement.dropped
    )


def _count_tasks(changes: CountChanges, settlement: Settlement) -> bool:
    """Counts what the tasks are now. A new task of the job was counted as one that waits.

    Returns True if a task has failed, or has not any more.
    """
    job, failing = settlement.job, False
    for task in settlement.changed:
        if (was := task.counted) is None:
            continue
        if (now := task.kind()) != was:
            changes.moved[job.organization_id, settlement.plan.tasks[task.ordinal].engine_id, was, now] += 1
            job.ready += now[2] - was[2]
            failing = failing or now[1] != was[1]
        if job.cancelled:
            changes.hide(job.organization_id, was, -task.was_unended)
            changes.hide(job.organization_id, now, task.is_unended())
    return failing


async def _write_jobs(tx: Tx, settlements: Sequence[Settlement], changes: CountChanges, *, started: bool) -> list[Row]:
    now, barrier = tx.now, None
    job_rows, stopped_rows, event_rows = list[Row](), list[Row](), list[Row]()
    for settlement in settlements:
        job, status = settlement.job, settlement.status()
        since = None
        if settlement.may_be_cancelled():
            if barrier is None:
                barrier = await barriers.last(tx)
            since = barrier
        ended = now if settlement.has_ended() else None
        if job.cancelled:
            stopped_rows.append((job.id, job.stopping, ended))
            ended = None
        job_rows.append(
            (job.id, status._value_, since, job.queued, job.running, job.complete, job.failed, job.aborted,
             job.ready, now if started else None, ended, now)
        )  # fmt: skip
        if status is not job.status:
            reopened = job.status in JOB_ENDED and status not in JOB_ENDED
            if (kind := EventKind.REQUEUED if reopened else OF_JOB.get(status)) is not None:
                said = Detail(reason=CANCELLED) if status is JobStatus.ABORTED else None
                event_rows.append(events.row(job.id, JOB, kind, now, said))
            changes.move(job.organization_id, job.status.value, status)
            if (move := rates.MOVES.get(status)) is not None:
                changes.moves[job.organization_id, move] += 1
                _note(tx, job, status)
            job.status = status
    await tx.many("work.set_jobs", job_rows)
    await tx.many("work.set_stopped", stopped_rows)
    return event_rows


def _note(tx: Tx, job: JobState, status: JobStatus) -> None:
    """The job has started or ended: others learn it after the commit."""
    facts, end = tx.facts, JobEnd.of(job.id, job.organization_id, status, tasks=job.total, at=tx.now)
    if status is JobStatus.RUNNING:
        if job.status not in JOB_ENDED:  # else it was put back, and has started before
            facts.totals.observe(JOB_START, end.seconds)
    else:
        facts.totals.observe(JOB_TIME, end.seconds, status.value)
        facts.ends.append(end)


def _task_row(job_id: int, task: TaskState, now: int) -> Row:
    return (
        job_id, task.ordinal, task.status._value_, task.waits_for, task.items, task.items_open, task.items_running,
        task.items_failed, task.failure_reason, task.failure_message, now,
    )  # fmt: skip
