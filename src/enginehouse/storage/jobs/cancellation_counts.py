"""Counts the tasks that a cancel of their jobs aborts. No row of them is written, and few are read."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from enginehouse.domain.status import TaskStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs.counts import CountChanges


class WaitingJob(Protocol):
    """The locked row of a job, all of whose tasks are pending or queued, before its cancel."""

    @property
    def id(self) -> int: ...
    @property
    def organization_id(self) -> int: ...
    @property
    def tasks_total(self) -> int: ...
    @property
    def tasks_queued(self) -> int: ...
    @property
    def tasks_ready(self) -> int: ...
    @property
    def has_standby(self) -> int: ...


async def hide(tx: Tx, changes: CountChanges, jobs: Sequence[WaitingJob]) -> None:
    """The tasks of these jobs count as aborted. A queued task has an item; a standby is in no count of its job."""
    alike = Counter(
        (job.organization_id, job.tasks_total, job.tasks_queued, job.tasks_ready, job.has_standby) for job in jobs
    )
    for (organization_id, total, queued, ready, has_standby), number in alike.items():
        if not has_standby:
            hide_sums(changes, organization_id, total=number * total, queued=number * queued, ready=number * ready)
    await hide_read(tx, changes, [job.id for job in jobs if job.has_standby])


def hide_sums(changes: CountChanges, organization_id: int, *, total: int, queued: int, ready: int) -> None:
    """The same for jobs without a standby, by the sums of their counts."""
    changes.hide(organization_id, (TaskStatus.QUEUED.value, "", 1), queued)
    changes.hide(organization_id, (TaskStatus.PENDING.value, "", 1), ready - queued)
    changes.hide(organization_id, (TaskStatus.PENDING.value, "", 0), total - ready)


async def hide_read(tx: Tx, changes: CountChanges, job_ids: Sequence[int]) -> None:
    """The same for any jobs, whose tasks are read."""
    if job_ids:
        for organization_id, status, backlog, tasks in await tx.all("jobs.unended_tasks", ids=list(job_ids)):
            changes.hide(organization_id, (status, "", backlog), int(tasks))
