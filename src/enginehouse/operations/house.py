"""What every operation works with: the database, the store, the engines known, and who is told after a commit."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from enginehouse.artifacts.store import ArtifactStore
from enginehouse.domain.engine import Engine
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import Answer, Report
from enginehouse.operations import batches
from enginehouse.operations.job_watches import JobWatches
from enginehouse.operations.passwords import FailedLogins
from enginehouse.operations.refusals import Refusals
from enginehouse.operations.tokens import KnownTokens
from enginehouse.storage.database.batcher import Batcher
from enginehouse.storage.database.database import Database
from enginehouse.storage.idempotency import KeyName, StoredAnswer
from enginehouse.storage.jobs.cancellation import Cancelling, CancelOutcome
from enginehouse.storage.jobs.keyed_creation import CreateAnswer
from enginehouse.storage.jobs.new_jobs import Creation
from enginehouse.storage.jobs.plans import Plans
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
    was, and it is to be applied to rows. `scheduled`: a schedule may be due earlier than the scheduler thinks.
    """

    runnable: Callable[[], None] = lambda: None
    cancelled: Callable[[Sequence[int]], None] = lambda job_ids: None
    stopping: Callable[[Sequence[int]], None] = lambda job_ids: None
    ended: Callable[[Sequence[int]], None] = lambda job_ids: None
    accepted: Callable[[], None] = lambda: None
    scheduled: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Handed to every operation as its first argument."""

    database: Database

    store: ArtifactStore
    """Where the bytes of artifacts and assets are."""

    catalogue: Catalogue
    """The engines that are known."""

    limits: Limits
    """What one request may ask for."""

    plans: Plans
    """The plans of the jobs used last."""

    listeners: Listeners
    """What is called after a commit."""

    creates: Batcher[Creation, CreateAnswer]
    """Creates of concurrent clients, gathered into one transaction."""

    cancels: Batcher[Cancelling, CancelOutcome | None]
    """Cancels of single jobs, gathered the same way; None for a job that there is not."""

    finishes: Batcher[Report, Answer]
    """Ends of attempts, gathered the same way."""

    status_of: Callable[[tuple[int, int]], Awaitable[JobStatus | None]]
    """The status of a (job, organization); None where there is none."""

    key_of: Callable[[KeyName], Awaitable[StoredAnswer | None]]
    """What an idempotency key stands for; None where no request has taken it."""

    watches: JobWatches
    """The jobs that somebody follows."""

    refusals: Refusals
    """Records who was not let do what."""

    queues: dict[str, Queue] = field(default_factory=lambda: defaultdict(Queue))
    """What is remembered of each pool between claims."""

    known_tokens: KnownTokens = field(default_factory=KnownTokens)
    """The holders of the tokens used in the last second."""

    failed_logins: FailedLogins = field(default_factory=FailedLogins)
    """How often each name was tried in vain in the running minute."""

    presence: Presence = field(default_factory=Presence)
    """Which engines somebody is there to run."""

    @classmethod
    def build(cls, database: Database, store: ArtifactStore, limits: Limits | None = None) -> "House":
        """A house on this database and store, with nobody listening yet."""
        plans, limits = Plans(), limits or Limits()
        watches = JobWatches(database, per_organization=limits.event_streams)
        on_postgres = database.dialect == "postgres"
        in_flight = 2 if on_postgres else 1
        return cls(
            database=database,
            store=store,
            catalogue=Catalogue(),
            limits=limits,
            plans=plans,
            listeners=Listeners(),
            creates=Batcher(partial(batches.create, database, plans), in_flight=in_flight),
            cancels=Batcher(partial(batches.cancel, database, watches), in_flight=in_flight),
            finishes=Batcher(partial(batches.finish, database, plans, watches), in_flight=in_flight),
            # Embedded, a look by key is a few microseconds; over a connection it is worth sharing.
            status_of=Batcher(partial(batches.statuses, database), in_flight=in_flight).ask
            if on_postgres
            else partial(batches.status, database),
            key_of=Batcher(partial(batches.keys, database), in_flight=in_flight).ask
            if on_postgres
            else partial(batches.key, database),
            watches=watches,
            refusals=Refusals(database, in_flight=in_flight),
        )

    def waiting(self, organization_id: int | None = None) -> None:
        """Something of the organization may start, or of any: its lanes are looked for, and who dispatches is woken."""
        for queue in self.queues.values():
            queue.note(organization_id)
        self.listeners.runnable()
