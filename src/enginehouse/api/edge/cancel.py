"""Cancels over REST: one job, a scheduled job with its jobs, or an organization's jobs of a time range."""

from typing import Final

from enginehouse.api.edge.job_shapes import CancelJobs, CancelledJobs
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.api.input.ranges import bounds
from enginehouse.domain import times
from enginehouse.domain.errors import InvalidInput
from enginehouse.operations import accounts, bulk_cancels, jobs
from enginehouse.operations.schedules import cancellation

_CANCEL: Final = Body(CancelJobs)
_NONE: Final = (
    "Give exactly one of jobID, scheduledJobID, or organizationID with createdAfterDateTime and createdBeforeDateTime."
)


@answers(CancelledJobs, body=_CANCEL, idempotent=True)
async def cancel(call: Call) -> Reply:
    """POST proc/jobs/cancel: cancels what its one selector names, `count` jobs by this call (rest-contract §3.6).

    A scheduled job is also inactive afterwards.
    """
    body = await call.body(_CANCEL)
    match selectors(body):
        case ["jobID"]:
            ref, include_running = refs.job(body.job_id or ""), bool(body.include_running)
            answer = await jobs.cancel(call.house, call.principal, ref, include_running=include_running)
            return json(CancelledJobs(True, answer.count, answer.stopping if include_running else None))
        case ["scheduledJobID"]:
            ref, include_running = refs.schedule(str(body.scheduled_job_id)), bool(body.include_running)
            cancelled = await cancellation.cancel(call.house, call.principal, ref, include_running=include_running)
            return json(CancelledJobs(True, cancelled.count, cancelled.stopping if include_running else None))
        case ["organizationID"]:
            return await _cancel_range(call, body)
        case []:
            raise InvalidInput(_NONE)
        case several:
            raise InvalidInput(f"Give exactly one selector; got {' and '.join(several)}.")


async def _cancel_range(call: Call, body: CancelJobs) -> Reply:
    """The jobs of an organization and a complete time range are aborted."""
    created_from, created_to = bounds(body.created_after_date_time, body.created_before_date_time)
    owner = await accounts.acting(call.house, call.principal, body.organization_id, "organizationID")
    bulk_cancel = await bulk_cancels.cancel(
        call.house,
        owner,
        created_from=created_from,
        created_to=created_to,
        include_running=bool(body.include_running),
        key=call.key,
    )
    return json(CancelledJobs(True, bulk_cancel.count, bulk_cancel.stopping), replayed=bulk_cancel.replayed)


def selectors(body: CancelJobs) -> list[str]:
    """Returns the selectors of the request. Empty text is none. A range needs its organization and both dates.

    Raises InvalidInput for an incomplete range.
    """
    names = []
    if body.job_id:
        names.append("jobID")
    if body.scheduled_job_id:
        names.append("scheduledJobID")
    ranged = {
        "organizationID": body.organization_id,
        "createdAfterDateTime": body.created_after_date_time,
        "createdBeforeDateTime": body.created_before_date_time,
    }
    parts = [name for name, value in ranged.items() if not _absent(value)]
    if parts and (names or len(parts) == len(ranged)):
        names.append(parts[0])
    elif parts:
        raise InvalidInput(_NONE)
    return names


def _absent(value: str | float | None) -> bool:
    """Returns True for nothing, empty text, and the zero time that some clients send for nothing."""
    try:
        return value is None or value == "" or (isinstance(value, str) and times.moment(value) is None)
    except times.DateTimeError:
        return False
