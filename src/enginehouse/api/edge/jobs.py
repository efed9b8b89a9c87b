"""The job operations of the REST interface: create, status, detail, list, delete."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from enginehouse.api.edge import job_input, job_view, task_view, words
from enginehouse.api.edge.job_cache import KnownJobs
from enginehouse.api.edge.job_shapes import CreatedJobs, CreateJobs, JobStatusAnswer
from enginehouse.api.edge.schedule_shapes import Operation
from enginehouse.api.http.call import DELETED, Call, Reply, json
from enginehouse.api.http.declaration import PAGE, Direction, UnixTime, Uuid, answers, one_of
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain import ids
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import Job, JobFilter
from enginehouse.domain.status import JobStatus
from enginehouse.operations import accounts, job_deletion, jobs

STATUSES: Final = (
    "scheduled",
    "pending",
    "queued",
    "running",
    "complete",
    "aborted",
    "failed",
    "rejected",
    "reprocessing",
)
_ORDER: Final = {"createdDateTime": "created_at", "modifiedDateTime": "modified_at"}
_CREATE: Final = Body(CreateJobs)
_known: Final = KnownJobs()
LIST: Final = {
    "status": one_of(*STATUSES),
    "jobID": str,
    "coreJobID": str,
    "recordingID": str,
    "scheduledJobID": str,
    "coreID": Uuid,
    "organizationID": str,
    "startTime": UnixTime,
    "endTime": UnixTime,
    "CreatedAfter": UnixTime,
    "CreatedBefore": UnixTime,
    "modifiedAfter": UnixTime,
    "modifiedBefore": UnixTime,
    "orderBy": one_of(*_ORDER),
    "direction": Direction,
    **PAGE,
}


@answers(CreatedJobs, body=_CREATE, idempotent=True, warns=True)
async def create(call: Call) -> Reply:
    """POST proc/job/create: creates all jobs of the request, or none."""
    raw = await call.raw_body()
    known = _known.find(raw)
    if known is not None:
        return _created(await jobs.create(call.house, call.principal, known, key=call.key))
    body, problems = _CREATE.judged(raw)
    jobs_to_create = body.jobs
    requests = [job_input.job(job, f"jobs[{number}].", problems) for number, job in enumerate(jobs_to_create)]
    principal = call.principal
    for number, job in enumerate(jobs_to_create):
        path = f"jobs[{number}].internalOrganizationID"
        acting = await accounts.acting(call.house, call.principal, job.internal_organization_id, path)
        if number and acting.organization_id != principal.organization_id:
            raise InvalidInput("all jobs of a request belong to one organization.", path)
        principal = acting
    named = [
        each for number, job in enumerate(jobs_to_create) for each in job_input.references(job, f"jobs[{number}].")
    ]
    created = await jobs.create(call.house, principal, requests, found=problems, key=call.key, references=named)
    _known.learn(raw, jobs_to_create, requests)
    return _created(created)


def _created(created: Sequence[jobs.CreatedJob]) -> Reply:
    warnings = [warning for job in created for warning in job.warnings]
    answer = CreatedJobs([ids.job_uuid(job.job_id) for job in created])
    return json(answer, replayed=created[0].replayed, warnings=warnings)


@answers(JobStatusAnswer)
async def status(call: Call) -> Reply:
    """GET proc/job/{JobID}/status: the status of the job."""
    ref = refs.job(call.id)
    word = words.job_word(await jobs.status(call.house, call.principal, ref))
    job_id = ids.job_uuid(ref.number)
    return Reply(b'{"job":{"internalJobID":"%b","jobStatus":"%b"}}' % (job_id.encode(), word.encode()))


@answers(job_view.JobAnswer)
async def detail(call: Call) -> Reply:
    """GET proc/job/{JobID}/detail: the job with its tasks."""
    job = await jobs.get(call.house, call.principal, refs.job(call.id))
    categories = await task_view.category_names(call.house, call.principal)
    progress = await task_view.progress(call.house, call.principal, job, job.tasks)
    return json(job_view.JobAnswer(job_view.job_detail(call.house, call.principal, job, categories, progress)))


@answers(Operation)
async def delete(call: Call) -> Reply:
    """POST proc/job/{JobID}/delete: deletes the job of the path; a body is ignored."""
    await job_deletion.delete(call.house, call.principal, refs.job(call.id))
    return DELETED


@answers(job_view.JobList, query=LIST)
async def list_jobs(call: Call) -> Reply:
    """GET proc/jobs: a page of the organization's jobs, and the number of all matches."""
    principal, found = await matches(call)
    categories = await task_view.category_names(call.house, principal)
    shown = [job_view.job_detail(call.house, principal, job, categories) for job in found.jobs]
    return json(job_view.JobList(count=found.count, limit=found.limit, offset=found.offset, result=shown))


@dataclass(frozen=True, slots=True)
class Matches:
    """A page of the jobs that match a query, and the number of all that do."""

    jobs: Sequence[Job]
    count: int
    limit: int
    offset: int


async def matches(call: Call, more: Callable[[Query], dict[str, Any]] = lambda query: {}) -> tuple[Principal, Matches]:
    """Returns who asks, for which organization, and the jobs that the query of the call describes. Raises Refusal.

    `more` reads further fields of the filter, which the documented interface does not have.
    """
    query = Query(call.query)
    criteria, further = _filter(query), more(query)
    owner = query.text("organizationID")
    query.finish()
    principal = await accounts.acting(call.house, call.principal, owner, "organizationID")
    if criteria is None:
        offset, limit = query.page()
        return principal, Matches((), 0, limit, offset)
    page = await jobs.list_(call.house, principal, replace(criteria, **further), with_count=True)
    return principal, Matches(page.jobs, page.count or 0, criteria.limit, criteria.offset)


def _filter(query: Query) -> JobFilter | None:
    """Returns the filter that the query describes, None if no job can match it."""
    status = query.word("status", STATUSES)
    named_jobs = [
        ids.parse_job(text) for name in ("jobID", "coreJobID") if (text := query.id(name, *refs.JOB)) is not None
    ]
    target = query.id("recordingID", *refs.NUMBER_OR_UUID)
    target_id = None if target is None else ids.parse_number(target)
    schedule = query.id("scheduledJobID", *refs.NUMBER_OR_UUID)
    core = query.id("coreID", *refs.UUID)
    offset, limit = query.page()
    criteria = JobFilter(
        core_id=None if core is None else core.lower(),
        statuses=(JobStatus(status),) if status in _STORED else (),
        ids=(named_jobs[0],) if named_jobs and named_jobs[0] is not None else None,
        target_id=target_id,
        schedule_ids=None if schedule is None or (of := ids.parse_schedule(schedule)) is None else (of,),
        created_from=query.earliest("startTime", "CreatedAfter"),
        created_to=query.latest("endTime", "CreatedBefore"),
        modified_from=query.earliest("modifiedAfter"),
        modified_to=query.latest("modifiedBefore"),
        order_by=_ORDER[query.order(tuple(_ORDER))],
        descending=query.descending(),
        offset=offset,
        limit=limit,
    )
    impossible = (
        (status is not None and status not in _STORED)
        or None in named_jobs
        or len(set(named_jobs)) > 1
        or (schedule is not None and criteria.schedule_ids is None)
        or (target is not None and target_id is None)
    )
    return None if impossible else criteria


_STORED: Final = frozenset(JobStatus)
