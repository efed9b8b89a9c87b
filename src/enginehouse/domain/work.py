"""What a worker is given and what it reports: leases and the ends of attempts."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from enginehouse.domain.flow import Source
from enginehouse.domain.job import Plan
from enginehouse.domain.retry import FailureKind


class ItemKey(NamedTuple):
    """Names one work item."""

    job_id: int
    ordinal: int
    item: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to run one attempt until `until` (µs of the storage clock); every write of the attempt carries `token`."""

    key: ItemKey
    token: int
    until: int
    organization_id: int
    engine_id: str
    attempt: int
    source: Source
    plan: Plan
    target_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArtifact:
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


@dataclass(frozen=True, slots=True)
class Done:
    """The engine answered."""

    outputs: tuple[NewArtifact, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt ended without a result."""

    kind: FailureKind
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """How one attempt ended."""

    key: ItemKey
    token: int
    outcome: Done | Failed


@dataclass(frozen=True, slots=True)
class Accepted:
    """The report counts. `task_ended` and `job_ended` tell what it led to; `again_at` when another attempt will come."""

    job_ended: bool = False
    runnable: int = 0
    again_at: int | None = None


@dataclass(frozen=True, slots=True)
class Stale:
    """The attempt had been replaced or its job cancelled; nothing changed."""


Answer = Accepted | Stale
