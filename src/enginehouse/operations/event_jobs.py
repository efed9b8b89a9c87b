"""The jobs that events create: each exactly once, because the job and the end of its delivery are one transaction."""

from typing import Final

import msgspec

from enginehouse.domain import handlebars
from enginehouse.domain.errors import CapacityExceeded, Refusal, Unavailable
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import JobRequest
from enginehouse.domain.webhooks import job_action
from enginehouse.domain.webhooks.retry import Answer
from enginehouse.domain.webhooks.subscription import EventSubscription
from enginehouse.operations import jobs, targets
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.plans import plan_all
from enginehouse.storage import event_subscriptions
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import creation, queries
from enginehouse.storage.jobs.new_jobs import NewJob
from enginehouse.storage.outbox import claims
from enginehouse.storage.outbox.claims import Leased

EVENT: Final = "createJobByEvent"
_CREATED: Final = 201
_REFUSED: Final = 400
_FULL: Final = 429


class _Stale(Exception):
    """Another server has this delivery now, or its subscription has ended."""


async def create(house: House, leased: Leased) -> Answer:
    """The job of this delivery exists, and the delivery has ended; or why there is none is recorded. Returns that."""
    subscription, chain = await house.database.read(lambda tx: _cause(tx, leased))
    if subscription is None or subscription.document is None:
        return await _refuse(house, leased, None, claims.ENDED)
    if (fault := job_action.loop(subscription.id, chain)) is not None:
        return await _refuse(house, leased, subscription, fault)
    owner = Principal(leased.organization_id, subscription.created_by, "", Role.USER)
    try:
        message = msgspec.json.decode(leased.body)
        request = job_action.request(subscription.document, message, (*chain, subscription.id))
        new = await _planned(house, owner, request)
    except Unavailable:
        raise
    except CapacityExceeded as refused:
        return await _later(house, leased, refused.message)
    except (Refusal, handlebars.BadTemplate, msgspec.MsgspecError) as refused:
        return await _refuse(house, leased, subscription, f"No job: {refused}")
    return await _store(house, leased, owner, subscription, new)


async def _cause(tx: Tx, leased: Leased) -> tuple[EventSubscription | None, tuple[str, ...]]:
    """Returns the subscription, and those that led to the job of the event."""
    wanted = leased.subscription_id or ""
    known = await event_subscriptions.by_ids(tx, leased.organization_id, [wanted])
    if leased.job_id is None:
        return known.get(wanted), ()
    job = (await queries.by_ids(tx, leased.organization_id, [leased.job_id])).get(leased.job_id)
    return known.get(wanted), () if job is None else tuple(job.plan.echo.get(job_action.CHAIN) or ())


async def _planned(house: House, owner: Principal, request: JobRequest) -> NewJob:
    [planned] = plan_all(house, owner, [request], ())
    [target_id] = await targets.for_jobs(house, owner, [request])
    return jobs.new_job(owner, planned, target_id=target_id, target=request.target, due_at=None)


async def _store(
    house: House, leased: Leased, owner: Principal, subscription: EventSubscription, new: NewJob
) -> Answer:
    entry = trail.entry(owner, EVENT, object_type="Job", detail=_detail(subscription, leased))

    async def store(tx: Tx) -> Answer:
        [(job_id, _)] = await creation.create(tx, house.plans, [new])
        answer = Answer(_CREATED, f"Job {job_graphql(job_id)} was created.")
        if not await claims.end(tx, leased, answer):
            raise _Stale
        await entries.record(tx, [entry.about(job_id)])
        return answer

    try:
        answer = await house.database.write_work(store)
    except _Stale:
        return Answer(None, "Another server has this delivery.")
    house.waiting(leased.organization_id)
    return answer


async def _refuse(house: House, leased: Leased, subscription: EventSubscription | None, text: str) -> Answer:
    """The delivery is given up, and the audit says why."""
    answer = Answer(_REFUSED, text, is_final=True)
    owner = Principal(leased.organization_id, None if subscription is None else subscription.created_by, "", Role.USER)
    said = f"{_detail(subscription, leased)}: {text}"[: trail.LONGEST]
    entry = trail.entry(owner, EVENT, object_type="Job", object_id=leased.job_id, success=False, detail=said)

    async def end(tx: Tx) -> None:
        if await claims.end(tx, leased, answer):
            await entries.record(tx, [entry])

    await house.database.write(end)
    return answer


async def _later(house: House, leased: Leased, text: str) -> Answer:
    answer = Answer(_FULL, text)
    await house.database.write(lambda tx: claims.end(tx, leased, answer))
    return answer


def _detail(subscription: EventSubscription | None, leased: Leased) -> str:
    known = leased.subscription_id if subscription is None else subscription.id
    return f"{leased.event}, by {'subscription' if subscription is None else subscription.origin} {known}"
