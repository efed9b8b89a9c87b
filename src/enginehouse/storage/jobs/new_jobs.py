"""The jobs that a creation stores. They are complete before any transaction begins."""

from collections.abc import Mapping, Sequence

import msgspec

from enginehouse.domain.audit import Entry
from enginehouse.domain.job import Plan, TargetRequest
from enginehouse.domain.planning.edges import Beginning, Edges
from enginehouse.domain.token_quotas import QuotaHolder
from enginehouse.domain.traces import current_traceparent
from enginehouse.storage.idempotency import RequestKey


class JobOrigin(msgspec.Struct, frozen=True, gc=False):
    """Where a job comes from: its scheduled job, the slot that started it, its template."""

    scheduled_job_id: int | None = None
    slot_at: int | None = None
    template_id: int | None = None


class NewJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A job to store: its plan, and which of its tasks can start at once.

    `target` describes a target to create in the same transaction; `target_id` names an existing one. `reused` names the
    tasks that are complete by their outputs in the job `retry_of`, each with the job that produced them. Such a task is
    neither in `runnable`, which are in order, nor in `total`. `traceparent`: the span of the request that made it.
    """

    organization_id: int
    plan: Plan
    document: str
    edges: Edges
    beginning: Beginning
    runnable: tuple[int, ...]
    total: int
    target_id: int | None = None
    target: TargetRequest | None = None
    created_by: str | None = None
    due_at: int | None = None
    retry_of: int | None = None
    root_of: int | None = None
    reused: Mapping[int, int] | None = None
    origin: JobOrigin | None = None
    traceparent: str | None = msgspec.field(default_factory=current_traceparent)


class Creation(msgspec.Struct, frozen=True, gc=False):
    """What one caller creates: its jobs, all or none, with the key of its request.

    `warnings` are returned with each job; None if there are none. `entries` are the audit entries, one for each job.
    `quota`: the tasks count for the quota of this token.
    """

    jobs: Sequence[NewJob]
    key: RequestKey | None = None
    entries: Sequence[Entry] = ()
    warnings: Sequence[tuple[str, ...]] | None = None
    quota: QuotaHolder | None = None
