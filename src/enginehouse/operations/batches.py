"""The plural calls behind the batchers: requests of many clients share one transaction.

Each function takes the requests that a `Batcher` has gathered, and returns one answer for each, in the same order. No
creation waits long for the key of another one.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from enginehouse.domain.artifact import Artifact
from enginehouse.domain.errors import KeyInProgress, Refusal
from enginehouse.domain.quotas import Lane
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import Answer, Report
from enginehouse.operations.job_watches import JobWatches
from enginehouse.operations.work_waits import MOST_TOLD
from enginehouse.storage import artifacts, idempotency, workers
from enginehouse.storage import instances as stored_instances
from enginehouse.storage.artifacts import OutputFolder
from enginehouse.storage.database.batcher import LARGEST, Batcher
from enginehouse.storage.database.database import Contended, Database, Tx
from enginehouse.storage.idempotency import KeyName, StoredAnswer
from enginehouse.storage.jobs import cancellation, keyed_creation, queries
from enginehouse.storage.jobs.cancellation import Cancelling, CancelOutcome
from enginehouse.storage.jobs.keyed_creation import CreateAnswer
from enginehouse.storage.jobs.new_jobs import Creation
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import lane_counts
from enginehouse.storage.work import reports as work_reports
from enginehouse.storage.workers import Beat

PATIENCE: Final = 2.0
"""How many seconds a request waits for an earlier one with the same key on another server."""
_HARDLY: Final = 0.05
WHILE_CREATING: Final = 48  # attempts
AMONG_MANY: Final = 16  # attempts beside a batch of many creations
_MANY: Final = 8
PAUSE: Final = 0.05  # seconds without a creation, after which nobody creates


def portion(creates: Batcher[Creation, CreateAnswer], *, one_writer: bool) -> int:
    """Returns how many attempts the next transaction starts or ends.

    A client that creates a job waits for its commit, and for the work that is committed before. Nobody waits for one
    task of a backlog. So while clients create jobs, the work goes in small portions, and creations come in between. If
    there is one writer for both and creations come in large batches, the portions are smaller still.
    """
    if creates.idle_seconds >= PAUSE:
        return LARGEST
    return AMONG_MANY if one_writer and creates.last_size >= _MANY else WHILE_CREATING


async def create(
    database: Database, plans: Plans, coming: Callable[[Sequence[Creation]], None], creations: Sequence[Creation]
) -> Sequence[CreateAnswer | Exception]:
    """Stores all creations in one transaction. A refused one does not affect the others.

    `coming` tells idle pools of their tasks. SQLite has one writer, which does everything in order: a claim that begins
    now finds the tasks, and shares their commit. On PostgreSQL it would not see them before the commit.

    If another server is storing one of the keys and does not end in time, the creations are stored one by one, and the
    one with that key gets KeyInProgress.
    """
    keyed = any(creation.key is not None for creation in creations)
    if database.dialect == "sqlite":
        coming(creations)
    try:
        answers = await _store(database, plans, creations, PATIENCE if keyed else None)
    except Contended:
        return [KeyInProgress()] if len(creations) == 1 else await _create_apart(database, plans, creations)
    if database.dialect == "postgres":
        coming(creations)
    return answers


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
                # All have waited already, so a short wait is enough to find the key that blocks.
                [answers[n]] = await _store(database, plans, [creation], _HARDLY)
            except Contended:
                answers[n] = KeyInProgress()
            except Exception as error:  # the others are stored, so the batch must not be sent again
                answers[n] = error
    return [answers[n] for n in range(len(creations))]


async def _store(
    database: Database, plans: Plans, creations: Sequence[Creation], patience: float | None
) -> Sequence[CreateAnswer | Refusal]:
    return await database.write_work(lambda tx: keyed_creation.create(tx, plans, creations), patience=patience)


async def cancel(database: Database, watches: JobWatches, cancels: Sequence[Cancelling]) -> list[CancelOutcome | None]:
    """Aborts every job that may be cancelled, and records each call. Returns None for an unknown job."""
    verdicts = await database.write_work(lambda tx: cancellation.cancel_recorded(tx, cancels), reads_clock=True)
    watches.changed(job_id for (job_id, _), _ in cancels)
    return verdicts


async def finish(database: Database, plans: Plans, watches: JobWatches, reports: Sequence[Report]) -> list[Answer]:
    """Ends the attempts as reported. The answer is Stale if a lease was no longer held."""
    answers = await database.write_work(lambda tx: work_reports.finish(tx, plans, reports), reads_clock=True)
    watches.changed(report.key.job_id for report in reports)
    return answers


async def beat(database: Database, beats: Sequence[tuple[str, Beat]]) -> list[None]:
    """Each of these workers on other machines, with the id of its instance, counts as there for three more beats."""

    async def write(tx: Tx) -> None:
        await stored_instances.seen(tx, [instance_id for instance_id, _ in beats])
        await workers.beat(tx, [each for _, each in beats])

    await database.write(write)
    return [None] * len(beats)


async def startable(database: Database, pools: Sequence[str]) -> list[tuple[str, Lane, int]]:
    """Returns how many items of each lane may start now, for all workers that wait."""
    found = await database.peek(lambda tx: lane_counts.look(tx, pools, most=2 * MOST_TOLD))
    return [(size.pool, size.lane, size.startable) for size in found]


async def inputs(database: Database, wanted: Sequence[Sequence[OutputFolder]]) -> list[list[Artifact]]:
    """Returns what is in the folders of each, in the order of the media; in one statement."""
    readers = defaultdict[OutputFolder, list[int]](list)
    for n, folders in enumerate(wanted):
        for folder in folders:
            readers[folder].append(n)
    # SQLite reads in a thread, because a folder may hold thousands of chunks.
    read = database.glance if database.dialect == "postgres" else database.read
    found: list[list[Artifact]] = [[] for _ in wanted]
    for artifact in await read(lambda tx: artifacts.inputs(tx, sorted(readers))):
        for n in readers[artifact.job_id, artifact.ordinal, artifact.folder]:
            found[n].append(artifact)
    return found


async def status(database: Database, job: tuple[int, int]) -> JobStatus | None:
    """Returns the status of a (job, organization); None if there is no such job."""
    job_id, organization_id = job
    return await database.glance(lambda tx: queries.status(tx, organization_id, job_id))


async def statuses(database: Database, jobs: Sequence[tuple[int, int]]) -> list[JobStatus | None]:
    """The same for many jobs, in one statement."""
    return await database.glance(lambda tx: queries.statuses(tx, jobs))


async def key(database: Database, name: KeyName) -> StoredAnswer | None:
    """Returns the stored answer of an idempotency key; None if no request has taken it."""
    return (await keys(database, [name]))[0]


async def keys(database: Database, names: Sequence[KeyName]) -> list[StoredAnswer | None]:
    """The same for many keys, in one statement."""
    answers = await database.glance(lambda tx: idempotency.look_up(tx, set(names)))
    return [answers.get(name) for name in names]
