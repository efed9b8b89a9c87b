"""Retries and attempts as our own interface, `/api/v1`, has them."""

import msgspec

from enginehouse.api.http.json.casing import spelled


class RetryJob(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`onlyFailed`: the tasks that are complete do not run again."""

    only_failed: bool | None = None


class RetriedJob(msgspec.Struct, rename=spelled, kw_only=True):
    """The new job, and the one that it does again."""

    internal_job_id: str
    core_job_id: str
    retry_of: str


class AttemptShown(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """One attempt. `outcome` is `running`, without an end, for one that has not ended; `log` is a path."""

    item: int
    number: int
    worker: str
    outcome: str
    started_date_time: str
    ended_date_time: str | None = None
    failure_reason: str | None = None
    failure_detail: str | None = None
    stop_requested_date_time: str | None = None
    stop_signalled_date_time: str | None = None
    log: str
