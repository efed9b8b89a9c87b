"""What a worker is given and what it reports: leases and the ends of attempts."""

from typing import Any, NamedTuple

import msgspec

from enginehouse.domain.items import Source
from enginehouse.domain.job import Plan
from enginehouse.domain.retry import FailureKind


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
    source: Source
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
