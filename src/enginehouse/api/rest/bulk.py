"""Cancelling the jobs of a time range over REST: the documented form, and our own with its progress."""

from typing import Final

from enginehouse.api.rest import organization
from enginehouse.api.rest.call import Call, Reply, json
from enginehouse.api.rest.query import Query
from enginehouse.domain import times
from enginehouse.domain.errors import InvalidInput, NotFound, Problem
from enginehouse.operations import bulk
from enginehouse.operations.bulk import BulkCancel
from enginehouse.wire.body import Body
from enginehouse.wire.bulk import BulkCancelShown, CancelRange
from enginehouse.wire.check import shown
from enginehouse.wire.jobs import CancelJobs, Cancelled

_RANGE: Final = Body(CancelRange, exact=True)
Moment = str | int | float | None


async def cancel_documented(call: Call, given: CancelJobs) -> Reply:
    """The range form of POST proc/jobs/cancel, whose organization and dates are there (rest-contract §3.6)."""
    created_from, created_to = bounds(given.created_after_date_time, given.created_before_date_time)
    owner = await organization.acting(call.house, call.principal, given.organization_id, "organizationID")
    done = await bulk.cancel(
        call.house,
        owner,
        created_from=created_from,
        created_to=created_to,
        include_running=bool(given.include_running),
        key=call.key,
    )
    return json(Cancelled(True, done.count, done.stopping), replayed=done.replayed)


async def cancel(call: Call) -> Reply:
    """POST jobs/cancel: as the documented form, with a dry run, a confirmation and something to look at afterwards."""
    given = await call.body(_RANGE)
    created_from, created_to = bounds(given.created_after_date_time, given.created_before_date_time)
    owner = await organization.acting(call.house, call.principal, given.organization_id, "organizationID")
    if given.dry_run:
        found = await bulk.preview(
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
        return json({"success": True, "result": would})
    done = await bulk.cancel_if_sure(
        call.house,
        owner,
        created_from=created_from,
        created_to=created_to,
        include_running=given.include_running,
        confirmed=given.confirm_count,
        key=call.key,
    )
    return json({"success": True, "result": _shown(done)}, replayed=done.replayed)


async def progress(call: Call) -> Reply:
    """GET bulk-cancels/{BulkCancelID}: how far it has come."""
    [text] = call.ids
    query = Query(call.query)
    given = query.text("organizationID")
    query.finish()
    owner = await organization.acting(call.house, call.principal, given, "organizationID")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound("Bulk cancel", text[:80])
    return json({"success": True, "result": _shown(await bulk.get(call.house, owner, int(text), text))})


def bounds(after: Moment, before: Moment) -> tuple[int, int]:
    """The first and the last µs of the range. Raises InvalidInput, naming all that is wrong with either."""
    problems = list[Problem]()
    found = list[int]()
    for name, given, read in (
        ("createdAfterDateTime", after, times.moment),
        ("createdBeforeDateTime", before, times.upper_bound),
    ):
        try:
            micros = read(given)
        except times.DateTimeError as fault:
            problems.append(Problem(name, str(fault), shown(given)))
            continue
        if micros is None:
            problems.append(Problem(name, "required."))
        else:
            found.append(micros)
    if problems:
        raise InvalidInput(problems)
    created_from, created_to = found
    return created_from, created_to


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
        settled_date_time=None if done.settled_at is None else times.rest(done.settled_at),
    )
