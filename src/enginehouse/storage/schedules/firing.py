"""Fires the due schedules: locks them, decides, creates their jobs and records the slots, in one transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from msgspec import structs

from enginehouse.domain.schedules.firing import Decision, ScheduleState, decide, state_of
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import RunMode
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.jobs import creation, stops
from enginehouse.storage.jobs.new_jobs import JobOrigin, NewJob
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.schedules import schedules
from enginehouse.storage.work import job_locks

log = structlog.get_logger(__name__)

AFTER_TROUBLE: Final = 60_000_000  # µs


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """What a schedule of this version starts at each slot: (template id, job) for each job.

    `fault` says why it cannot start anything; its slots are then skipped for this reason.
    """

    version: int
    jobs: Sequence[tuple[int, NewJob]] = ()
    fault: str | None = None


@dataclass(slots=True)
class Fired:
    """The result of one round; `organizations` have new jobs that may start."""

    looked_at: int = 0
    organizations: set[int] = field(default_factory=set)
    jobs: list[int] = field(default_factory=list)
    stopping: list[int] = field(default_factory=list)


async def due(tx: Tx, *, limit: int) -> tuple[list[tuple[int, int]], int | None, int]:
    """Returns the due (schedule, version) pairs, the earliest next time of all schedules, and the current time."""
    now = await tx.read_clock()
    rows = await tx.all("schedules.due", now=now, limit=limit)
    [(next_at,)] = await tx.all("schedules.next_at")
    return [(schedule_id, version) for schedule_id, version in rows], next_at, now


async def fire(tx: Tx, plans: Plans, launch_plans: Mapping[int, LaunchPlan]) -> Fired:
    """Fires or records every due slot of these schedules, once, and creates their jobs.

    The lock on the schedule's row ensures "once": its holder sees the cursor that the last holder stored. A schedule
    that changed after its launch was planned waits for the next round. A schedule that another server holds is skipped.
    """
    barrier_lock.require_shared(tx)
    now = await tx.read_clock()
    if tx.dialect == "postgres":
        await tx.run("schedules.let_go_soon")
    due_now = [
        each
        for each in await schedules.lock_due(tx, launch_plans, now)
        if each.version == launch_plans[each.id].version
    ]
    if not due_now:
        return Fired()
    ids = [each.id for each in due_now]
    live = await schedules.live_jobs(tx, ids)
    queued: dict[int, list[int]] = defaultdict(list)
    for schedule_id, slot in await tx.all("schedules.queued_slots", ids=ids):
        queued[schedule_id].append(slot)
    decisions = [
        (each, _decided(state_of(each, busy=bool(live[each.id]), queued=queued[each.id]), now)) for each in due_now
    ]
    stopped = [job_id for each, decision in decisions if decision.stop_runs for job_id in live[each.id]]
    fired = Fired(looked_at=len(due_now), stopping=await _stop(tx, stopped))
    fired.jobs = await _start(tx, plans, decisions, launch_plans)
    fired.organizations = {each.organization_id for each, decision in decisions if decision.fire}
    await _record(tx, decisions, launch_plans, now)
    return fired


def _decided(state: ScheduleState, now: int) -> Decision:
    """Returns what the schedule does. If that fails (its zone is gone from the data), it does nothing for a while.

    The error must not stop the other schedules in the transaction. No slot is lost meanwhile.
    """
    try:
        return decide(state, now)
    except Exception:
        log.exception("a schedule cannot be worked out", schedule=state.schedule_id)
        return Decision(decided=state.decided, next_at=now + AFTER_TROUBLE)


async def _stop(tx: Tx, job_ids: list[int]) -> list[int]:
    """Cancels these jobs, including their running attempts. Returns the jobs that were not cancelled before."""
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
    launch_plans: Mapping[int, LaunchPlan],
) -> list[int]:
    starts = [
        # Its origin counts it as a job of the schedule.
        structs.replace(job, origin=JobOrigin(each.id, slot, template_id))
        for each, decision in decisions
        if launch_plans[each.id].fault is None
        for slot in decision.fire
        for template_id, job in launch_plans[each.id].jobs
    ]
    if not starts:
        return []
    return [job_id for job_id, _ in await creation.create(tx, plans, starts)]


async def _record(
    tx: Tx, decisions: Sequence[tuple[Schedule, Decision]], launch_plans: Mapping[int, LaunchPlan], now: int
) -> None:
    slots, cursors = list[Row](), list[Row]()
    for each, decision in decisions:
        fault = launch_plans[each.id].fault
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
