"""What a transaction did, for whoever wants to know after its commit. A transaction that fails has done nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from enginehouse.domain.ids import micros_of
from enginehouse.domain.status import JobStatus
from enginehouse.domain.times import SECOND
from enginehouse.domain.totals import Totals

_FAILURES: Final = frozenset({"failed", "lost"})


class JobEnd(NamedTuple):
    """A job has ended, `at` (µs) by the storage clock. `seconds` are from its creation."""

    job_id: int
    organization_id: int
    status: str
    tasks: int
    at: int
    seconds: float

    @classmethod
    def of(cls, job_id: int, organization_id: int, status: JobStatus, *, tasks: int, at: int) -> "JobEnd":
        """Returns the end at this time (µs). A job's id says when it was created."""
        return cls(job_id, organization_id, status.value, tasks, at, max(0, at - micros_of(job_id)) / SECOND)


class AttemptEnd(NamedTuple):
    """An attempt has ended. The words of its engine stay in the database: they may quote what it worked on."""

    job_id: int
    ordinal: int
    item: int
    number: int
    engine_id: str
    worker: str
    started_at: int
    ended_at: int
    outcome: str
    reason: str | None
    is_tried_again: bool

    @property
    def has_failed(self) -> bool:
        """Whether its engine, or whoever ran it, is at fault."""
        return self.outcome in _FAILURES


@dataclass(slots=True)
class Facts:
    """What was counted, the organizations whose jobs have changed, and which jobs and attempts have ended."""

    totals: Totals = field(default_factory=Totals)
    organizations: set[int] = field(default_factory=set)
    ends: list[JobEnd] = field(default_factory=list)
    attempts: list[AttemptEnd] = field(default_factory=list)

    def merge(self, other: "Facts") -> None:
        """The other transaction was committed too."""
        self.totals.merge(other.totals)
        self.organizations |= other.organizations
        self.ends += other.ends
        self.attempts += other.attempts


OnCommit = Callable[[Facts], None]
"""Called on the event loop after each commit, before its callers get their answers. It must not wait or fail."""


def ignore(facts: Facts) -> None:
    """Nobody wants to know."""
