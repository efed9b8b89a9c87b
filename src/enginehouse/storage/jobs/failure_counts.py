"""Counts jobs by the reasons for which their tasks have failed. Only tasks that fail cost something."""

from collections import Counter
from collections.abc import Sequence

from enginehouse.domain.settlement import Settlement
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs.counts import CountChanges


async def follow(tx: Tx, changes: CountChanges, settlements: Sequence[Settlement]) -> None:
    """Counts jobs of which a task has now failed for a reason, or none has any more. The tasks are not written yet.

    A job counts once for each reason. So its other failed tasks are read, if it has any.
    """
    more = [each.job.id for each in settlements if _has_other_failures(each)]
    stored = Counter[tuple[int, str]]()
    for job_id, reason, tasks in await tx.all("jobs.failed_tasks", ids=more) if more else ():
        stored[job_id, reason] = int(tasks)
    for settlement in settlements:
        job, before, after = settlement.job, Counter[str](), Counter[str]()
        for task in settlement.changed:
            if task.counted is not None:
                before[task.counted[1]] += 1
                after[task.kind()[1]] += 1
        for reason in (before.keys() | after.keys()) - {""}:
            had = stored[job.id, reason] if job.id in more else before[reason]
            has = had - before[reason] + after[reason]
            changes.failures[job.organization_id, reason] += (has > 0) - (had > 0)


def _has_other_failures(settlement: Settlement) -> bool:
    """Whether a task that does not change here may have failed. One whose standby runs is in no count of its job."""
    job, failed = settlement.job, sum(task.kind()[1] != "" for task in settlement.changed)
    return job.cancelled or job.failed > failed or any(each is not None for each in settlement.edges.standbys)


async def forget(tx: Tx, changes: CountChanges, organizations: dict[int, int]) -> None:
    """These jobs, by their organizations, count no more. They are locked, and not deleted yet."""
    for job_id, reason, _ in await tx.all("jobs.failed_tasks", ids=list(organizations)):
        changes.failures[organizations[job_id], reason] -= 1
