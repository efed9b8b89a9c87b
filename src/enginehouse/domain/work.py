"""What a worker receives and what it reports: leases and the ends of attempts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.engine import EngineKind
from enginehouse.domain.engine_reload import ReloadReport
from enginehouse.domain.job import Plan
from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.retry import FailureKind


class ItemSource(msgspec.Struct, frozen=True):
    """The artifact that a chunk item reads, and the input folder in which it arrives."""

    folder: int
    ordinal: int
    output_folder: int
    item: int
    part: int


WHOLE: Final = ItemSource(-1, -1, -1, -1, -1)


class ItemKey(NamedTuple):
    """The key of one work item."""

    job_id: int
    ordinal: int
    item: int


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """The right to run one attempt until `until` (µs, storage clock); every write of the attempt carries `token`."""

    key: ItemKey
    token: int
    until: int
    organization_id: int
    engine_id: str
    attempt: int
    source: ItemSource
    plan: Plan
    target_id: int | None


class NewArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """One output of an attempt. It is durable under `key`, and becomes visible when the report is accepted."""

    folder: int
    part: int
    index: int
    name: str
    media_type: str
    size: int
    sha256: str
    key: str
    start_ms: int | None = None
    stop_ms: int | None = None
    metadata: dict[str, Any] | None = None


class Done(msgspec.Struct, frozen=True):
    """The engine ended with a result."""

    outputs: tuple[NewArtifact, ...] = ()


class Failed(msgspec.Struct, frozen=True):
    """The attempt ended without a result.

    `is_final`: another try is sure to fail too. `retry_after`: seconds that somebody asks to wait before it.
    """

    kind: FailureKind
    message: str
    is_final: bool = False
    retry_after: float | None = None


class Postponed(msgspec.Struct, frozen=True):
    """The engine asked to be called again after so many seconds, with this payload as JSON text, None for the same."""

    seconds: float
    payload: str | None = None


LONGEST_POSTPONEMENT: Final = 30 * 86_400  # seconds
LARGEST_POLL: Final = 1 << 20  # bytes of the payload of the next call

Outcome = Done | Failed | Postponed


class Report(msgspec.Struct, frozen=True):
    """How one attempt ended."""

    key: ItemKey
    token: int
    outcome: Outcome


class Accepted(msgspec.Struct, frozen=True):
    """The report is accepted: whether its job has ended, how many items became runnable, when one may start again."""

    job_ended: bool = False
    runnable: int = 0
    again_at: int | None = None


class Stale(msgspec.Struct, frozen=True):
    """The attempt was replaced, or its job was cancelled: its result does not count.

    `job_ended`: it was the last attempt for which a cancelled job waited.
    """

    job_ended: bool = False


Answer = Accepted | Stale


class ItemState(msgspec.Struct, frozen=True):
    """A leased item: its key, and the failures charged to it so far."""

    ordinal: int
    item: int
    attempts: int
    failures: int
    lost: int


class Requeue(msgspec.Struct, frozen=True):
    """An item to try again, not before `at`, with its new charges."""

    item: ItemState
    at: int
    failures: int
    lost: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. Until it has ended, `outcome` is `running` and `ended_at` is None. Times in µs UTC."""

    item: int
    number: int
    token: int
    worker: str
    started_at: int
    ended_at: int | None
    outcome: str
    failure_reason: str | None
    failure_message: str | None
    stop_requested_at: int | None = None  # its job was cancelled while it ran
    stop_signalled_at: int | None = None  # its engine received the signal to end


class AttemptPage(NamedTuple):
    """Which attempts of a task to read."""

    job_id: int
    ordinal: int
    offset: int
    limit: int


class AttemptPlace(NamedTuple):
    """The place of an attempt among those of its job, in their order."""

    ordinal: int
    item: int
    number: int


BEFORE_ALL: Final = AttemptPlace(-1, -1, -1)

REMOTE: Final = "remote/"  # the prefix of the name of a worker on another machine
BEAT_SECONDS: Final = 10.0  # how often a worker reports that it is alive
GONE_AFTER: Final = 30_000_000  # µs without a report: three beats
REMEMBERED: Final = 86_400_000_000  # µs for which the name of a worker that vanished is kept


class Drain(NamedTuple):
    """A worker claims nothing since `drained_at`, for this reason, in a word and as a person says it."""

    seat: str
    reason: str | None
    detail: str | None
    drained_at: int


def seat(worker: str) -> str:
    """Returns what the name of a worker keeps across its restarts: everything before the number of its process."""
    return worker.rpartition(":")[0] or worker


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as it last reported. Times are µs of the storage clock; `running` is how many attempts it leases.

    `reload` is what a server says of its installed engines, `unable` are the engines that it cannot start now, by the
    sentence that says why.
    """

    name: str
    pools: Mapping[str, int]
    engines: frozenset[str]
    started_at: int
    seen_at: int
    running: int = 0
    drain: Drain | None = None
    resources: Resources = NOTHING
    reload: ReloadReport | None = None
    unable: Mapping[str, tuple[str, ...]] = {}

    def keeps_from(self, engine_id: str) -> str | None:
        """Returns why it cannot start the engine now, None if it can."""
        return next((why for why, engine_ids in self.unable.items() if engine_id in engine_ids), None)

    @property
    def takes_all_over_http(self) -> bool:
        """True for a server with slots for engines over HTTP. A worker on another machine names those that it takes."""
        return self.pools.get(EngineKind.HTTP, 0) > 0 and not self.name.startswith(REMOTE)

    def offers(self, over_http: Mapping[str, Resources]) -> frozenset[str]:
        """Returns the engines whose work it takes, with those over HTTP whose needs its machine meets."""
        if not self.takes_all_over_http:
            return self.engines
        return self.engines.union(each for each, needs in over_http.items() if needs.fits(self.resources))

    def connected(self, now: int) -> bool:
        """True if its last report is at most three beats old."""
        return now - self.seen_at <= GONE_AFTER

    def takes_work(self, now: int) -> bool:
        """True if it is connected and not drained."""
        return self.drain is None and self.connected(now)
