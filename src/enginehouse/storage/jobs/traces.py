"""The span of the request that created a job, as long as somebody records spans."""

from collections.abc import Collection, Sequence

from enginehouse.domain.traces import TraceParent
from enginehouse.storage.database.database import Tx


async def insert(tx: Tx, rows: Sequence[tuple[int, str]]) -> None:
    """Stores the `traceparent` of each job."""
    await tx.many("traces.insert", rows)


async def of_jobs(tx: Tx, job_ids: Collection[int]) -> dict[int, TraceParent]:
    """Returns the spans of the jobs' requests. A job that no request has created has none."""
    rows = await tx.all("traces.of_jobs", ids=sorted(job_ids))
    return {job_id: found for job_id, text in rows if (found := TraceParent.parse(text)) is not None}


async def delete(tx: Tx, job_ids: Collection[int]) -> None:
    """Forgets them."""
    await tx.run("traces.delete", ids=sorted(job_ids))
