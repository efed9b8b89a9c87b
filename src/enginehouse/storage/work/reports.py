"""Claim, heartbeat, finish: the three plural verbs of whoever runs work, each one transaction."""

from collections import defaultdict
from collections.abc import Sequence
from typing import assert_never

import msgspec

from enginehouse.domain.job import Plan, Shape
from enginehouse.domain.retry import Again, FailureKind
from enginehouse.domain.settlement import Missing, Settlement, TaskState
from enginehouse.domain.status import JOB_ENDED
from enginehouse.domain.work import (
    Accepted,
    Answer,
    Done,
    Failed,
    ItemKey,
    ItemState,
    NewArtifact,
    Report,
    Stale,
)
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.jobs import stops
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import settlement as work_settlement

LATE_RESULT = "late_result"  # why an attempt that did answer counts as stopped
_json = msgspec.json.Encoder().encode


async def finish(tx: Tx, plans: Plans, reports: Sequence[Report]) -> list[Answer]:
    """Every report made under a lease still held is accepted with all that follows; any other answers Stale.

    Jobs are locked first, all of them, in key order: two parents finishing at once would otherwise both see the other
    one unfinished, and their child would be lost.
    """
    barrier_lock.require_shared(tx)
    ids = sorted({report.key.job_id for report in reports})
    locked = await tx.all("work.lock_jobs", ids=ids)
    await tx.read_clock()
    if halted := [row for row in locked if row[14] and not row[3] and row[2] not in JOB_ENDED]:
        # An open bulk cancel includes what runs, and its settling has not come to these yet.
        await stops.stop_jobs(tx, halted)
        locked = await tx.all("work.lock_jobs", ids=ids)
    jobs = {row[0]: row for row in locked}
    held = await _held(tx, reports)
    accepted = [report for report in reports if (report.key, report.token) in held and report.key.job_id in jobs]
    if not accepted:
        return [Stale() for _ in reports]
    # No result of a cancelled job counts, not even one that was under way when it was cancelled.
    await _write_artifacts(tx, [report for report in accepted if not jobs[report.key.job_id][3]])
    loaded = await plans.load(tx, {report.key.job_id for report in accepted})
    retries = {
        row[0]: row[1]
        for row in await tx.all("work.organization_retries", ids=sorted({row[1] for row in jobs.values()}))
    }
    by_job: dict[int, list[Report]] = defaultdict(list)
    # Results before failures: a failure may end the task, and what was accepted beside it must not come too late.
    for report in sorted(accepted, key=lambda report: isinstance(report.outcome, Failed)):
        by_job[report.key.job_id].append(report)
    tasks = await work_settlement.task_states(tx, _first_look(by_job, loaded))
    settlements = []
    answers: dict[tuple[ItemKey, int], Answer] = {}
    for job_id, job_reports in by_job.items():
        settlement, told = await _settle(
            tx, jobs[job_id], tasks[job_id], loaded[job_id], job_reports, held, retries.get(jobs[job_id][1])
        )
        settlements.append(settlement)
        answers |= told
    await _write_ends(tx, accepted, held, answers, settlements)
    await work_settlement.write(tx, settlements)
    return [answers.get((report.key, report.token), Stale()) for report in reports]


async def _held(tx: Tx, reports: Sequence[Report]) -> dict[tuple[ItemKey, int], Row]:
    rows = await tx.each("work.held", [(*report.key, report.token) for report in reports])
    return {(ItemKey(row[0], row[1], row[2]), row[3]): row for row in rows}


def _first_look(by_job: dict[int, list[Report]], loaded: dict[int, tuple[Plan, Shape]]) -> set[tuple[int, int]]:
    """The finished tasks, their children and standbys: enough unless an end spreads further."""
    keys = set[tuple[int, int]]()
    for job_id, reports in by_job.items():
        _, edges = loaded[job_id]
        for ordinal in {report.key.ordinal for report in reports}:
            keys.add((job_id, ordinal))
            keys.update((job_id, child) for child in edges.children[ordinal])
            if (standby := edges.standbys[ordinal]) is not None:
                keys.add((job_id, standby))
    return keys


async def _settle(
    tx: Tx,
    job: Row,
    tasks: dict[int, TaskState],
    loaded: tuple[Plan, Shape],
    reports: list[Report],
    held: dict[tuple[ItemKey, int], Row],
    retries: int | None,
) -> tuple[Settlement, dict[tuple[ItemKey, int], Answer]]:
    """The settlement of one job's reports; started over with more rows for as long as it asks for them."""
    settlement = Settlement(work_settlement.job_state(job), tasks, *loaded, now=tx.now)
    while True:
        try:
            return settlement, _tell(settlement, reports, held, retries)
        except Missing as missing:
            ordinals, chunks = await work_settlement.more(tx, job[0], loaded[1], missing, settlement)
            again = await work_settlement.task_states(tx, ((job[0], ordinal) for ordinal in ordinals))
            settlement = Settlement(work_settlement.job_state(job), again[job[0]], *loaded, now=tx.now, chunks=chunks)


def _tell(
    settlement: Settlement, reports: list[Report], held: dict[tuple[ItemKey, int], Row], retries: int | None
) -> dict[tuple[ItemKey, int], Answer]:
    answers: dict[tuple[ItemKey, int], Answer] = {}
    for report in reports:
        row = held[report.key, report.token]
        item = ItemState(report.key.ordinal, report.key.item, attempts=row[5], failures=row[6], lost=row[7])
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
            case Failed(kind, message):
                verdict = settlement.failed(item, kind, message, organization_retries=retries)
                again_at = verdict.at if isinstance(verdict, Again) else None
            case unknown:
                assert_never(unknown)
        answers[report.key, report.token] = Accepted(
            job_ended=settlement.has_ended(), runnable=len(settlement.new_items) - before, again_at=again_at
        )
    return answers


def _stopped(settlement: Settlement, item: ItemState, outcome: Done | Failed) -> Answer:
    match outcome:
        case Done():
            settlement.stopped(item, LATE_RESULT)
            return Stale(job_ended=settlement.has_ended())
        case Failed(kind, _):
            settlement.stopped(item, kind.value)
            return Accepted(job_ended=settlement.has_ended())
        case unknown:
            assert_never(unknown)


async def _write_ends(
    tx: Tx,
    reports: Sequence[Report],
    held: dict[tuple[ItemKey, int], Row],
    answers: dict[tuple[ItemKey, int], Answer],
    settlements: Sequence[Settlement],
) -> None:
    """The attempts are history; their items are gone, or free again where another attempt will come."""
    now = tx.now
    later = {
        ItemKey(each.job.id, again.item.ordinal, again.item.item): again for each in settlements for again in each.later
    }
    gone, attempts = list[Row](), list[Row]()
    for report in reports:
        row = held[report.key, report.token]
        requested, signalled = row[10], row[11]
        match report.outcome:
            case Done():
                outcome, reason, message = "complete", None, None
            case Failed(kind, text):
                outcome, reason, message = _OUTCOMES.get(kind, "failed"), kind.value, text
            case unknown:
                assert_never(unknown)
        if (report.key, report.token) not in answers:
            outcome, reason, message = "stopped", None, "The task had already ended."
        elif requested is not None:
            outcome = "stopped"
            if isinstance(report.outcome, Done):
                reason, message = LATE_RESULT, "The job had been cancelled; what the engine answered was refused."
            elif report.outcome.kind is FailureKind.STOP_REQUESTED and signalled is None:
                signalled = now  # it ended before word of the signal could be written down
        attempts.append(
            (*report.key, row[5], report.token, row[8], row[9], now, outcome, reason, message, requested, signalled)
        )
        if report.key not in later:
            gone.append(tuple(report.key))
    await tx.many("work.insert_attempts", attempts)
    await tx.many("work.delete_items", gone)
    await tx.many(
        "work.release_items", [(*key, again.at, again.failures, again.lost) for key, again in sorted(later.items())]
    )


_OUTCOMES = {
    FailureKind.WORKER_LOST: "lost",
    FailureKind.SERVER_STOPPED: "stopped",
    FailureKind.STOP_REQUESTED: "stopped",
}


async def _write_artifacts(tx: Tx, reports: Sequence[Report]) -> None:
    """The outputs of accepted attempts are visible; a later settlement of this transaction reads them."""
    rows = [
        _artifact_row(report.key, output, tx.now)
        for report in reports
        if isinstance(report.outcome, Done)
        for output in report.outcome.outputs
    ]
    await tx.many("work.insert_artifacts", rows)


def _artifact_row(key: ItemKey, output: NewArtifact, now: int) -> Row:
    metadata = _json(output.metadata).decode() if output.metadata else None
    return (
        key.job_id, key.ordinal, output.folder, key.item, output.part, output.index, output.name, output.media_type,
        output.size, output.sha256, output.key, output.start_ms, output.stop_ms, metadata, now,
    )  # fmt: skip
