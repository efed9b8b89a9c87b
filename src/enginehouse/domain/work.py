"""What a worker is given and what it reports: leases and the ends of attempts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.job import Plan
from enginehouse.domain.retry import FailureKind


class ItemSource(msgspec.Struct, frozen=True):
    """The artifact a chunk item reads, and the input folder it arrives in."""

    folder: int
    ordinal: int
    output_folder: int
    item: int
    part: int


WHOLE: Final = ItemSource(-1, -1, -1, -1, -1)


class ItemKey(NamedTuple):
    """Names one work item."""

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
    """One output of an attempt, already durable under `key`; it becomes visible when the report is accepted."""

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
    """The engine answered."""

    outputs: tuple[NewArtifact, ...] = ()


class Failed(msgspec.Struct, frozen=True):
    """The attempt ended without a result."""

    kind: FailureKind
    message: str


class Report(msgspec.Struct, frozen=True):
    """How one attempt ended."""

    key: ItemKey
    token: int
    outcome: Done | Failed


class Accepted(msgspec.Struct, frozen=True):
    """The report counts: how many items it made runnable, whether its job has ended, when another attempt may start."""

    job_ended: bool = False
    runnable: int = 0
    again_at: int | None = None


class Stale(msgspec.Struct, frozen=True):
    """The attempt had been replaced or its job cancelled: no result of it counts.

    `job_ended` where it was the last one a cancelled job waited for.
    """

    job_ended: bool = False


Answer = Accepted | Stale


class ItemState(msgspec.Struct, frozen=True):
    """A leased item: its key, and what it has been charged for so far."""

    ordinal: int
    item: int
    attempts: int
    failures: int
    lost: int


class Requeue(msgspec.Struct, frozen=True):
    """An item that is to be tried again, not before `at`, charged as said."""

    item: ItemState
    at: int
    failures: int
    lost: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. `outcome` is `running`, without an end, for one that has not ended. Times in µs UTC."""

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
    stop_signalled_at: int | None = None  # its engine was told


class AttemptPage(NamedTuple):
    """Which of a task's attempts are wanted."""

    job_id: int
    ordinal: int
    offset: int
    limit: int


BEAT_SECONDS: Final = 10.0  # how often a worker says that it is there
GONE_AFTER: Final = 30_000_000  # µs without a word: three beats
REMEMBERED: Final = 86_400_000_000  # µs for which one that vanished is known by name


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as it last spoke of itself. Times in µs of the storage clock; `running` attempts are leased to it."""

    name: str
    pools: Mapping[str, int]
    engines: frozenset[str]
    started_at: int
    seen_at: int
    running: int = 0

    def connected(self, now: int) -> bool:
        """True while it has been heard of within three beats."""
        return now - self.seen_at <= GONE_AFTER
