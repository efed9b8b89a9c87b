"""Jobs leave storage whole; of their bytes those that no other job's rows name."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from enginehouse.domain.artifact import log_key
from enginehouse.domain.ids import first_job_id
from enginehouse.storage.database.database import Tx
from enginehouse.storage.work import settlement

_SHARED_LOCK: Final = "shared artifacts"


async def delete(tx: Tx, job_ids: Sequence[int], *, organization_id: int | None) -> list[str] | None:
    """The jobs and everything of them are gone; answers the keys of the bytes to remove. None where one is not theirs.

    Running attempts are fenced by the loss of their items. `organization_id` None: the server's own retention.
    """
    rows = await tx.all("jobs.lock_to_delete", ids=list(job_ids))
    if organization_id is not None and (
        len(rows) < len(set(job_ids)) or any(row[1] != organization_id for row in rows)
    ):
        return None
    ids = [row[0] for row in rows]
    keys = await _keys_to_remove(tx, ids)
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for _, owner, word, _ in rows:
        counts[owner, word] -= 1
    for part in ("items", "documents", "tasks", "attempts", "artifacts", "events", "jobs"):
        await tx.run(f"jobs.delete_{part}", ids=ids)
    await settlement.count_jobs(tx, counts)
    # One that a bulk cancel covers is settled by being gone, so that what was counted and what was settled agree.
    for barrier_id, settled in sorted(Counter(row[3] for row in rows if row[3] is not None).items()):
        await tx.run("bulk_cancels.add_settled", id=barrier_id, jobs=settled)
    return keys


async def _keys_to_remove(tx: Tx, job_ids: Sequence[int]) -> list[str]:
    """The keys of the bytes that go with these jobs, logs included; the jobs' rows are locked and still there.

    What another job names as well stays. Of two such jobs that are deleted at once neither sees the other's rows go, so
    they are dealt with one after the other.
    """
    found = {row[0]: bool(row[1]) for row in await tx.all("deletion.keys_of_jobs", ids=list(job_ids))}
    shared = [key for key, is_shared in found.items() if is_shared]
    if shared:
        await tx.lock(_SHARED_LOCK)
        for row in await tx.all("deletion.named_elsewhere", keys=shared, ids=list(job_ids)):
            del found[row[0]]
    logs = (log_key(*row) for row in await tx.all("deletion.attempts_of_jobs", ids=list(job_ids)))
    return [*found, *logs]


async def over_since(tx: Tx, *, before: int, limit: int) -> list[int]:
    """Ended jobs untouched since `before` (µs), the oldest first. The id bound keeps the scan at the old end."""
    rows = await tx.all("jobs.over_since", before=before, before_id=first_job_id(before), limit=limit)
    return [row[0] for row in rows]
