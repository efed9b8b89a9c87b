"""Knows what is done for many clients at once: their creates, cancels, ends and look-ups share a transaction each.

Each function takes what a `Batcher` has gathered and returns as many answers, in the same order. None of the creates
waits long for another one's key.
"""

from collections.abc import Sequence
from typing import Final

from enginehouse.domain.errors import KeyInProgress, Refusal
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import Answer, Report
from enginehouse.operations.job_watches import JobWatches
from enginehouse.storage import idempotency
from enginehouse.storage.database.database import Contended, Database
from enginehouse.storage.idempotency import KeyName, StoredAnswer
from enginehouse.storage.jobs import cancellation, keyed_creation, queries
from enginehouse.storage.jobs.cancellation import Cancelling, CancelOutcome
from enginehouse.storage.jobs.keyed_creation import CreateAnswer
from enginehouse.storage.jobs.new_jobs import Creation
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import reports as work_reports

PATIENCE: Final = 2.0
"""Seconds that a request waits for an earlier one with the same key, on another server, to end."""
_HARDLY: Final = 0.05


async def create(database: Database, plans: Plans, creations: Sequence[Creation]) -> Sequence[CreateAnswer | Exception]:
    """All of them are stored in one transaction; one that is refused touches no other.

    Where another server is about to store one of the keys and does not end, they are stored one by one instead, and the
    one with that key gets KeyInProgress.
    """
    keyed = any(creation.key is not None for creation in creations)
    try:
        return await _store(database, plans, creations, PATIENCE if keyed else None)
    except Contended:
        return [KeyInProgress()] if len(creations) == 1 else await _create_apart(database, plans, creations)


async def _create_apart(
    database: Database, plans: Plans, creations: Sequence[Creation]
) -> list[CreateAnswer | Exception]:
    answers: dict[int, CreateAnswer | Exception] = {}
    plain = [n for n, creation in enumerate(creations) if creation.key is None]
    if plain:
        stored = await _store(database, plans, [creations[n] for n in plain], None)
        answers.update(zip(plain, stored, strict=True))
    for n, creation in enumerate(creations):
        if creation.key is not None:
            try:
                # All have waited already; the key that holds them up shows itself without another wait.
                [answers[n]] = await _store(database, plans, [creation], _HARDLY)
            except Contended:
                answers[n] = KeyInProgress()
            except Exception as error:  # the others are stored: they must not be sent again because of this one
                answers[n] = error
    return [answers[n] for n in range(len(creations))]


async def _store(
    database: Database, plans: Plans, creations: Sequence[Creation], patience: float | None
) -> Sequence[CreateAnswer | Refusal]:
    return await database.write_work(lambda tx: keyed_creation.create(tx, plans, creations), patience=patience)


async def cancel(database: Database, watches: JobWatches, cancels: Sequence[Cancelling]) -> list[CancelOutcome | None]:
    """Every job that may be cancelled is aborted, and each call recorded; None where there is no such job."""
    verdicts = await database.write_work(lambda tx: cancellation.cancel_recorded(tx, cancels))
    watches.changed(job_id for (job_id, _), _ in cancels)
    return verdicts


async def finish(database: Database, plans: Plans, watches: JobWatches, reports: Sequence[Report]) -> list[Answer]:
    """The attempts have ended as reported; Stale where a lease was not held any more."""
    answers = await database.write_work(lambda tx: work_reports.finish(tx, plans, reports))
    watches.changed(report.key.job_id for report in reports)
    return answers


async def status(database: Database, job: tuple[int, int]) -> JobStatus | None:
    """The status of a (job, organization); None where there is none."""
    job_id, organization_id = job
    return await database.glance(lambda tx: queries.status(tx, organization_id, job_id))


async def statuses(database: Database, jobs: Sequence[tuple[int, int]]) -> list[JobStatus | None]:
    """The same of many, in one statement."""
    return await database.glance(lambda tx: queries.statuses(tx, jobs))


async def key(database: Database, name: KeyName) -> StoredAnswer | None:
    """What an idempotency key stands for; None where no request has taken it."""
    return (await keys(database, [name]))[0]


async def keys(database: Database, names: Sequence[KeyName]) -> list[StoredAnswer | None]:
    """The same of many, in one statement."""
    answers = await database.glance(lambda tx: idempotency.look_up(tx, set(names)))
    return [answers.get(name) for name in names]
