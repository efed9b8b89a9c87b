"""The logs of what a worker has run for an organization: those of the organization's own attempts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from enginehouse.domain import ids
from enginehouse.domain.artifact import log_key
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.work import ItemKey
from enginehouse.operations.artifacts import LogFile
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.worker_drains import worker_with
from enginehouse.storage import attempts
from enginehouse.storage.attempts import WorkerAttemptRow
from enginehouse.storage.database.database import Tx

MOST_LOGS: Final = 200  # of one engine
_JOBS: Final = 1_000  # the last ones with the engine


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """What a worker has run of late for the caller's organization, and what it runs now."""

    logs: tuple[LogFile, ...]
    running: tuple[ItemKey, ...]


async def of_engines(house: House, principal: Principal, worker_id: str, engine_ids: Iterable[str]) -> WorkerRecord:
    """Returns the logs of the worker's last attempts for these engines, and its running items. Raises NotFound.

    There is a log only of an attempt that has printed something.
    """
    require(principal, Role.READER)
    organization_id = principal.organization_id

    async def read(tx: Tx) -> list[WorkerAttemptRow]:
        worker = await worker_with(tx, worker_id)
        return [
            row
            for engine_id in engine_ids
            for row in await attempts.of_worker(
                tx, organization_id, worker.name, engine_id, jobs=_JOBS, limit=MOST_LOGS
            )
        ]

    rows = await house.database.read(read)
    return WorkerRecord(
        tuple(_log(organization_id, row) for row in rows),
        tuple(ItemKey(row.job_id, row.ordinal, row.item) for row in rows if row.running),
    )


def _log(organization_id: int, row: WorkerAttemptRow) -> LogFile:
    key = log_key(organization_id, row.job_id, row.ordinal, row.item, row.number)
    return LogFile(f"{ids.task_uuid(row.job_id, row.ordinal)}/{key.rpartition('/')[2]}", key)
