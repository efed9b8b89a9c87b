"""The work requests of a job over REST (rest-contract §2.3)."""

from typing import Final

import msgspec

from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import PAGE, Direction, answers, one_of
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.spelling import json_text
from enginehouse.domain import ids, times
from enginehouse.domain.work_requests import WorkRequest, WorkRequestFilter, request_uuid
from enginehouse.operations import engines, work_requests

_STATUSES: Final = ("complete", "failed", "pending", "running", "timeout")
_ORDERS: Final = ("createdDateTime", "modifiedDateTime")


class RequestOfJob(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    work_request_id: str = msgspec.field(name="workRequestID")
    internal_job_id: str
    internal_task_id: str
    engine_id: str
    engine_name: str | None = None
    engine_type: str | None = None
    status: str
    error_count: int
    created_date_time: str
    modified_date_time: str


class RequestsOfJob(msgspec.Struct, kw_only=True):
    """A page of work requests. `count` is the number of all matches."""

    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[RequestOfJob]


class RequestDetail(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    work_request_id: str = msgspec.field(name="workRequestID")
    internal_job_id: str
    internal_task_id: str
    status: str
    chunks_to_process_count: int
    chunks_completed_count: int
    skipped_count: int
    error_count: int
    details: str | None = None
    work_request_details_json: str = msgspec.field(name="workRequestDetailsJSON")
    created_date_time: str
    modified_date_time: str


class RequestAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    result: RequestDetail


@answers(
    RequestsOfJob,
    query={
        "status": one_of(*_STATUSES),
        "taskID": str,
        "orderBy": one_of(*_ORDERS),
        "direction": Direction,
        **PAGE,
    },
)
async def of_job(call: Call) -> Reply:
    """GET proc/job/{JobID}/workrequests: a page of the job's work items, also of those that have ended."""
    query, job = Query(call.query), refs.job(call.id)
    status, task = query.word("status", _STATUSES), query.id("taskID", *refs.TASK)
    (offset, limit), order, descending = query.page(100), query.order(_ORDERS), query.descending()
    query.finish()
    key = None if task is None else ids.parse_task(task)
    filter_ = WorkRequestFilter(
        ordinal=None if key is None else key[1],
        status=status,
        by_change=order == _ORDERS[1],
        descending=descending,
        offset=offset,
        limit=limit,
    )
    page = await work_requests.of_job(call.house, call.principal, job, filter_)
    if task is not None and (key is None or key[0] != job.number):
        page = work_requests.RequestPage((), 0)
    result = [_of_job(call, request) for request in page.requests]
    return json(RequestsOfJob(count=page.total, limit=limit, offset=offset, result=result))


@answers(RequestAnswer)
async def detail(call: Call) -> Reply:
    """GET proc/workrequest/{WorkRequestID}/detail: the work item, with its last attempt."""
    key = refs.work_request(call.id)
    request = await work_requests.get(call.house, call.principal, *key, text=call.id)
    shown = RequestDetail(
        work_request_id=request_uuid(request.job_id, request.ordinal, request.item),
        internal_job_id=ids.job_uuid(request.job_id),
        internal_task_id=ids.task_uuid(request.job_id, request.ordinal),
        status=request.status,
        chunks_to_process_count=1,
        chunks_completed_count=int(request.status == "complete"),
        skipped_count=0,
        error_count=request.failures,
        details=request.failure_message,
        work_request_details_json=json_text(
            {"item": request.item, "attempts": request.attempts, "worker": request.worker}
        ),
        created_date_time=times.rest(request.created_at),
        modified_date_time=times.rest(request.changed_at),
    )
    return json(RequestAnswer(result=shown))


def _of_job(call: Call, request: WorkRequest) -> RequestOfJob:
    engine = engines.shown(call.house, call.principal, request.engine_id)
    return RequestOfJob(
        work_request_id=request_uuid(request.job_id, request.ordinal, request.item),
        internal_job_id=ids.job_uuid(request.job_id),
        internal_task_id=ids.task_uuid(request.job_id, request.ordinal),
        engine_id=request.engine_id,
        engine_name=None if engine is None else engine.spec.name,
        engine_type=None if engine is None else engine.spec.mode.value,
        status=request.status,
        error_count=request.failures,
        created_date_time=times.rest(request.created_at),
        modified_date_time=times.rest(request.changed_at),
    )
