"""Claims of several workers in one transaction: the items are dealt to them in turn."""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.work import Lease
from enginehouse.operations.job_watches import JobWatches
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims
from enginehouse.storage.work.claims import Taker
from enginehouse.storage.work.lanes import Queue

_MICROS: Final = 1_000_000


class Claiming(NamedTuple):
    """A worker that claims. `queue` is what is known of the pool; workers that take the same items have one together.

    With a `token_id` it gets only what this token for workers allows.
    """

    pool: str
    limit: int
    worker: str
    lease_seconds: float
    queue: Queue
    token_id: str | None = None


async def claim(
    database: Database, plans: Plans, watches: JobWatches, claimings: Sequence[Claiming]
) -> list[list[Lease]]:
    """Leases up to `limit` runnable items to each worker. Returns the leases of each, in the order of their starts."""
    got: list[list[Lease]] = [[] for _ in claimings]
    left = list(range(len(claimings)))
    while left:
        try:
            taken = await _claim_once(database, plans, [_rest(claimings[n], got[n]) for n in left])
        except Unavailable:
            if not any(got):
                raise
            break  # what is leased already must run
        for n, leases in zip(left, taken, strict=True):
            got[n] += leases
        some = {id(claimings[n].queue) for n, leases in zip(left, taken, strict=True) if leases}
        left = [n for n in left if len(got[n]) < claimings[n].limit and _has_more(claimings[n].queue, some)]
    watches.changed(lease.key.job_id for leases in got for lease in leases)
    return got


def _rest(claiming: Claiming, got: Sequence[Lease]) -> Claiming:
    return claiming._replace(limit=claiming.limit - len(got))


def _has_more(queue: Queue, some: set[int]) -> bool:
    """True if the last claim has left items, and has leased some: so the next one gets further."""
    return queue.more and id(queue) in some


async def _claim_once(database: Database, plans: Plans, claimings: Sequence[Claiming]) -> list[list[Lease]]:
    groups = defaultdict[tuple[str, int, str | None], list[int]](list)
    for n, claiming in enumerate(claimings):
        groups[claiming.pool, id(claiming.queue), claiming.token_id].append(n)
    for numbers in groups.values():
        claimings[numbers[0]].queue.take_turns()

    async def take(tx: Tx) -> dict[int, list[Lease]]:
        found = dict[int, list[Lease]]()
        for (pool, _, token_id), numbers in groups.items():
            first, takers = claimings[numbers[0]], [Taker(claimings[n].worker, claimings[n].limit) for n in numbers]
            micros = int(first.lease_seconds * _MICROS)
            taken = await claims.claim_each(
                tx, plans, takers, pool=pool, lease_micros=micros, queue=first.queue, token_id=token_id
            )
            found.update(zip(numbers, taken, strict=True))
        return found

    found = await database.write_work(take, reads_clock=True)
    now = time.monotonic()
    for n, claiming in enumerate(claimings):
        for lease in found[n]:
            until = now + claiming.lease_seconds
            claiming.queue.shares.started(lease.token, lease.organization_id, at=now, until=until)
    return [found[n] for n in range(len(claimings))]
