"""The number of an organization's jobs in each status. Every change updates it, so that no read counts rows."""

from collections.abc import Mapping

from enginehouse.storage.database.database import Tx


async def add(tx: Tx, changes: Mapping[tuple[int, str], int]) -> None:
    """Adds the changes to the counts of each (organization, status).

    The rows are in key order, so that two writers of one shard never deadlock.
    """
    rows = [(organization_id, status, tx.shard, by) for (organization_id, status), by in sorted(changes.items()) if by]
    await tx.many("jobs.add_counts", rows)
