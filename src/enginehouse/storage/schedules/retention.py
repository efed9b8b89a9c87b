"""Deletes old slot records and old versions of schedules in bounded batches.

There is no index by age, because every fired slot would have to update it. Schedules are read in key order instead.
"""

from enginehouse.storage.database.database import Tx


async def schedules_after(tx: Tx, schedule_id: int, *, limit: int) -> list[int]:
    """Returns the next `limit` schedules by id."""
    return [id_ for (id_,) in await tx.all("retention.schedules", after=schedule_id, limit=limit)]


async def prune(tx: Tx, ids: list[int], *, before: int, limit: int) -> int:
    """Deletes at most `limit` slots and `limit` versions of these schedules from before `before`. Returns how many."""
    slots = await tx.run("retention.prune_slots", ids=ids, before=before, limit=limit)
    return slots + await tx.run("retention.prune_versions", ids=ids, before=before, limit=limit)
