"""Outputs that stand in more than one job, since a retry of only what failed took them over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain.job import Plan, Shape
from enginehouse.domain.settlement import JobState, Missing, Settlement, TaskState
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.work import settlement as work_settlement


class SourceGone(Exception):
    """The job whose outputs were to be reused is not there any more."""


@dataclass(frozen=True, slots=True)
class Birth:
    """A job whose rows were just made, and what it takes over: `reused` names each task and whose outputs those are.

    `total` is how many tasks count: the reused ones are not among them, nor among the `runnable`.
    """

    job_id: int
    organization_id: int
    source: int
    reused: Mapping[int, int]
    plan: Plan
    shape: Shape
    statuses: Sequence[TaskStatus]
    runnable: frozenset[int]
    total: int


class StoredOutput(NamedTuple):
    """An output by the name a person knows and the key of its bytes."""

    ordinal: int
    name: str
    storage_key: str


_OUTPUTS: Final = Select("reuse.outputs", StoredOutput)


async def outputs(tx: Tx, tasks: Sequence[tuple[int, int]]) -> list[StoredOutput]:
    """What these (job, ordinal) tasks have left behind."""
    return await _OUTPUTS.each(tx, tasks)


async def settle(tx: Tx, births: Sequence[Birth]) -> None:
    """The reused tasks are complete, with their outputs; what they feed is released as after any completion."""
    tasks = [(birth, ordinal, origin) for birth in births for ordinal, origin in sorted(birth.reused.items())]
    await tx.many("reuse.mark_tasks", [(birth.job_id, ordinal, origin) for birth, ordinal, origin in tasks])
    await tx.many("reuse.share", sorted({(birth.source, ordinal) for birth, ordinal, _ in tasks}))
    await tx.many("reuse.copy", [(birth.job_id, ordinal, birth.source) for birth, ordinal, _ in tasks])
    await work_settlement.write(tx, [await _settled(tx, birth) for birth in births])


async def _settled(tx: Tx, birth: Birth) -> Settlement:
    settlement = _settlement(birth, tx.now)
    while True:
        try:
            settlement.reused(birth.reused)
        except Missing as missing:
            _, chunks = await work_settlement.more(tx, birth.job_id, birth.shape, missing, settlement)
            settlement = _settlement(birth, tx.now)
            settlement.chunks = chunks
        else:
            return settlement


def _settlement(birth: Birth, now: int) -> Settlement:
    job = JobState(
        id=birth.job_id,
        organization_id=birth.organization_id,
        status=JobStatus.PENDING,
        cancelled=False,
        ever_started=False,
        total=birth.total,
        queued=0,
        running=0,
        complete=0,
        failed=0,
        aborted=0,
    )
    tasks = {ordinal: _task(birth, ordinal, status) for ordinal, status in enumerate(birth.statuses)}
    return Settlement(job, tasks, birth.plan, birth.shape, now=now)


def _task(birth: Birth, ordinal: int, status: TaskStatus) -> TaskState:
    items = int(ordinal in birth.runnable)
    return TaskState(ordinal, status, birth.shape.waits_for[ordinal], items, items, 0, 0)
