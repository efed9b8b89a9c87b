"""How the result of a task becomes visible: by one function, in the transaction that accepts it."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from enginehouse.domain.work import Done, ItemKey, NewArtifact, Report
from enginehouse.storage import artifacts
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.work.job_locks import LockedJob

_json: Final = msgspec.json.Encoder().encode


async def publish_results(tx: Tx, accepted: Sequence[Report], jobs: Mapping[int, LockedJob]) -> None:
    """The outputs of these reports are there for whoever reads: the tasks they feed, the job, its target.

    `accepted` were made under leases that are still held, `jobs` are their jobs, locked. No result of a cancelled job
    counts, not even one that was under way when it was cancelled. `finish` calls this once, before it settles: what it
    settles reads the outputs in this same transaction. A result that was accepted before becomes visible elsewhere only
    by reference, when a retry reuses it (`storage.jobs.reuse`).

    Whatever else makes a result visible (a target's asset, say) is written here: rows of this transaction, from what
    the reports, the jobs and `tx` say, so that all of it is there with the end of the attempt or nothing is. It locks
    nothing that comes before the jobs in the order of locks, and does no I/O besides: the bytes were stored before the
    report was made.
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
