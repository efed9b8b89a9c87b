"""Cancelling the jobs of a time range over REST: the documented form, and our own with its progress."""

from typing import Final

from enginehouse.api.http import organization
from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input.ranges import bounds
from enginehouse.api.spelling import optional
from enginehouse.api.v1.bulk_cancel_shapes import BulkCancelShown, CancelRange
from enginehouse.api.v1.envelope import result
from enginehouse.domain import times
from enginehouse.domain.errors import NotFound
from enginehouse.operations import bulk_cancels
from enginehouse.operations.bulk_cancels import BulkCancel

_RANGE: Final = Body(CancelRange, exact=True)


async def cancel(call: Call) -> Reply:
    """POST jobs/cancel: as the documented form, with a dry run, a confirmation and something to look at afterwards."""
    given = await call.body(_RANGE)
    created_from, created_to = bounds(given.created_after_date_time, given.created_before_date_time)
    owner = await organization.acting(call.house, call.principal, given.organization_id, "organizationID")
    if given.dry_run:
        found = await bulk_cancels.preview(
            call.house,
            owner,
            created_from=created_from,
            created_to=created_to,
            include_running=given.include_running,
        )
        would = BulkCancelShown(
            organization_id=str(owner.organization_id),
            created_after_date_time=times.rest(created_from),
            created_before_date_time=times.rest(created_to),
            count=found.count,
            stopping=found.stopping,
            dry_run=True,
        )
        return result(would)
    done = await bulk_cancels.cancel_if_sure(
        call.house,
        owner,
        created_from=created_from,
        created_to=created_to,
        include_running=given.include_running,
        confirmed=given.confirm_count,
        key=call.key,
    )
    return result(_shown(done), replayed=done.replayed)


async def progress(call: Call) -> Reply:
    """GET bulk-cancels/{BulkCancelID}: how far it has come."""
    [text] = call.ids
    query = Query(call.query)
    given = query.text("organizationID")
    query.finish()
    owner = await organization.acting(call.house, call.principal, given, "organizationID")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound("Bulk cancel", text[:80])
    return result(_shown(await bulk_cancels.get(call.house, owner, int(text), text)))


def _shown(done: BulkCancel) -> BulkCancelShown:
    return BulkCancelShown(
        id=str(done.id),
        organization_id=str(done.organization_id),
        created_after_date_time=times.rest(done.created_from),
        created_before_date_time=times.rest(done.created_to),
        count=done.count,
        stopping=done.stopping,
        settled=done.settled,
        accepted_date_time=times.rest(done.accepted_at),
        settled_date_time=optional(times.rest, done.settled_at),
    )
