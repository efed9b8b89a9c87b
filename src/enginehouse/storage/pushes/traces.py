"""Which items descend from a push whose client waits for a result, in the transactions that make new items."""

from collections.abc import Sequence
from typing import Final

from enginehouse.domain.artifact import is_pushed
from enginehouse.domain.settlement import Settlement
from enginehouse.storage.database.database import Tx

_FORGOTTEN_AT_ONCE: Final = 8  # more than a push adds, as a rule


async def follow(tx: Tx, settlements: Sequence[Settlement]) -> None:
    """A new item that reads an output of an item of a push belongs to the same push."""
    renumbered = [(each.job.id, ordinal) for each in settlements for ordinal in sorted(each.renumbered)]
    rows = [
        (each.job.id, ordinal, item, source.ordinal, source.item)
        for each in settlements
        for ordinal, item, source in each.new_items
        if source.ordinal >= 0 and not is_pushed(source.output_folder) and ordinal not in each.dropped
    ]
    await tx.many("pushes.forget_tasks", renumbered)
    await tx.many("pushes.follow", rows)


async def begin(tx: Tx, items: Sequence[tuple[int, int, int]], *, kept_until: int) -> None:
    """Clients wait for the results of these (job, ordinal, item)s. A few older ones of the same jobs are forgotten."""
    await tx.many("pushes.begin_traces", [(*item, kept_until) for item in items])
    for job_id in sorted({job_id for job_id, _, _ in items}):
        over = await tx.all("pushes.over", job_id=job_id, now=tx.now, limit=_FORGOTTEN_AT_ONCE)
        await tx.many("pushes.forget_items", [(job_id, *row) for row in over])
