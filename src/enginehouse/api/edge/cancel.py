"""Cancelling over REST: one job, a scheduled job with its jobs, or an organization's jobs of a time range."""

from typing import Final

from enginehouse.api.edge.job_shapes import CancelJobs, Cancelled
from enginehouse.api.http.call import Call, Reply, json
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


async def cancel(call: Call) -> Reply:
    """POST proc/jobs/cancel: what its one selector names is aborted, `count` by this call (rest-contract §3.6).

    A scheduled job is inactive afterwards, too.
    """
    given = await call.body(_CANCEL)
    match selectors(given):
        case ["jobID"]:
            ref, include_running = refs.job(given.job_id or ""), bool(given.include_running)
            answer = await jobs.cancel(call.house, call.principal, ref, include_running=include_running)
            return json(Cancelled(True, answer.count, answer.stopping if include_running else None))
        case ["scheduledJobID"]:
            ref, include_running = refs.schedule(str(given.scheduled_job_id)), bool(given.include_running)
            done = await cancellation.cancel(call.house, call.principal, ref, include_running=include_running)
            return json(Cancelled(True, done.count, done.stopping if include_running else None))
        case ["organizationID"]:
            return await _cancel_range(call, given)
        case []:
            raise InvalidInput(_NONE)
        case several:
            raise InvalidInput(f"Give exactly one selector; got {' and '.join(several)}.")


async def _cancel_range(call: Call, given: CancelJobs) -> Reply:
    """The jobs of an organization and a time range, of which nothing is missing, are aborted."""
    created_from, created_to = bounds(given.created_after_date_time, given.created_before_date_time)
    owner = await accounts.acting(call.house, call.principal, given.organization_id, "organizationID")
    done = await bulk_cancels.cancel(
        call.house,
        owner,
        created_from=created_from,
        created_to=created_to,
        include_running=bool(given.include_running),
        key=call.key,
    )
    return json(Cancelled(True, done.count, done.stopping), replayed=done.replayed)


def selectors(given: CancelJobs) -> list[str]:
    """Which selectors were given; empty text is none, and a range is whole only with its organization and both dates.

    Raises InvalidInput for a range of which a part is missing.
    """
    found = []
    if given.job_id:
        found.append("jobID")
    if given.scheduled_job_id:
        found.append("scheduledJobID")
    ranged = {
        "organizationID": given.organization_id,
        "createdAfterDateTime": given.created_after_date_time,
        "createdBeforeDateTime": given.created_before_date_time,
    }
    parts = [name for name, value in ranged.items() if not _absent(value)]
    if parts and (found or len(parts) == len(ranged)):
        found.append(parts[0])
    elif parts:
        raise InvalidInput(_NONE)
    return found


def _absent(value: str | float | None) -> bool:
    """Nothing, empty text, or the zero time that some clients send for nothing."""
    try:
        return value is None or value == "" or (isinstance(value, str) and times.moment(value) is None)
    except times.DateTimeError:
        return False
