"""Makes the result of a task visible: one function does it, in the transaction that accepts the result."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from enginehouse.domain.work import Done, ItemKey, NewArtifact, Report
from enginehouse.storage import artifacts
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.work.job_locks import LockedJob

_json: Final = msgspec.json.Encoder().encode


async def publish_results(tx: Tx, accepted: Sequence[Report], jobs: Mapping[int, LockedJob]) -> None:
    """Makes the outputs of these reports visible to all readers: the tasks they feed, the job, its target.

    The leases of the `accepted` reports are still held; `jobs` are their locked jobs. A result of a cancelled job never
    counts, even if its attempt ran before the cancel. `finish` calls this once, before it settles, because the
    settlements read the outputs in the same transaction. A retry shows a result in another job only by reference
    (`storage.jobs.reuse`).

    Any other row that makes a result visible (for example a target's asset) must be written here, in this transaction,
    from the reports, the jobs and `tx` alone: so all of the result becomes visible with the end of the attempt, or
    nothing. This function must not take a lock that comes before the jobs in the lock order, and must do no other I/O:
    the bytes are stored before the report.
    """
    rows = [
        _artifact_row(report.key, output, tx.now)
        for report in accepted
        if isinstance(report.outcome, Done) and not jobs[report.key.job_id].cancelled
        for output in report.outcome.outputs
    ]
    await artifacts.insert(tx, rows)


def _artifact_row(key: ItemKey, output: NewArtifact, now: int) -> Row:
    metadata = _json(output.metadata).decode() if output.metadata else None
    return (
        key.job_id, key.ordinal, output.folder, key.item, output.part, output.index, output.name, output.media_type,
        output.size, output.sha256, output.key, output.start_ms, output.stop_ms, metadata, now,
    )  # fmt: skip
