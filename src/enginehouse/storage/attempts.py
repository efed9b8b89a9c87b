"""The attempts of tasks in storage: each row is written once, when the attempt ends."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.work import Attempt, AttemptPage, AttemptPlace
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.database.rows import Select


class AttemptRow(NamedTuple):
    """An attempt and its page: `skipped` attempts of the task come before the page."""

    job_id: int
    ordinal: int
    skipped: int
    wanted: int
    item: int
    number: int
    token: int
    worker: str
    started_at: int
    ended_at: int | None
    outcome: str
    failure_reason: str | None
    failure_message: str | None
    stop_requested_at: int | None
    stop_signalled_at: int | None


class JobAttemptRow(NamedTuple):
    """An attempt of a task of a job."""

    ordinal: int
    item: int
    number: int
    token: int
    worker: str
    started_at: int
    ended_at: int | None
    outcome: str
    failure_reason: str | None
    failure_message: str | None
    stop_requested_at: int | None
    stop_signalled_at: int | None


class RunnerRow(NamedTuple):
    """The worker of a running attempt."""

    worker: str


class WorkerAttemptRow(NamedTuple):
    """An attempt that a worker has run, or runs now."""

    job_id: int
    ordinal: int
    item: int
    number: int
    running: int


_OF_WORKER: Final = Select("attempts.of_worker", WorkerAttemptRow)
_WORKER: Final = Select("attempts.worker", RunnerRow)
_OF_JOB: Final = Select("attempts.of_job", JobAttemptRow)
_ONE: Final = Select("attempts.one", JobAttemptRow)
_NEWEST_RUNNING: Final = Select("attempts.newest_running", JobAttemptRow)
_NEWEST_ENDED: Final = Select("attempts.newest_ended", JobAttemptRow)
_PAGES: Final = Select("attempts.attempts", AttemptRow)


async def of_worker(
    tx: Tx, organization_id: int, worker: str, engine_id: str, *, jobs: int, limit: int
) -> list[WorkerAttemptRow]:
    """Returns the last attempts of the worker for the engine, among those of the last `jobs` jobs with the engine."""
    return await _OF_WORKER.all(
        tx, organization_id=organization_id, worker=worker, engine_id=engine_id, jobs=jobs, limit=limit
    )


async def attempts(tx: Tx, organization_id: int, pages: Sequence[AttemptPage]) -> dict[AttemptPage, list[Attempt]]:
    """Returns each page that is not empty, sorted by item and number; in one statement."""
    rows = [(page.job_id, page.ordinal, organization_id, page.offset, page.limit) for page in sorted(set(pages))]
    attempts_of: dict[AttemptPage, list[Attempt]] = defaultdict(list)
    for row in await _PAGES.each(tx, rows):
        page = AttemptPage(row.job_id, row.ordinal, offset=row.skipped, limit=row.wanted)
        attempts_of[page].append(_attempt(row))
    return attempts_of


async def of_job(
    tx: Tx, organization_id: int, job_id: int, after: AttemptPlace, limit: int
) -> list[tuple[AttemptPlace, Attempt]]:
    """Returns the attempts of the job after the one at this place, in the order of tasks, items and numbers."""
    rows = await _OF_JOB.all(tx, organization_id=organization_id, job_id=job_id, limit=limit, **after._asdict())
    return [(AttemptPlace(row.ordinal, row.item, row.number), _attempt(row)) for row in rows]


async def one(tx: Tx, organization_id: int, job_id: int, place: AttemptPlace) -> Attempt | None:
    """Returns this attempt of the job, None if there is none."""
    row = await _ONE.one(tx, organization_id=organization_id, job_id=job_id, **place._asdict())
    return None if row is None else _attempt(row)


async def newest(tx: Tx, organization_id: int, job_id: int, ordinal: int, *, has_ended: bool = False) -> Attempt | None:
    """Returns the attempt of the task that started last, one that runs before all others; None if none has started.

    `has_ended`: the task has, so none runs.
    """
    key = {"organization_id": organization_id, "job_id": job_id, "ordinal": ordinal}
    running = None if has_ended else await _NEWEST_RUNNING.one(tx, **key)
    row = running or await _NEWEST_ENDED.one(tx, **key)
    return None if row is None else _attempt(row)


def _attempt(row: AttemptRow | JobAttemptRow) -> Attempt:
    return Attempt(
        item=row.item,
        number=row.number,
        token=row.token,
        worker=row.worker,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        failure_reason=row.failure_reason,
        failure_message=row.failure_message,
        stop_requested_at=row.stop_requested_at,
        stop_signalled_at=row.stop_signalled_at,
    )


async def worker(tx: Tx, organization_id: int, job_id: int, ordinal: int, item: int, number: int) -> str | None:
    """Returns the worker that runs this attempt of the organization, None if nobody does."""
    row = await _WORKER.one(
        tx, organization_id=organization_id, job_id=job_id, ordinal=ordinal, item=item, number=number
    )
    return None if row is None else row.worker


async def insert(tx: Tx, rows: Sequence[Row]) -> None:
    """Writes the rows of attempts: each once, in the transaction that ends it."""
    await tx.many("attempts.insert", rows)
