"""How many jobs an organization has in each status, kept with every change instead of counted."""

from collections.abc import Mapping

from enginehouse.storage.database.database import Tx


async def add(tx: Tx, changes: Mapping[tuple[int, str], int]) -> None:
    """The counts of each (organization, status) have moved by so many jobs.

    In key order, so that two writers of one shard never wait crosswise.
    """
    rows = [(organization_id, status, tx.shard, by) for (organization_id, status), by in sorted(changes.items()) if by]
    await tx.many("jobs.add_counts", rows)
