"""Cancelling the jobs of a time range over REST: the documented form, and our own with its progress."""

from typing import Final

import msgspec

from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.input.ranges import bounds
from enginehouse.api.spelling import DateTime, optional
from enginehouse.api.v1.envelope import result
from enginehouse.domain import times
from enginehouse.operations import accounts, bulk_cancels
from enginehouse.operations.bulk_cancels import BulkCancel


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


_RANGE: Final = Body(CancelRange, exact=True)


async def cancel(call: Call) -> Reply:
    """POST jobs/cancel: as the documented form, with a dry run, a confirmation and something to look at afterwards."""
    given = await call.body(_RANGE)
    created_from, created_to = bounds(given.created_after_date_time, given.created_before_date_time)
    owner = await accounts.acting(call.house, call.principal, given.organization_id, "organizationID")
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
    owner = await accounts.acting(call.house, call.principal, given, "organizationID")
    return result(_shown(await bulk_cancels.get(call.house, owner, refs.bulk_cancel(text))))


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
