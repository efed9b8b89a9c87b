"""What every operation works with: the database, the store, the engines known, and who is told after a commit."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from enginehouse.artifacts.store import ArtifactStore
from enginehouse.domain.engine import Engine
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import Answer, Report
from enginehouse.operations.batches import Creator
from enginehouse.operations.job_watches import Watches
from enginehouse.operations.passwords import FailedLogins
from enginehouse.operations.refusals import Refusals
from enginehouse.operations.tokens import KnownTokens
from enginehouse.storage import idempotency
from enginehouse.storage.database.batcher import Coalescer
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.idempotency import Known, Name
from enginehouse.storage.jobs import cancellation, creation, keyed_creation, queries
from enginehouse.storage.jobs.cancellation import Cancelling
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import reports as work_reports
from enginehouse.storage.work.lanes import Queue


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for; all are settings."""

    tasks_per_job: int = 10_000
    jobs_per_request: int = 10_000
    page_size: int = 1_000
    upload_bytes: int = 104_857_600
    session_seconds: int = 86_400
    lease_seconds: float = 30.0
    retention_seconds: int = 30 * 86_400
    schedules: int = 10_000  # of one organization
    idempotency_seconds: int = 7 * 86_400
    audit_retention_seconds: int = 365 * 86_400
    unconfirmed_cancels: int = 1_000
    event_streams: int = 1_000  # of one organization at a time


@dataclass(slots=True)
class Catalogue:
    """The engines in memory, refreshed from storage by `operations.engines.refresh`: by id, alias and slug."""

    by_id: dict[str, Engine] = field(default_factory=dict)
    by_task_type: dict[str, Engine] = field(default_factory=dict)


@dataclass(slots=True)
class Presence:
    """The engines that connected workers offer, refreshed at every beat; None while nobody has looked yet."""

    offered: frozenset[str] | None = None


@dataclass(slots=True)
class Listeners:
    """Who is told after a commit; `app` attaches them. None of them may wait or fail.

    `runnable`: some item became runnable. `cancelled`: nothing of these jobs may run any more. `stopping`: these were
    cancelled, and what of them runs is to stop. `ended`: these jobs have their last status. `accepted`: a bulk cancel
    was, and its rows are to be settled. `scheduled`: a schedule may be due earlier than the scheduler thinks.
    """

    runnable: Callable[[], None] = lambda: None
    cancelled: Callable[[Sequence[int]], None] = lambda job_ids: None
    stopping: Callable[[Sequence[int]], None] = lambda job_ids: None
    ended: Callable[[Sequence[int]], None] = lambda job_ids: None
    accepted: Callable[[], None] = lambda: None
    scheduled: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Handed to every operation as its first argument.

    `creates`, `cancels` and `finishes` gather the calls of concurrent clients into one transaction each. `status_of`
    answers the status of a (job, organization), None where there is none, `key_of` what an idempotency
    key stands for. `queues`: what is remembered of each pool.
    `refusals` records who was not let do what.
    """

    database: Database
    store: ArtifactStore
    catalogue: Catalogue
    limits: Limits
    plans: Plans
    listeners: Listeners
    creates: Coalescer[creation.Creation, keyed_creation.Made]
    cancels: Coalescer[Cancelling, cancellation.Cancelled | None]
    finishes: Coalescer[Report, Answer]
    status_of: Callable[[tuple[int, int]], Awaitable[JobStatus | None]]
    key_of: Callable[[Name], Awaitable[Known | None]]
    watches: Watches
    refusals: Refusals
    queues: dict[str, Queue] = field(default_factory=lambda: defaultdict(Queue))
    known_tokens: KnownTokens = field(default_factory=KnownTokens)
    failed_logins: FailedLogins = field(default_factory=FailedLogins)
    presence: Presence = field(default_factory=Presence)

    def waiting(self, organization_id: int | None = None) -> None:
        """Something of the organization may start, or of any: its lanes are looked for, and who dispatches is woken."""
        for queue in self.queues.values():
            queue.note(organization_id)
        self.listeners.runnable()


def furnish(database: Database, store: ArtifactStore, limits: Limits | None = None) -> House:
    """A house on this database and store, with nobody listening yet."""
    plans, limits = Plans(), limits or Limits()
    watches = Watches(database, per_organization=limits.event_streams)
    on_postgres = database.dialect == "postgres"

    async def cancel(wanted: list[Cancelling]) -> list[cancellation.Cancelled | None]:
        verdicts = await database.write_work(lambda tx: cancellation.cancel_recorded(tx, wanted))
        watches.changed(job_id for (job_id, _), _ in wanted)
        return verdicts

    async def finish(reports: list[Report]) -> list[Answer]:

        async def ends(tx: Tx) -> list[Answer]:
            return await work_reports.finish(tx, plans, reports)

        answers = await database.write_work(ends)
        watches.changed(report.key.job_id for report in reports)
        return answers

    async def status(wanted: tuple[int, int]) -> JobStatus | None:
        job_id, organization_id = wanted
        return await database.glance(lambda tx: queries.status(tx, organization_id, job_id))

    async def key(name: Name) -> Known | None:
        return (await database.glance(lambda tx: idempotency.known(tx, [name]))).get(name)

    async def known_keys(names: list[Name]) -> list[Known | None]:
        found = await database.glance(lambda tx: idempotency.known(tx, set(names)))
        return [found.get(name) for name in names]

    async def statuses(wanted: list[tuple[int, int]]) -> list[JobStatus | None]:
        return await database.glance(lambda tx: queries.statuses(tx, wanted))

    in_flight = 2 if on_postgres else 1
    return House(
        database=database,
        store=store,
        catalogue=Catalogue(),
        limits=limits,
        watches=watches,
        plans=plans,
        listeners=Listeners(),
        creates=Coalescer(Creator(database, plans).create, in_flight=in_flight),
        cancels=Coalescer(cancel, in_flight=in_flight),
        finishes=Coalescer(finish, in_flight=in_flight),
        refusals=Refusals(database, in_flight=in_flight),
        # Embedded, a look by key is a few microseconds; over a connection it is worth sharing.
        status_of=Coalescer(statuses, in_flight=in_flight).ask if on_postgres else status,
        key_of=Coalescer(known_keys, in_flight=in_flight).ask if on_postgres else key,
    )
