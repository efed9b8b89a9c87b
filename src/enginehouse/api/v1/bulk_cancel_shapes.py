"""Bulk cancels as our own interface, `/api/v1`, has them."""

import msgspec

from enginehouse.api.http.json.casing import spelled
from enginehouse.api.spelling import DateTime


class CancelRange(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The jobs of an organization, the caller's where none is named, created from one moment to another."""

    organization_id: str | int | None = None
    created_after_date_time: DateTime | None = None
    created_before_date_time: DateTime | None = None
    include_running: bool = False
    dry_run: bool = False
    confirm_count: int | None = None


class BulkCancelShown(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """`count` jobs were aborted by it; the rows of `settled` of them say so. A dry run has neither id nor times.

    `stopping`: how many jobs that had started are still to stop, where those were asked for.
    """

    id: str | None = None
    organization_id: str
    created_after_date_time: str
    created_before_date_time: str
    count: int
    stopping: int | None = None
    settled: int | None = None
    accepted_date_time: str | None = None
    settled_date_time: str | None = None
    dry_run: bool | None = None
