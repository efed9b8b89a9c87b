"""Cancelling the jobs of a time range over the documented REST interface."""

from enginehouse.api.edge.job_shapes import CancelJobs, Cancelled
from enginehouse.api.http import organization
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.input.ranges import bounds
from enginehouse.operations import bulk_cancels


async def cancel_documented(call: Call, given: CancelJobs) -> Reply:
    """The range form of POST proc/jobs/cancel, whose organization and dates are there (rest-contract §3.6)."""
    created_from, created_to = bounds(given.created_after_date_time, given.created_before_date_time)
    owner = await organization.acting(call.house, call.principal, given.organization_id, "organizationID")
    done = await bulk_cancels.cancel(
        call.house,
        owner,
        created_from=created_from,
        created_to=created_to,
        include_running=bool(given.include_running),
        key=call.key,
    )
    return json(Cancelled(True, done.count, done.stopping), replayed=done.replayed)
