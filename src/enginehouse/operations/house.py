"""The context of every operation: the database, the store, the known engines, and the listeners to commits."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from enginehouse.artifacts.integrity import Expected, Integrity
from enginehouse.artifacts.store import ArtifactStore
from enginehouse.domain import secret_key
from enginehouse.domain.artifact import Artifact
from enginehouse.domain.engine import Engine, EngineAccess, EngineKind
from enginehouse.domain.planning.shapes import PlanShapes
from enginehouse.domain.resources import Resources
from enginehouse.domain.secret_key import SecretKey
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import Answer, Lease, Report, seat
from enginehouse.operations import batches, claims
from enginehouse.operations.claims import Claiming
from enginehouse.operations.commits import Commits
from enginehouse.operations.instance_states import InstanceStates
from enginehouse.operations.job_pages import JobPageReads
from enginehouse.operations.job_watches import JobWatches
from enginehouse.operations.listeners import Listeners, note, tell_coming
from enginehouse.operations.organization_feeds import OrganizationFeeds
from enginehouse.operations.push_waits import PushWaits
from enginehouse.operations.refusals import Refusals
from enginehouse.operations.throttle import FailedLogins, RequestRates, Throttle
from enginehouse.operations.token_usage import TokenUsage
from enginehouse.operations.token_uses import TokenUses
from enginehouse.operations.tokens import KnownTokens
from enginehouse.operations.work_waits import WorkWaits
from enginehouse.outgoing.failures import OutgoingRefused
from enginehouse.outgoing.fetch import Response
from enginehouse.storage.artifacts import OutputFolder
from enginehouse.storage.database.batcher import Batcher
from enginehouse.storage.database.database import Database
from enginehouse.storage.idempotency import KeyName, StoredAnswer
from enginehouse.storage.jobs.cancellation import Cancelling, CancelOutcome
from enginehouse.storage.jobs.keyed_creation import CreateAnswer
from enginehouse.storage.jobs.new_jobs import Creation
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.jobs.views import JobViews
from enginehouse.storage.work.lanes import Queue
from enginehouse.storage.workers import Beat

REDIRECT_SECONDS: Final = 900  # how long an address at the store works, at most


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one request, one organization or one process; all are settings."""

    tasks_per_job: int = 10_000
    jobs_per_request: int = 10_000
    page_size: int = 1_000
    upload_bytes: int = 104_857_600
    session_seconds: int = 86_400
    lease_seconds: float = 30.0
    outside_lease_seconds: float = 3600.0  # of a task that an engine outside has set to running
    retention_seconds: int = 30 * 86_400
    schedules: int = 10_000  # of one organization
    idempotency_seconds: int = 7 * 86_400
    audit_retention_seconds: int = 365 * 86_400
    unconfirmed_cancels: int = 1_000
    event_streams: int = 1_000  # of one organization at a time; as many clients may wait for results of pushes
    token_requests: int = 1_000_000  # of one token in 10 seconds; 0 for any number
    organization_requests: int = 2_000_000
    signed_url_seconds: int = 3_600
    signed_upload_bytes: int = 10_240 << 20  # of one PUT to a signed URL
    exports: int = 100  # of one organization that wait
    export_seconds: int = 7 * 86_400  # how long an export is kept
    batches: int = 2  # of one verb that the process writes at the same time; always 1 on SQLite
    private_urls: bool = False  # webhooks may have private addresses
    redirect: bool = False  # signed URLs and workers go to the store of the bytes
    subscriptions: int = 100  # of one organization
    events: int = 1_000  # that one organization declares
    outbox_bytes: int = 64 << 20  # of messages of one organization that wait
    webhook_retention_seconds: int = 7 * 86_400  # of deliveries that have ended


@dataclass(slots=True)
class Catalogue:
    """The engines in memory, refreshed from storage by `operations.engines.refresh`: by id, alias and slug.

    `access`: which of them an organization may use, if not all.
    """

    by_id: dict[str, Engine] = field(default_factory=dict)
    by_task_type: dict[str, Engine] = field(default_factory=dict)
    access: dict[int, EngineAccess] = field(default_factory=dict)


@dataclass(slots=True)
class Presence:
    """What is known of workers, refreshed at every beat. `offered`: the engines of those that take work, None at first.

    `installed`: those of all that are connected, also drained ones. `over_http`: what the servers have that also take
    the work of engines over HTTP. `drained`: the seats that take none. It only spares the look: the claim decides.
    """

    offered: frozenset[str] | None = None
    over_http: tuple[Resources, ...] = ()
    drained: frozenset[str] = frozenset()
    installed: frozenset[str] | None = None

    def has(self, engine: Engine) -> bool:
        """True if a connected worker has the engine, if nobody has looked yet, or if it is not one to install."""
        if self.installed is None or engine.spec.kind is not EngineKind.PYTHON:
            return True
        return engine.spec.id in self.installed

    def offers(self, engine: Engine) -> bool:
        """True if a worker takes the engine's work, or if nobody has looked yet."""
        if self.offered is None or engine.spec.id in self.offered:
            return True
        return engine.spec.address is not None and any(engine.spec.resources.fits(each) for each in self.over_http)


def _nowhere(url: str) -> AbstractAsyncContextManager[Response]:
    raise OutgoingRefused("url: this server reads no addresses.")


@dataclass(slots=True)
class Looks:
    """Looks at what is at an address before a job reads it. `app` attaches the guarded client."""

    fetch: Callable[[str], AbstractAsyncContextManager[Response]] = _nowhere
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(16))


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The first argument of every operation."""

    database: Database

    store: ArtifactStore
    """The bytes of artifacts and assets."""

    integrity: Integrity
    """Verifies the bytes of artifacts and assets before anybody gets them."""

    catalogue: Catalogue
    """The known engines."""

    limits: Limits
    """The limits of requests."""

    plans: Plans
    """The plans of recent jobs."""

    job_views: JobViews
    """The jobs that clients have read last."""

    listeners: Listeners
    """The callbacks after a commit."""

    creates: Batcher[Creation, CreateAnswer]
    """Creations of concurrent clients, gathered into one transaction."""

    cancels: Batcher[Cancelling, CancelOutcome | None]
    """Cancels of single jobs, gathered the same way; None for an unknown job."""

    finishes: Batcher[Report, Answer]
    """Ends of attempts, gathered the same way."""

    remote_claims: Batcher[Claiming, list[Lease]]
    """Claims of workers on other machines, gathered the same way."""

    beats: Batcher[tuple[str, Beat], None]
    """Their reports that they are there, gathered the same way."""

    status_of: Callable[[tuple[int, int]], Awaitable[JobStatus | None]]
    """Returns the status of a (job, organization); None if there is no such job."""

    key_of: Callable[[KeyName], Awaitable[StoredAnswer | None]]
    """Returns the stored answer of an idempotency key; None if no request has taken it."""

    inputs_of: Callable[[Sequence[OutputFolder]], Awaitable[list[Artifact]]]
    """Returns what is in the output folders that an attempt reads. Those of concurrent attempts are read together."""

    page_reads: JobPageReads
    """Reads pages of jobs, those of concurrent clients together."""

    watches: JobWatches
    """The jobs that clients follow."""

    feeds: OrganizationFeeds
    """The organizations that clients follow."""

    commits: Commits
    """Learns of every commit of this process, and counts."""

    push_waits: PushWaits
    """The clients that wait for the results of pushes."""

    refusals: Refusals
    """Records refused requests."""

    plan_shapes: PlanShapes = field(default_factory=PlanShapes)
    """The plans of recent requests by their shape."""

    queues: dict[str, Queue] = field(default_factory=lambda: defaultdict(Queue))
    """The state of each pool between claims."""

    known_tokens: KnownTokens = field(default_factory=KnownTokens)
    """The holders of the tokens used in the last second."""

    failed_logins: FailedLogins = field(default_factory=FailedLogins)
    """The failed logins of the last minute."""

    bad_tokens: Throttle = field(default_factory=lambda: Throttle(allowed=60))
    """The requests of the last minute with a token that is not valid, by address."""

    request_rates: RequestRates = field(default_factory=RequestRates)
    """The requests of the last seconds, by token and by organization."""

    token_uses: TokenUses
    """When tokens were used, as far as that is not stored."""

    token_usage: TokenUsage
    """What the tokens with a quota have used."""

    instances: InstanceStates = field(default_factory=InstanceStates)
    """The workers on other machines that this server talks to."""

    looks: Looks = field(default_factory=Looks)
    """How the beginnings of what is at addresses are read."""

    work_waits: WorkWaits
    """Those of them that wait for work."""

    presence: Presence
    """The engines that connected workers offer."""

    secret_key: SecretKey
    """The key from which every key that signs something is derived."""

    @classmethod
    def build(
        cls, database: Database, store: ArtifactStore, limits: Limits | None = None, key: SecretKey | None = None
    ) -> "House":
        """Returns a house on this database and store, without listeners. Without a `key` it has one of its own."""
        plans, views, limits = Plans(), JobViews(), limits or Limits()
        presence = Presence()
        watches = JobWatches(database, per_organization=limits.event_streams)
        feeds = OrganizationFeeds(database)
        commits = database.on_commit = Commits(feeds)
        on_postgres = database.dialect == "postgres"
        in_flight = limits.batches if on_postgres else 1
        gathered = partial(Batcher, in_flight=in_flight)
        listeners, queues = Listeners(), defaultdict[str, Queue](Queue)
        coming = partial(tell_coming, listeners, queues)
        creates = gathered(partial(batches.create, database, plans, coming), observe=commits.of_batches("create"))
        return cls(
            database=database,
            store=store,
            integrity=Integrity(store),
            catalogue=Catalogue(),
            limits=limits,
            secret_key=key or secret_key.fresh(),
            plans=plans,
            job_views=views,
            listeners=listeners,
            queues=queues,
            creates=creates,
            cancels=gathered(partial(batches.cancel, database, watches), observe=commits.of_batches("cancel")),
            finishes=gathered(
                partial(batches.finish, database, plans, watches),
                largest=partial(batches.portion, creates, one_writer=not on_postgres),
                observe=commits.of_batches("finish"),
            ),
            remote_claims=gathered(
                partial(claims.claim, database, plans, watches),
                largest=lambda: 64,
                observe=commits.of_batches("claim"),
            ),
            beats=Batcher(partial(batches.beat, database), in_flight=1, observe=commits.of_batches("beat")),
            # On SQLite a look-up by key takes a few microseconds. On PostgreSQL several callers share a round trip.
            status_of=gathered(partial(batches.statuses, database)).ask
            if on_postgres
            else partial(batches.status, database),
            key_of=gathered(partial(batches.keys, database)).ask if on_postgres else partial(batches.key, database),
            inputs_of=Batcher(partial(batches.inputs, database), in_flight=2, largest=lambda: 64).ask,
            page_reads=JobPageReads(database, views),
            watches=watches,
            feeds=feeds,
            commits=commits,
            presence=presence,
            work_waits=WorkWaits(partial(batches.startable, database), lambda worker: seat(worker) in presence.drained),
            push_waits=PushWaits(database, per_organization=limits.event_streams),
            refusals=Refusals(database, in_flight=in_flight),
            token_uses=TokenUses(database),
            token_usage=TokenUsage(database),
            request_rates=RequestRates(limits.token_requests, limits.organization_requests),
        )

    async def address(self, expected: Expected) -> str | None:
        """Returns the address to which the reader of a signed URL is sent, None if the server sends the bytes itself.

        Raises NotFound, IntegrityError.
        """
        if not self.limits.redirect:
            return None
        return await self.integrity.address(expected, min(self.limits.signed_url_seconds, REDIRECT_SECONDS))

    def waiting(self, organization_id: int | None = None, pools: Collection[str] | None = None) -> None:
        """Work of the organization for these pools (None: of any, for any) may start.

        Marks queues that do not know of it as stale, and wakes the dispatcher.
        """
        note(self.queues, organization_id, pools)
        self.instances.note(organization_id, pools)
        self.listeners.runnable(pools)

    def wake_instances(self) -> None:
        """Workers on other machines that wait are told of new items."""
        self.work_waits.ring()

    def stop_instances(self, job_ids: Collection[int] | None) -> None:
        """Workers on other machines prolong their leases of these jobs (None: of any), and learn what must stop."""
        self.instances.stop(job_ids)
        self.work_waits.stop()
