"""What one transaction of an act on many jobs changes: the verbs of single jobs, for many at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from enginehouse.domain.bulk_acts import Act, JobKind, SkipReason, verdict
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.storage import limits
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import cancellation
from enginehouse.storage.jobs.cancellation import CancelOutcome
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import task_statuses
from enginehouse.storage.work.task_statuses import NamedJob, StatusesOutcome

STARTS_WORK: Final = frozenset({Act.CANCEL, Act.STOP, Act.RETRY})
"""Acts that need a transaction of `write_work`."""


@dataclass(slots=True)
class Changes:
    """The changed jobs, those that were left alone, and those of the changed ones whose attempts must still stop."""

    applied: list[int] = field(default_factory=list)
    skips: list[tuple[int, SkipReason]] = field(default_factory=list)
    stopping: list[int] = field(default_factory=list)
    requeued: StatusesOutcome | None = None

    def note(self, job_id: int, reason: SkipReason | None) -> None:
        """The job is changed, or there is a reason why not."""
        if reason is None:
            self.applied.append(job_id)
        else:
            self.skips.append((job_id, reason))


async def change(
    tx: Tx, act: Act, plans: Plans, organization_id: int, ids: Sequence[int], withdrawn: Collection[str]
) -> Changes:
    """The act is done to those of the jobs that it can change. `withdrawn`: engines that may no longer be used."""
    match act:
        case Act.CANCEL | Act.STOP:
            return await _cancel(tx, organization_id, ids, include_running=act is Act.STOP)
        case Act.PAUSE:
            await barrier_lock.take_exclusive(tx)
            changes = await _locked(tx, act, organization_id, ids)
            await limits.pause_jobs(tx, organization_id, changes.applied)
        case Act.RESUME:
            changes = await _locked(tx, act, organization_id, ids)
            await limits.resume_jobs(tx, organization_id, changes.applied)
        case Act.RETRY:
            changes = await _locked(tx, act, organization_id, ids)
            await limits.resume_jobs(tx, organization_id, changes.applied)
            await _put_back(tx, plans, organization_id, changes, withdrawn)
        case unknown:
            assert_never(unknown)
    return changes


async def _cancel(tx: Tx, organization_id: int, ids: Sequence[int], *, include_running: bool) -> Changes:
    jobs = [(job_id, organization_id) for job_id in ids]
    changes = Changes()
    for job_id, outcome in zip(ids, await cancellation.cancel(tx, jobs, include_running=include_running), strict=True):
        changes.note(job_id, _not_cancelled(outcome))
        if outcome is not None and outcome.done and outcome.stopping:
            changes.stopping.append(job_id)
    return changes


def _not_cancelled(outcome: CancelOutcome | None) -> SkipReason | None:
    if outcome is None:
        return SkipReason.GONE
    if outcome.done:
        return None
    if not outcome.refused:
        return SkipReason.CANCELLED
    return SkipReason.ENDED if outcome.status in JOB_ENDED else SkipReason.STARTED


async def _locked(tx: Tx, act: Act, organization_id: int, ids: Sequence[int]) -> Changes:
    """Locks the jobs, and says which of them the act will change."""
    rows = {row.id: row for row in await limits.lock_jobs(tx, organization_id, ids)}
    changes = Changes()
    for job_id in ids:
        if (row := rows.get(job_id)) is None:
            changes.note(job_id, SkipReason.GONE)
        else:
            status = JobStatus(row.status)
            kind = JobKind(status, started=False, paused=row.paused_at is not None, cancelled=False)
            changes.note(job_id, verdict(act, kind))
    return changes


async def _put_back(tx: Tx, plans: Plans, organization_id: int, changes: Changes, withdrawn: Collection[str]) -> None:
    """The failed jobs run again under their ids. Those with a task that cannot are left alone."""
    while changes.applied:
        named = [NamedJob(job_id, f"ids[{n}]") for n, job_id in enumerate(changes.applied)]
        try:
            changes.requeued = await task_statuses.put_jobs_back(tx, plans, organization_id, named, withdrawn)
        except InvalidInput as refused:  # before anything was written
            faulty = {problem.path for problem in refused.problems}
            changes.skips += [(each.job_id, SkipReason.NOT_REPEATABLE) for each in named if each.path in faulty]
            changes.applied = [each.job_id for each in named if each.path not in faulty]
        else:
            return
