"""The number of an organization's jobs in each status, and of its tasks. Every change updates them."""

from collections.abc import Mapping

from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import rates
from enginehouse.storage.jobs.rates import Moves

Changes = Mapping[tuple[int, str], int]
"""By how much the count of each (organization, status) changes."""


async def add(tx: Tx, jobs: Changes, tasks: Changes | None = None, moves: Moves | None = None) -> None:
    """Adds the changes to the counts. Tasks are new or deleted ones, under any status: only their sum is read.

    `moves`: how many jobs were created, started or ended, for the rates.

    A transaction calls this once. The rows are in key order, so that two writers of one shard never deadlock.
    """
    by = {key: (jobs.get(key, 0), (tasks or {}).get(key, 0)) for key in {*jobs, *(tasks or {})}}
    rows = [(*key, tx.shard, *changes) for key, changes in sorted(by.items()) if any(changes)]
    await tx.many("jobs.add_counts", rows)
    tx.facts.organizations.update(row[0] for row in rows)
    if moves:
        await rates.add(tx, moves)


async def tasks(tx: Tx, organization_id: int) -> int:
    """Returns how many tasks the organization has that are not deleted."""
    [(found,)] = await tx.all("jobs.count_tasks", organization_id=organization_id)
    return int(found)
