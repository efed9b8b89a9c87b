"""Which items one claim takes: the first ones of the lanes in turn, within the limits, whose jobs may run."""

from collections import Counter

from enginehouse.domain.order import Lane, Waiting, choose
from enginehouse.domain.work import ItemKey
from enginehouse.storage import lanes, standing
from enginehouse.storage.database import Row, Tx
from enginehouse.storage.lanes import SPARE, Found, Queue

LIMITS_LOCK = "limits"


async def claimable(tx: Tx, queue: Queue, *, pool: str, limit: int) -> tuple[list[ItemKey], dict[int, Row]]:
    """Up to `limit` items in the order in which they start, and the rows of their jobs, locked.

    The barrier lock must be held. Jobs that may not run, or that somebody holds, are passed over, and others come in
    their place: they must not keep the slots from anybody else.
    """
    queue.more = False
    found = await lanes.first_items(tx, queue, pool=pool, limit=limit)
    where = found.standing
    if where.limited:
        # Two claims at once could both see the last free place. Without a limit nobody waits here.
        await tx.lock(LIMITS_LOCK, shared=False)
        where = await standing.count_live(tx, where)
    waiting = await _uncovered(tx, found) if found.barred else found.lanes
    jobs = dict[int, Row]()
    while True:
        chosen = choose(waiting, where, queue.level, limit=limit + SPARE, more=found.more)
        new = {item.job_id for _, item in chosen} - jobs.keys()
        if new:
            jobs |= {row[0]: row for row in await tx.all("work.claimable_jobs", ids=sorted(new))}
        fit = [item for _, item in chosen if item.job_id in jobs]
        refused = new - jobs.keys()
        if not refused or len(fit) >= limit:
            break
        waiting = lanes.without(waiting, refused)
    if len(fit) < limit:
        queue.stale = True
        taken = Counter(lane for lane, _ in chosen)
        queue.more = any(taken[lane] >= len(waiting[lane]) for lane in found.more)
    return [ItemKey(*item[2:]) for item in fit[:limit]], jobs


async def _uncovered(tx: Tx, found: Found) -> dict[Lane, list[Waiting]]:
    """The items without those a bulk cancel covers, where one is open: a million of them must not fill the claim."""
    ids = {item.job_id for lane, items in found.lanes.items() if lane.organization_id in found.barred for item in items}
    free = {row[0] for row in await tx.all("lanes.uncovered", ids=sorted(ids))}
    return lanes.without(found.lanes, ids - free)
