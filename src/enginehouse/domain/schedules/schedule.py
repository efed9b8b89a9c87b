"""What a scheduled job is, what it launches, and the records of its slots."""

from typing import Any, NamedTuple

import msgspec

from enginehouse.domain.schedules.timing import Rules, RunMode, Timing


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A stored scheduled job. Times in µs UTC.

    `document` holds fields that are only shown again (details …). `anchor`, `decided`, `next_at`: see the schema.
    """

    id: int
    organization_id: int
    name: str
    description: str | None = None
    run_mode: RunMode
    is_active: bool
    is_public: bool = False
    start_at: int | None = None
    stop_at: int | None = None
    timing: Timing
    rules: Rules
    document: dict[str, Any] = {}
    source_id: int | None = None
    version: int = 1
    anchor: int
    decided: int
    next_at: int | None = None
    launched: int = 0
    fired: int = 0
    skipped: int = 0
    created_by: str | None = None
    created_at: int = 0
    modified_at: int = 0


class Launch(msgspec.Struct, frozen=True):
    """One object that a schedule launches: a template, or every template of a pipeline."""

    template_id: int | None = None
    pipeline_id: int | None = None


class TemplateVersion(NamedTuple):
    """A template in its current version, and the organization that will own the job: the schedule's organization."""

    template_id: int
    version: int
    organization_id: int


class SlotRecord(NamedTuple):
    """The outcome of a slot, or of `slots` slots in a row up to `last_slot`: fired, queued, or skipped for a reason."""

    slot: int
    outcome: str
    last_slot: int
    slots: int
    reason: str | None
    version: int
    decided_at: int
