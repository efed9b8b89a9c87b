"""Makes the result of a task visible: one function does it, in the transaction that accepts the result."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.artifact import PUBLISHED, result_type
from enginehouse.domain.documents import is_json
from enginehouse.domain.ids import asset_id
from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.work import Done, ItemKey, NewArtifact, Report
from enginehouse.storage import artifacts, assets
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.outbox import outputs as sent_outputs
from enginehouse.storage.work.job_locks import LockedJob

_json: Final = msgspec.json.Encoder().encode
Loaded = Mapping[int, tuple[Plan, Edges]]


class PublishedOutput(NamedTuple):
    """An output of an accepted result."""

    key: ItemKey
    artifact: NewArtifact

    @property
    def place(self) -> tuple[ItemKey, int, int]:
        return self.key, self.artifact.folder, self.artifact.part


async def publish_results(tx: Tx, accepted: Sequence[Report], jobs: Mapping[int, LockedJob], plans: Loaded) -> None:
    """Makes the outputs of these reports visible to all readers: the tasks they feed, the job, its target.

    The leases of the `accepted` reports are still held; `jobs` are their locked jobs with their `plans`. A result of a
    cancelled job never counts, even if its attempt ran before the cancel. `finish` calls this once, before it settles,
    because the settlements read the outputs in the same transaction. A retry shows a result in another job only by
    reference (`storage.jobs.reuse`), and makes no second asset of it.

    Any other row that makes a result visible must be written here, in this transaction, from the reports, the jobs and
    `tx` alone: so all of the result becomes visible with the end of the attempt, or nothing. This function locks
    targets after jobs, must not take a lock that comes before the jobs in the lock order, and must do no other I/O:
    the bytes are stored before the report.
    """
    outputs = [
        PublishedOutput(report.key, output)
        for report in accepted
        if isinstance(report.outcome, Done) and not jobs[report.key.job_id].cancelled
        for output in report.outcome.outputs
    ]
    results = await _of_targets(tx, [output for output in outputs if _is_final(output, jobs, plans)], jobs, plans)
    shared = {output.place for output in results}
    await artifacts.insert(tx, [_artifact_row(*output, tx.now, shared=output.place in shared) for output in outputs])
    await sent_outputs.record(
        tx,
        outputs,
        {job_id: plan for job_id, (plan, _) in plans.items()} if outputs else {},
        {job_id: job.organization_id for job_id, job in jobs.items()},
    )
    if results:
        rows = [_asset_row(*output, jobs[output.key.job_id], plans, tx.now) for output in results]
        await assets.insert_results(tx, rows, {int(row[1]) for row in rows})


def _is_final(output: PublishedOutput, jobs: Mapping[int, LockedJob], plans: Loaded) -> bool:
    """True for what a task publishes, and for a document in a folder that no task reads, if the job has a target."""
    key, artifact = output
    if jobs[key.job_id].target_id is None or key.job_id not in plans:
        return False
    if artifact.folder == PUBLISHED:
        return True
    _, edges = plans[key.job_id]
    return is_json(artifact.media_type) and all(folder != artifact.folder for folder, _, _ in edges.feeds[key.ordinal])


async def _of_targets(
    tx: Tx, final: Sequence[PublishedOutput], jobs: Mapping[int, LockedJob], plans: Loaded
) -> list[PublishedOutput]:
    """Returns the outputs that become assets: of engines that do more than bring data in, on the job's own target."""
    if not final:
        return []
    producers = await assets.producers(tx, {_engine(output.key, plans) for output in final})
    final = [output for output in final if _engine(output.key, plans) in producers]
    if not final:
        return []
    target_ids = {target for output in final if (target := jobs[output.key.job_id].target_id) is not None}
    owners = await assets.lock_targets(tx, target_ids)

    def has_owner(job: LockedJob) -> bool:
        return job.target_id is not None and owners.get(job.target_id) == job.organization_id

    return [output for output in final if has_owner(jobs[output.key.job_id])]


def _engine(key: ItemKey, plans: Loaded) -> str:
    return plans[key.job_id][0].tasks[key.ordinal].engine_id


def _asset_row(key: ItemKey, output: NewArtifact, job: LockedJob, plans: Loaded, now: int) -> Row:
    """Returns the asset of the output. Its id depends only on its place, so there is never a second one."""
    place = f"{job.id}/{key.ordinal}/{output.folder}/{key.item}/{output.part}"
    bits = int.from_bytes(hashlib.blake2b(place.encode(), digest_size=8).digest())
    return (
        asset_id(job.target_id or 0, bits), job.target_id, job.organization_id, result_type(output.media_type),
        output.media_type, output.name, output.key, output.size, output.sha256, job.id, key.ordinal,
        _engine(key, plans), now,
    )  # fmt: skip


def _artifact_row(key: ItemKey, output: NewArtifact, now: int, *, shared: bool) -> Row:
    metadata = _json(output.metadata).decode() if output.metadata else None
    return (
        key.job_id, key.ordinal, output.folder, key.item, output.part, output.index, output.name, output.media_type,
        output.size, output.sha256, output.key, output.start_ms, output.stop_ms, metadata, now, int(shared),
    )  # fmt: skip
