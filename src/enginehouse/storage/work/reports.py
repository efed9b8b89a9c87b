"""`finish` records the reports of attempts, with everything that follows, in one transaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple, assert_never

from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.retry import Again, FailureKind
from enginehouse.domain.settlement import Settlement
from enginehouse.domain.settlement_rows import Missing, TaskState
from enginehouse.domain.status import JOB_ENDED
from enginehouse.domain.times import SECOND
from enginehouse.domain.totals import ATTEMPT_TIME, ATTEMPTS, LEASES_LOST
from enginehouse.domain.work import (
    Accepted,
    Answer,
    Done,
    Failed,
    ItemKey,
    ItemState,
    Outcome,
    Postponed,
    Report,
    Stale,
)
from enginehouse.storage import attempts
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.database.facts import AttemptEnd
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import stops
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import job_locks
from enginehouse.storage.work import settlement as work_settlement
from enginehouse.storage.work.job_locks import LockedJob
from enginehouse.storage.work.results import publish_results

LATE_RESULT: Final = "late_result"  # the reason why an attempt with a result counts as stopped


class HeldItem(NamedTuple):
    """An item that a report's token still leases, and the changing part of its task. `read_at`: when it was read."""

    job_id: int
    ordinal: int
    item: int
    token: int
    organization_id: int
    attempts: int
    failures: int
    lost: int
    worker: str
    started_at: int
    stop_requested_at: int | None
    stop_signalled_at: int | None
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
    read_at: int


Held = dict[tuple[ItemKey, int], HeldItem]
"""The items by the key and the token of their report."""

_HELD: Final = Select("work.held", HeldItem)


async def finish(tx: Tx, plans: Plans, reports: Sequence[Report]) -> list[Answer]:
    """Accepts every report whose lease is still held, with everything that follows. Any other report is Stale.

    All jobs are locked first, in key order. Otherwise two parents that finish at once would each see the other as
    unfinished, and their child would be lost.
    """
    barrier_lock.require_shared(tx)
    ids = {report.key.job_id for report in reports}
    jobs = await job_locks.lock(tx, ids)
    if halted := [job for job in jobs.values() if job.halted and not job.cancelled and job.status not in JOB_ENDED]:
        # An open bulk cancel also stops running jobs, and is not applied to these yet.
        await tx.read_clock()
        await stops.stop_jobs(tx, halted)
        jobs = await job_locks.lock(tx, ids)
    held = await _held(tx, reports)
    accepted = [report for report in reports if (report.key, report.token) in held and report.key.job_id in jobs]
    if not accepted:
        return [Stale() for _ in reports]
    loaded = await plans.load(
        tx, job_locks.revisions(jobs[job_id] for job_id in {report.key.job_id for report in accepted})
    )
    await publish_results(tx, accepted, jobs, loaded)
    retries: dict[int, int | None] = {}
    if any(isinstance(report.outcome, Failed) for report in accepted):
        organizations = sorted({job.organization_id for job in jobs.values()})
        retries = dict(await tx.all("work.organization_retries", ids=organizations))
    by_job: dict[int, list[Report]] = defaultdict(list)
    # Results come before failures: a failure may end the task, and must not make an accepted result too late.
    for report in sorted(accepted, key=lambda report: isinstance(report.outcome, Failed)):
        by_job[report.key.job_id].append(report)
    tasks = await _first_tasks(tx, by_job, held, loaded)
    settlements = []
    answers: dict[tuple[ItemKey, int], Answer] = {}
    for job_id, job_reports in by_job.items():
        job = jobs[job_id]
        settlement, of_job = await _settle(
            tx, job, tasks[job_id], loaded[job_id], job_reports, held, retries.get(job.organization_id)
        )
        settlements.append(settlement)
        answers |= of_job
    await _write_ends(tx, accepted, held, answers, settlements)
    await work_settlement.write(tx, settlements)
    for settlement in settlements:
        if settlement.job.status in JOB_ENDED:
            plans.forget(settlement.job.id)
    return [answers.get((report.key, report.token), Stale()) for report in reports]


async def _held(tx: Tx, reports: Sequence[Report]) -> Held:
    rows = await _HELD.each(tx, [(*report.key, report.token) for report in reports])
    if rows:
        tx.set_now(rows[0].read_at)  # after the jobs were locked
    return {(ItemKey(row.job_id, row.ordinal, row.item), row.token): row for row in rows}


async def _first_tasks(
    tx: Tx, by_job: dict[int, list[Report]], held: Held, loaded: dict[int, tuple[Plan, Edges]]
) -> dict[int, dict[int, TaskState]]:
    """Returns the finished tasks, their children and standbys. This is enough unless an end spreads further."""
    known = {(row.job_id, row.ordinal): row for row in held.values()}
    near = set[tuple[int, int]]()
    for job_id, reports in by_job.items():
        _, edges = loaded[job_id]
        for ordinal in {report.key.ordinal for report in reports}:
            near.update((job_id, child) for child in edges.children[ordinal])
            if (standby := edges.standbys[ordinal]) is not None:
                near.add((job_id, standby))
    states = await work_settlement.task_states(tx, near - known.keys())
    for (job_id, ordinal), row in known.items():
        states[job_id][ordinal] = work_settlement.task_state(row)
    return states


async def _settle(
    tx: Tx,
    job: LockedJob,
    tasks: dict[int, TaskState],
    loaded: tuple[Plan, Edges],
    reports: list[Report],
    held: Held,
    retries: int | None,
) -> tuple[Settlement, dict[tuple[ItemKey, int], Answer]]:
    """Settles one job's reports. Starts over with more rows each time the settlement raises Missing."""
    settlement = Settlement(job_locks.state(job), tasks, *loaded, now=tx.now)
    while True:
        try:
            return settlement, _tell(settlement, reports, held, retries)
        except Missing as missing:
            ordinals, chunks = await work_settlement.more(tx, job.id, loaded[1], missing, settlement)
            again = await work_settlement.task_states(tx, ((job.id, ordinal) for ordinal in ordinals))
            settlement = Settlement(job_locks.state(job), again[job.id], *loaded, now=tx.now, chunks=chunks)


def _tell(
    settlement: Settlement, reports: list[Report], held: Held, retries: int | None
) -> dict[tuple[ItemKey, int], Answer]:
    answers: dict[tuple[ItemKey, int], Answer] = {}
    for report in reports:
        row = held[report.key, report.token]
        item = ItemState(row.ordinal, row.item, attempts=row.attempts, failures=row.failures, lost=row.lost)
        if settlement.job.cancelled:
            answers[report.key, report.token] = _stopped(settlement, item, report.outcome)
            continue
        before = len(settlement.new_items)
        again_at = None
        if settlement.is_over(item.ordinal):
            continue
        match report.outcome:
            case Done(outputs):
                settlement.completed(item, [(output.folder, output.part) for output in outputs])
            case Failed() as end:
                verdict = settlement.failed(item, end, organization_retries=retries)
                again_at = verdict.at if isinstance(verdict, Again) else None
            case Postponed(seconds):
                again_at = settlement.postponed(item, seconds)
            case unknown:
                assert_never(unknown)
        answers[report.key, report.token] = Accepted(
            job_ended=settlement.has_ended(), runnable=len(settlement.new_items) - before, again_at=again_at
        )
    return answers


def _stopped(settlement: Settlement, item: ItemState, outcome: Outcome) -> Answer:
    match outcome:
        case Done() | Postponed():
            settlement.stopped(item, LATE_RESULT)
            return Stale(job_ended=settlement.has_ended())
        case Failed(kind):
            settlement.stopped(item, kind.value)
            return Accepted(job_ended=settlement.has_ended())
        case unknown:
            assert_never(unknown)


async def _write_ends(
    tx: Tx,
    reports: Sequence[Report],
    held: Held,
    answers: dict[tuple[ItemKey, int], Answer],
    settlements: Sequence[Settlement],
) -> None:
    """Stores the ended attempts. Deletes their items, or frees an item if another attempt follows."""
    requeues = {
        ItemKey(settlement.job.id, requeue.item.ordinal, requeue.item.item): requeue
        for settlement in settlements
        for requeue in settlement.requeues
    }
    rows = [
        _attempt_row(
            report,
            held[report.key, report.token],
            too_late=(report.key, report.token) not in answers,
            now=tx.now,
        )
        for report in reports
    ]
    await attempts.insert(tx, rows)
    _note(tx, reports, held, rows, {each.job.id: each.plan for each in settlements}, requeues)
    await tx.many("work.delete_items", [tuple(report.key) for report in reports if report.key not in requeues])
    await tx.many(
        "work.release_items",
        [(*key, requeue.at, requeue.failures, requeue.lost) for key, requeue in sorted(requeues.items())],
    )
    polls = [
        (*report.key, report.outcome.payload)
        for report in reports
        if isinstance(report.outcome, Postponed) and report.outcome.payload is not None and report.key in requeues
    ]
    await tx.many("task_updates.set_polls", polls)


def _note(
    tx: Tx,
    reports: Sequence[Report],
    held: Held,
    rows: Sequence[Row],
    plans: Mapping[int, Plan],
    again: Collection[ItemKey],
) -> None:
    """The attempts have ended: others learn it after the commit. The items `again` are tried again."""
    facts = tx.facts
    for report, row in zip(reports, rows, strict=True):
        item, outcome = held[report.key, report.token], str(row[_OUTCOME])
        engine_id = plans[report.key.job_id].tasks[report.key.ordinal].engine_id
        facts.totals.add(ATTEMPTS, engine_id, outcome)
        facts.totals.observe(ATTEMPT_TIME, max(0, tx.now - item.started_at) / SECOND, engine_id)
        reason = report.outcome.kind.value if isinstance(report.outcome, Failed) else None
        facts.attempts.append(
            AttemptEnd(
                *report.key, item.attempts, engine_id, item.worker, item.started_at, tx.now, outcome, reason,
                report.key in again,
            )
        )  # fmt: skip
        if outcome == "lost":
            facts.totals.add(LEASES_LOST)


def _attempt_row(report: Report, item: HeldItem, *, too_late: bool, now: int) -> Row:
    """Returns the row of an ended attempt. `too_late`: its task had ended before."""
    requested, signalled = item.stop_requested_at, item.stop_signalled_at
    match report.outcome:
        case Done():
            outcome, reason, message = "complete", None, None
        case Failed(kind, text):
            outcome, reason, message = _OUTCOMES.get(kind, "failed"), kind.value, text
        case Postponed():
            outcome, reason, message = "postponed", None, None
        case unknown:
            assert_never(unknown)
    if too_late:
        outcome, reason, message = "stopped", None, "The task had already ended."
    elif requested is not None:
        outcome = "stopped"
        if not isinstance(report.outcome, Failed):
            reason, message = LATE_RESULT, "The job had been cancelled; what the engine answered was refused."
        elif report.outcome.kind is FailureKind.STOP_REQUESTED and signalled is None:
            signalled = now  # it ended before the signal could be recorded
    return (
        *report.key, item.attempts, item.token, item.worker, item.started_at, now, outcome, reason, message,
        requested, signalled,
    )  # fmt: skip


_OUTCOME: Final = 8  # the place of the outcome in the row of an attempt
_OUTCOMES: Final = {
    FailureKind.WORKER_LOST: "lost",
    FailureKind.SERVER_STOPPED: "stopped",
    FailureKind.NOT_STARTED: "stopped",
    FailureKind.STOP_REQUESTED: "stopped",
    FailureKind.ENGINE_UNAVAILABLE: "stopped",
    FailureKind.STORE_UNAVAILABLE: "stopped",
}
