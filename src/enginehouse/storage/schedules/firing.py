"""Schedules that are due: locked, decided and recorded together with the jobs they start, in one transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from enginehouse.domain.schedules.firing import Decision, Standing, decide
from enginehouse.domain.schedules.schedule import RunMode
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.jobs import creation, stops
from enginehouse.storage.jobs.new_jobs import NewJob
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.schedules import schedules
from enginehouse.storage.schedules.schedules import Schedule
from enginehouse.storage.work import job_locks

log = structlog.get_logger(__name__)

AFTER_TROUBLE: Final = 60_000_000  # µs


@dataclass(frozen=True, slots=True)
class Ready:
    """What a schedule of this version starts at each slot: the jobs with the templates they are made from.

    `fault` says why it cannot start anything; its slots are then skipped for that reason.
    """

    version: int
    jobs: Sequence[tuple[int, NewJob]] = ()
    fault: str | None = None


@dataclass(slots=True)
class Fired:
    """What one round has done; `organizations` have jobs that may start."""

    looked_at: int = 0
    organizations: set[int] = field(default_factory=set)
    jobs: list[int] = field(default_factory=list)
    stopping: list[int] = field(default_factory=list)


async def due(tx: Tx, *, limit: int) -> tuple[list[tuple[int, int]], int | None, int]:
    """The (schedule, version) to be looked at by now, when the first of all is, and what time it is."""
    now = await tx.read_clock()
    found = [(row[0], row[1]) for row in await tx.all("schedules.due", now=now, limit=limit)]
    row = await tx.one("schedules.next_at")
    return found, row[0] if row else None, now


async def fire(tx: Tx, plans: Plans, ready: Mapping[int, Ready]) -> Fired:
    """Every slot due by now of these schedules has been fired or recorded, once; their jobs exist.

    The row's lock is what makes it once: whoever holds it sees the cursor the last one left. A schedule that was
    changed since it was made ready is left for the next round, and one that another server holds is that server's.
    """
    barrier_lock.require_shared(tx)
    now = await tx.read_clock()
    if tx.dialect == "postgres":
        await tx.run("schedules.let_go_soon")
    rows = [schedules.schedule(row) for row in await tx.all("schedules.lock_due", ids=sorted(ready), now=now)]
    found = [row for row in rows if row.version == ready[row.id].version]
    if not found:
        return Fired()
    ids = [each.id for each in found]
    live: dict[int, list[int]] = defaultdict(list)
    for schedule_id, job_id in await tx.all("schedules.live_jobs", ids=ids):
        live[schedule_id].append(job_id)
    queued: dict[int, list[int]] = defaultdict(list)
    for schedule_id, slot in await tx.all("schedules.queued_slots", ids=ids):
        queued[schedule_id].append(slot)
    decisions = [(each, _decided(_standing(each, bool(live[each.id]), queued[each.id]), now)) for each in found]
    stopped = [job_id for each, decision in decisions if decision.stop_runs for job_id in live[each.id]]
    fired = Fired(looked_at=len(found), stopping=await _stop(tx, stopped))
    fired.jobs = await _start(tx, plans, decisions, ready)
    fired.organizations = {each.organization_id for each, decision in decisions if decision.fire}
    await _record(tx, decisions, ready, now)
    return fired


def _standing(each: Schedule, busy: bool, queued: list[int]) -> Standing:
    return Standing(
        schedule_id=each.id,
        mode=each.run_mode,
        timing=each.timing,
        rules=each.rules,
        anchor=each.anchor,
        decided=each.decided,
        stop=each.stop_at,
        launched=each.launched,
        busy=busy,
        queued=tuple(queued),
    )


def _decided(standing: Standing, now: int) -> Decision:
    """What the schedule does. One that cannot be worked out (its zone is gone from the data) does nothing for a while.

    It must not keep all others from firing, which share its transaction; nothing of it is lost meanwhile.
    """
    try:
        return decide(standing, now)
    except Exception:
        log.exception("a schedule cannot be worked out", schedule=standing.schedule_id)
        return Decision(decided=standing.decided, next_at=now + AFTER_TROUBLE)


async def _stop(tx: Tx, job_ids: list[int]) -> list[int]:
    """The runs are cancelled, with what of them is running."""
    if not job_ids:
        return []
    jobs = await job_locks.lock(tx, set(job_ids))
    open_ = [job for job in jobs.values() if not job.cancelled]
    await stops.stop_jobs(tx, open_)
    return [job.id for job in open_]


async def _start(
    tx: Tx,
    plans: Plans,
    decisions: Sequence[tuple[Schedule, Decision]],
    ready: Mapping[int, Ready],
) -> list[int]:
    starts = [
        (each.id, slot, template_id, job)
        for each, decision in decisions
        if ready[each.id].fault is None
        for slot in decision.fire
        for template_id, job in ready[each.id].jobs
    ]
    if not starts:
        return []
    made = await creation.create(tx, plans, [job for *_, job in starts])
    marks = [
        (job_id, schedule_id, slot, template_id)
        for (job_id, _), (schedule_id, slot, template_id, _) in zip(made, starts, strict=True)
    ]
    await creation.mark_origins(tx, marks)
    return [job_id for job_id, _ in made]


async def _record(tx: Tx, decisions: Sequence[tuple[Schedule, Decision]], ready: Mapping[int, Ready], now: int) -> None:
    slots, cursors = list[Row](), list[Row]()
    for each, decision in decisions:
        fault = ready[each.id].fault
        outcome = "fired" if fault is None else "skipped"
        slots += ((each.id, slot, outcome, slot, 1, fault, each.version, now) for slot in decision.fire)
        slots += ((each.id, slot, "queued", slot, 1, None, each.version, now) for slot in decision.queue)
        slots += (
            (each.id, run.first, "skipped", run.last, run.count, run.reason.value, each.version, now)
            for run in decision.skipped
        )
        started = len(decision.fire) if fault is None else 0
        left_out = sum(run.count for run in decision.skipped) + len(decision.fire) - started
        mode = RunMode.ONCE if decision.over else each.run_mode
        cursors.append((each.id, decision.decided, decision.next_at, len(decision.fire), started, left_out, mode.value))
    await tx.many("schedules.record_slots", slots)
    await tx.many("schedules.move", cursors)
