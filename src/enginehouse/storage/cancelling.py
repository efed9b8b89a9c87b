"""Knows how the cancels of many callers are stored together, each with what is recorded of it."""

from collections.abc import Sequence

from enginehouse.storage import audit_log, jobs
from enginehouse.storage.audit_log import Entry
from enginehouse.storage.database import Tx
from enginehouse.storage.jobs import Cancelled

Cancelling = tuple[tuple[int, int], Entry]
"""A (job, organization) to cancel, and what is recorded of it."""


async def cancel(
    tx: Tx, wanted: Sequence[Cancelling], *, include_running: bool = False, shard: int = 0
) -> list[Cancelled | None]:
    """The jobs are cancelled as `jobs.cancel` does it, and every call that was not refused is recorded.

    That is one that found its job cancelled already, too: it was answered success.
    """
    verdicts = await jobs.cancel(tx, [job for job, _ in wanted], include_running=include_running, shard=shard)
    told = zip(wanted, verdicts, strict=True)
    await audit_log.record(tx, [entry for (_, entry), verdict in told if verdict and not verdict.refused])
    return verdicts
