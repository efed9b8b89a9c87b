"""What became of slots, and what schedules once were, leaves storage in bounded batches.

There is no index by age, which every fired slot would pay for: schedules are gone through by their keys instead.
"""

from enginehouse.storage.database.database import Tx


async def schedules_after(tx: Tx, schedule_id: int, *, limit: int) -> list[int]:
    """The next `limit` schedules."""
    return [id_ for (id_,) in await tx.all("retention.schedules", after=schedule_id, limit=limit)]


async def prune(tx: Tx, ids: list[int], *, before: int, limit: int) -> int:
    """At most `limit` slots and as many versions of these schedules from before that moment are gone; how many were."""
    slots = await tx.run("retention.prune_slots", ids=ids, before=before, limit=limit)
    return slots + await tx.run("retention.prune_versions", ids=ids, before=before, limit=limit)
