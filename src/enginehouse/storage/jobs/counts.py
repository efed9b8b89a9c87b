"""The numbers of an organization's jobs and tasks. Whatever changes them changes these in the same transaction."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from enginehouse.domain.settlement_rows import TaskKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import rates

_ANY: Final = ""  # stands for all engines
_NEW: Final[TaskKind] = (TaskStatus.PENDING.value, "", 1)  # where the jobs of an engine are counted


@dataclass(slots=True)
class CountChanges:
    """By how much a transaction changes the counts.

    `jobs` by (organization, status); `tasks` by (organization, engine, *kind), as their rows are; `moved`: tasks of
    another kind now, by (organization, engine, kind before, kind now). `engines`: jobs that name one, by (organization,
    engine). `failures`: jobs of which a task has failed for a reason, by (organization, reason). `schedules`: jobs of
    schedules, by (organization, schedule). `moves`: how many jobs were created, started or ended, for the rates.
    """

    jobs: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    tasks: defaultdict[tuple[int, str, str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    moved: defaultdict[tuple[int, str, TaskKind, TaskKind], int] = field(default_factory=lambda: defaultdict(int))
    engines: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    failures: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    schedules: defaultdict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    moves: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))

    def hide(self, organization_id: int, kind: TaskKind, tasks: int = 1) -> None:
        """The rows of so many tasks say this, but they are shown as aborted, because their job was cancelled."""
        self.tasks[organization_id, _ANY, kind[0], "", kind[2]] += tasks

    def move(self, organization_id: int, before: str, after: JobStatus, jobs: int = 1) -> None:
        """So many jobs have another status."""
        self.jobs[organization_id, before] -= jobs
        self.jobs[organization_id, after.value] += jobs


async def add(tx: Tx, changes: CountChanges) -> None:
    """Adds the changes to the counts.

    A transaction calls this once. The rows are in key order, so that two writers of one shard never deadlock.
    """
    for (organization_id, engine_id, was, now), tasks_ in changes.moved.items():
        changes.tasks[organization_id, engine_id, *was] -= tasks_
        changes.tasks[organization_id, engine_id, *now] += tasks_
    by: dict[tuple[int, str, str, str, int], tuple[int, int]] = {key: (0, by) for key, by in changes.tasks.items()}
    for (organization_id, status), jobs in changes.jobs.items():
        key = (organization_id, _ANY, status, "", 0)
        by[key] = (jobs, by.get(key, (0, 0))[1])
    for (organization_id, engine_id), jobs in changes.engines.items():
        key = (organization_id, engine_id, *_NEW)
        by[key] = (jobs, by.get(key, (0, 0))[1])
    for (organization_id, reason), jobs in changes.failures.items():
        by[organization_id, _ANY, TaskStatus.FAILED.value, reason, 0] = (jobs, 0)
    rows = [(*key, tx.shard, *numbers) for key, numbers in sorted(by.items()) if any(numbers)]
    of_schedules = sorted(changes.schedules.items()) if changes.schedules else ()
    await tx.many("jobs.add_schedule_counts", [(*key, tx.shard, number) for key, number in of_schedules])
    await tx.many("jobs.add_counts", rows)
    tx.facts.organizations.update(row[0] for row in rows)
    if changes.moves:
        await rates.add(tx, changes.moves)
    if fewer := [key for key, number in of_schedules if number < 0]:
        await _forget_empty(tx, fewer)


async def _forget_empty(tx: Tx, schedules: Sequence[tuple[int, int]]) -> None:
    """Nothing stays of schedules whose last job was deleted. Rows that are together 0 say nothing, so they may go."""
    rows = await tx.each("jobs.lock_schedule_counts", schedules)
    left = defaultdict[tuple[int, int], int](int)
    for organization_id, schedule_id, _, jobs in rows:
        left[organization_id, schedule_id] += jobs
    empty = [row[:3] for row in rows if left[row[0], row[1]] == 0]
    await tx.many("jobs.delete_schedule_counts", empty)


async def tasks(tx: Tx, organization_id: int) -> int:
    """Returns how many tasks the organization has that are not deleted."""
    [(found,)] = await tx.all("jobs.count_tasks", organization_id=organization_id)
    return int(found)


async def jobs_of_engine(tx: Tx, organization_id: int, engine_id: str) -> int:
    """Returns how many jobs of the organization name the engine."""
    [(found,)] = await tx.all("jobs.count_of_engine", organization_id=organization_id, engine_id=engine_id)
    return int(found)


async def jobs_of_failure(tx: Tx, organization_id: int, reason: str) -> int:
    """Returns how many jobs of the organization have a task that has failed for this reason, which is not empty."""
    [(found,)] = await tx.all("jobs.count_of_failure", organization_id=organization_id, reason=reason)
    return int(found)


async def jobs_of_schedules(tx: Tx, organization_id: int, schedule_ids: Iterable[int]) -> int:
    """Returns how many jobs of the organization name one of the schedules."""
    wanted = sorted(set(schedule_ids))
    [(found,)] = await tx.all("jobs.count_of_schedules", organization_id=organization_id, schedule_ids=wanted)
    return int(found)


async def jobs_with_schedule(tx: Tx, organization_id: int) -> int:
    """Returns how many jobs of the organization name a schedule."""
    [(found,)] = await tx.all("jobs.count_with_schedule", organization_id=organization_id)
    return int(found)
