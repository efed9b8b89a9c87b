"""Jobs that are to be stored, as their creation takes them: worked out whole, before any transaction begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from enginehouse.domain.audit import Entry
from enginehouse.domain.job import Plan, TargetRequest
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.status import TaskStatus
from enginehouse.storage.idempotency import RequestKey


class JobOrigin(msgspec.Struct, frozen=True, gc=False):
    """Where a job comes from: a scheduled job, the slot it was started for, the template it was made from."""

    scheduled_job_id: int | None = None
    slot_at: int | None = None
    template_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to store: its plan worked out, and which of its tasks can start at once.

    `target` describes one to make in the same transaction; `target_id` names one that is there. `reused` names tasks
    that are complete by the outputs they have in the job `retry_of`, each with the job that made those; such a task is
    neither in `runnable` nor in `total`.
    """

    organization_id: int
    plan: Plan
    document: str
    edges: Edges
    statuses: tuple[TaskStatus, ...]
    runnable: frozenset[int]
    total: int
    target_id: int | None = None
    target: TargetRequest | None = None
    created_by: str | None = None
    due_at: int | None = None
    retry_of: int | None = None
    root_of: int | None = None
    reused: Mapping[int, int] | None = None
    origin: JobOrigin | None = None


class Creation(msgspec.Struct, frozen=True, gc=False):
    """What one caller creates: its jobs, all or none, with the key of its request.

    `warnings` are returned with each; None where there are none.
    `entries` are recorded with them: one for each job, about it.
    """

    jobs: Sequence[NewJob]
    key: RequestKey | None = None
    entries: Sequence[Entry] = ()
    warnings: Sequence[tuple[str, ...]] | None = None
