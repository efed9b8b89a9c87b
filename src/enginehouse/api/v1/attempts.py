"""Retries a job, and shows the attempts of its tasks with their logs: below `/api/v1/jobs/{id}`."""

from typing import Final

import msgspec

from enginehouse.api.http import body
from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import answers, sends_file
from enginehouse.api.http.download import Download
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import MAX_OFFSET, Query
from enginehouse.api.input import refs
from enginehouse.api.spelling import optional
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import ids, times
from enginehouse.domain.errors import NotFound
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.work import Attempt
from enginehouse.operations import attempts, jobs


class RetryJob(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """With `onlyFailed` complete tasks do not run again."""

    only_failed: bool | None = None


class RetriedJob(msgspec.Struct, rename=spelled, kw_only=True):
    """The new job, and the job that it retries."""

    internal_job_id: str
    core_job_id: str
    retry_of: str


class AttemptView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """One attempt. While it runs, `outcome` is `running` and there is no end. `log` is a path."""

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


_RETRY: Final = Body(RetryJob)
_LONGEST_NUMBER: Final = 9  # digits


@answers(Result[RetriedJob], body=_RETRY, optional_body=True, idempotent=True)
async def retry(call: Call) -> Reply:
    """POST jobs/{JobID}/retry: creates a job that does the same work again, without a body all of it."""
    raw = await body.read(call.receive, length=call.headers.content_length)
    options = _RETRY.read(raw) if raw else RetryJob()
    ref = refs.job(call.id)
    job = await jobs.retry(call.house, call.principal, ref, only_failed=options.only_failed or False, key=call.key)
    retried = RetriedJob(
        internal_job_id=ids.job_uuid(job.job_id),
        core_job_id=ids.job_graphql(job.job_id),
        retry_of=ids.job_uuid(ref.number),
    )
    return result(retried, replayed=job.replayed)


@answers(Result[list[AttemptView]], query={"offset": int, "limit": int})
async def list_attempts(call: Call) -> Reply:
    """GET jobs/{JobID}/tasks/{Ordinal}/attempts: the attempts by item and number, also those that run."""
    most = call.house.limits.page_size
    query = Query(call.query)
    offset, limit = query.integer("offset", 0, 0, MAX_OFFSET), query.integer("limit", most, 1, most)
    query.finish()
    ref = _task(*call.ids)
    page = await attempts.of_task(call.house, call.principal, ref, offset=offset, limit=limit)
    return result([_attempt(ref.job_id, ref.ordinal, each) for each in page])


@sends_file("text/plain")
async def log(call: Call) -> Download:
    """GET jobs/{JobID}/tasks/{Ordinal}/attempts/{Item}/{Number}/log: the engine's output, up to a limit."""
    job, task, item, number = call.ids
    ref, attempt = _task(job, task), (_number("Attempt", item), _number("Attempt", number))
    content = await attempts.log(call.house, call.principal, ref, *attempt)
    return Download(content, media_type="text/plain; charset=utf-8")


def log_path(job_id: int, ordinal: int, attempt: Attempt) -> str:
    """Returns the path of the log of an attempt."""
    return f"/api/v1/jobs/{ids.job_uuid(job_id)}/tasks/{ordinal}/attempts/{attempt.item}/{attempt.number}/log"


def _task(job: str, task: str) -> TaskRef:
    return TaskRef(refs.job(job).number, _number("Task", task), f"{job}/{task}")


def _number(kind: str, text: str) -> int:
    """Returns the number in a part of a path. Raises NotFound for any other text."""
    number = ids.parse_number(text) if len(text) <= _LONGEST_NUMBER else None
    if number is None:
        raise NotFound(kind, text[:80])
    return number


def _attempt(job_id: int, ordinal: int, one: Attempt) -> AttemptView:
    return AttemptView(
        item=one.item,
        number=one.number,
        worker=one.worker,
        outcome=one.outcome,
        started_date_time=times.rest(one.started_at),
        ended_date_time=optional(times.rest, one.ended_at),
        failure_reason=one.failure_reason,
        failure_detail=one.failure_message,
        stop_requested_date_time=optional(times.rest, one.stop_requested_at),
        stop_signalled_date_time=optional(times.rest, one.stop_signalled_at),
        log=log_path(job_id, ordinal, one),
    )
