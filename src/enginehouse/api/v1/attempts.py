"""Retries a job, and shows the attempts of its tasks with their logs: below `/api/v1/jobs/{id}`."""

from typing import Any, Final

import msgspec

from enginehouse.api.http import body
from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import answers, sends_file
from enginehouse.api.http.download import Download
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import MAX_OFFSET, Query
from enginehouse.api.input import attempt_places, refs
from enginehouse.api.spelling import optional
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import ids, times
from enginehouse.domain.errors import NotFound
from enginehouse.domain.planning.payloads import TaskPayload
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.work import Attempt
from enginehouse.operations import attempts, jobs


class PayloadOfTask(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Another payload for a task, which `task` names by its number in the job, its ID or its reference."""

    task: str | int
    payload: Any = None


class RetryJob(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """With `onlyFailed` complete tasks do not run again, unless their payload is another or they follow such a task.

    With `payloads` a complete job may be done again too.
    """

    only_failed: bool | None = None
    payloads: list[PayloadOfTask] | None = None


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


class JobAttemptView(AttemptView, rename=spelled, omit_defaults=True, kw_only=True):
    """An attempt of one of the job's tasks: the number of the task in the job."""

    task: int


class LogPartView(msgspec.Struct, rename=spelled, kw_only=True):
    """A part of a log: from `offset` up to `next`, of `size` bytes now. `isOver`: nothing follows it."""

    text: str
    offset: int
    next: int
    size: int
    is_over: bool


_RETRY: Final = Body(RetryJob)
_LONGEST_NUMBER: Final = 9  # digits


@answers(Result[RetriedJob], body=_RETRY, optional_body=True, idempotent=True)
async def retry(call: Call) -> Reply:
    """POST jobs/{JobID}/retry: creates a job that does the same work again, without a body all of it."""
    raw = await body.read(call.receive, length=call.headers.content_length)
    options = _RETRY.read(raw) if raw else RetryJob()
    ref = refs.job(call.id)
    payloads = [TaskPayload(task=str(each.task), payload=each.payload) for each in options.payloads or ()]
    job = await jobs.retry(
        call.house, call.principal, ref, only_failed=options.only_failed or False, payloads=payloads, key=call.key
    )
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
    ref = named_task(*call.ids)
    page = await attempts.of_task(call.house, call.principal, ref, offset=offset, limit=limit)
    return result([_attempt(ref.job_id, ref.ordinal, each) for each in page])


@answers(Result[list[JobAttemptView]], query={"after": str, "limit": int})
async def list_of_job(call: Call) -> Reply:
    """GET jobs/{JobID}/attempts: those of all tasks, by task, item and number, after TASK.ITEM.NUMBER."""
    most = call.house.limits.page_size
    query = Query(call.query)
    after, limit = query.text("after"), query.integer("limit", most, 1, most)
    place = attempt_places.place(query.problems, after)
    query.finish()
    ref = refs.job(call.id)
    found = await attempts.of_job(call.house, call.principal, ref, after=place, limit=limit)
    return result([_of_job(ref.number, at.ordinal, each) for at, each in found])


@answers(Result[LogPartView], query={"offset": int, "limit": int})
async def log_part(call: Call) -> Reply:
    """GET jobs/{JobID}/tasks/{Ordinal}/attempts/{Item}/{Number}/log/part: the log from an offset on, as it is now."""
    query = Query(call.query)
    offset = query.integer("offset", 0, 0, MAX_OFFSET)
    limit = query.integer("limit", attempts.PART, attempts.SMALLEST_PART, attempts.LOG_BYTES)
    query.finish()
    job, task, item, number = call.ids
    ref, attempt = named_task(job, task), (_number("Attempt", item), _number("Attempt", number))
    part = await attempts.log_part(call.house, call.principal, ref, *attempt, offset=offset, limit=limit)
    return result(LogPartView(text=part.text, offset=part.offset, next=part.next, size=part.size, is_over=part.is_over))


@sends_file("text/plain")
async def log(call: Call) -> Download:
    """GET jobs/{JobID}/tasks/{Ordinal}/attempts/{Item}/{Number}/log: the engine's output, up to a limit."""
    job, task, item, number = call.ids
    ref, attempt = named_task(job, task), (_number("Attempt", item), _number("Attempt", number))
    content = await attempts.log(call.house, call.principal, ref, *attempt)
    return Download(content, media_type="text/plain; charset=utf-8")


def log_path(job_id: int, ordinal: int, attempt: Attempt) -> str:
    """Returns the path of the log of an attempt."""
    return f"/api/v1/jobs/{ids.job_uuid(job_id)}/tasks/{ordinal}/attempts/{attempt.item}/{attempt.number}/log"


def named_task(job: str, task: str) -> TaskRef:
    """Returns the task that a path names by its job and its number."""
    return TaskRef(refs.job(job).number, _number("Task", task), f"{job}/{task}")


def _number(kind: str, text: str) -> int:
    """Returns the number in a part of a path. Raises NotFound for any other text."""
    number = ids.parse_number(text) if len(text) <= _LONGEST_NUMBER else None
    if number is None:
        raise NotFound(kind, text[:80])
    return number


def _attempt(job_id: int, ordinal: int, one: Attempt) -> AttemptView:
    return AttemptView(**_fields(job_id, ordinal, one))


def _of_job(job_id: int, ordinal: int, one: Attempt) -> JobAttemptView:
    return JobAttemptView(task=ordinal, **_fields(job_id, ordinal, one))


def _fields(job_id: int, ordinal: int, one: Attempt) -> dict[str, Any]:
    return {
        "item": one.item,
        "number": one.number,
        "worker": one.worker,
        "outcome": one.outcome,
        "started_date_time": times.rest(one.started_at),
        "ended_date_time": optional(times.rest, one.ended_at),
        "failure_reason": one.failure_reason,
        "failure_detail": one.failure_message,
        "stop_requested_date_time": optional(times.rest, one.stop_requested_at),
        "stop_signalled_date_time": optional(times.rest, one.stop_signalled_at),
        "log": log_path(job_id, ordinal, one),
    }
