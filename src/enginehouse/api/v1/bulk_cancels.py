"""Cancels the jobs of a time range over our own REST interface, and shows the progress."""

from typing import Final

import msgspec

from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.input.ranges import bounds
from enginehouse.api.spelling import DateTime, optional
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import times
from enginehouse.operations import accounts, bulk_cancels
from enginehouse.operations.bulk_cancels import BulkCancel


class CancelRange(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The jobs of an organization, by default the caller's, that were created between two moments."""

    organization_id: str | int | None = None
    created_after_date_time: DateTime | None = None
    created_before_date_time: DateTime | None = None
    include_running: bool = False
    dry_run: bool = False
    confirm_count: int | None = None


class BulkCancelView(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """`count` jobs were aborted; `settled` of their rows already show it. A dry run has no id and no times of its own.

    `stopping` is how many jobs that had started must still stop, if the request includes running ones.
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


@answers(Result[BulkCancelView], body=_RANGE, idempotent=True)
async def cancel(call: Call) -> Reply:
    """POST jobs/cancel: like the documented operation, with a dry run, a confirmation, and an id for its progress."""
    body = await call.body(_RANGE)
    created_from, created_to = bounds(body.created_after_date_time, body.created_before_date_time)
    owner = await accounts.acting(call.house, call.principal, body.organization_id, "organizationID")
    if body.dry_run:
        preview = await bulk_cancels.preview(
            call.house,
            owner,
            created_from=created_from,
            created_to=created_to,
            include_running=body.include_running,
        )
        would = BulkCancelView(
            organization_id=str(owner.organization_id),
            created_after_date_time=times.rest(created_from),
            created_before_date_time=times.rest(created_to),
            count=preview.count,
            stopping=preview.stopping,
            dry_run=True,
        )
        return result(would)
    bulk_cancel = await bulk_cancels.cancel_if_sure(
        call.house,
        owner,
        created_from=created_from,
        created_to=created_to,
        include_running=body.include_running,
        confirmed=body.confirm_count,
        key=call.key,
    )
    return result(_view(bulk_cancel), replayed=bulk_cancel.replayed)


@answers(Result[BulkCancelView], query={"organizationID": str})
async def progress(call: Call) -> Reply:
    """GET bulk-cancels/{BulkCancelID}: the progress of the bulk cancel."""
    query = Query(call.query)
    organization = query.text("organizationID")
    query.finish()
    owner = await accounts.acting(call.house, call.principal, organization, "organizationID")
    return result(_view(await bulk_cancels.get(call.house, owner, refs.bulk_cancel(call.id))))


def _view(bulk_cancel: BulkCancel) -> BulkCancelView:
    return BulkCancelView(
        id=str(bulk_cancel.id),
        organization_id=str(bulk_cancel.organization_id),
        created_after_date_time=times.rest(bulk_cancel.created_from),
        created_before_date_time=times.rest(bulk_cancel.created_to),
        count=bulk_cancel.count,
        stopping=bulk_cancel.stopping,
        settled=bulk_cancel.applied,
        accepted_date_time=times.rest(bulk_cancel.accepted_at),
        settled_date_time=optional(times.rest, bulk_cancel.applied_at),
    )
