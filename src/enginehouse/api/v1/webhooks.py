"""Deliveries of webhooks and the secrets that sign them, under `/api/v1/webhooks`."""

from typing import Any, Final

import msgspec

from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import answers, one_of
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import ids, times
from enginehouse.domain.webhooks import delivery as deliveries
from enginehouse.domain.webhooks.delivery import Delivery, DeliveryStatus
from enginehouse.operations import event_subscriptions, webhooks

_STATUSES: Final = tuple(status.value for status in DeliveryStatus)


class DeliveryView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """A delivery. Its `id` is the header `webhook-id` of its message; `sentence` says how it stands."""

    id: str
    kind: str
    event_name: str
    url: str
    status: str
    sentence: str
    attempts: int = msgspec.field(name="attempts")
    created_date_time: str
    subscription_id: str | None = None
    core_job_id: str | None = msgspec.field(name="coreJobID", default=None)
    core_task_id: str | None = msgspec.field(name="coreTaskID", default=None)
    attempted_date_time: str | None = None
    next_date_time: str | None = None
    ended_date_time: str | None = None
    answer_status: int | None = None
    answer: str | None = None
    message: Any = None


class WebhookDeliveries(msgspec.Struct):
    """With `next` in `before` the next page is requested. It is null on the last page."""

    deliveries: list[DeliveryView]
    next: int | str | None


class SentAgain(msgspec.Struct):
    """How many messages are due again."""

    count: int


class NewSecret(msgspec.Struct):
    """A secret, which is shown only in the response that made it."""

    secret: str


_LIST: Final = {"jobID": str, "status": one_of(*_STATUSES), "before": str, "limit": int}


@answers(Result[WebhookDeliveries], query=_LIST)
async def list_deliveries(call: Call) -> Reply:
    """GET webhooks/deliveries: the newest first, by `status` and `jobID`; `before` with `next` is the next page."""
    query = Query(call.query)
    job, before = query.text("jobID"), query.digits("before")
    status = query.word("status", _STATUSES)
    limit = query.integer("limit", 100, 1, call.house.limits.page_size)
    query.finish()
    page = await webhooks.list_(
        call.house,
        call.principal,
        status=status,
        job=None if job is None else refs.job(job),
        before=None if before is None else ids.parse_number(before) or 0,
        limit=limit,
    )
    return result(WebhookDeliveries([_view(one) for one in page.deliveries], page.next))


@answers(Result[DeliveryView])
async def get(call: Call) -> Reply:
    """GET webhooks/deliveries/{DeliveryID}: with the message itself."""
    found, message = await webhooks.get(call.house, call.principal, refs.delivery(call.id))
    return result(_view(found, message))


@answers(Result[DeliveryView])
async def redeliver(call: Call) -> Reply:
    """POST webhooks/deliveries/{DeliveryID}/redeliver: the message is sent again at once, with the same id."""
    return result(_view(await webhooks.redeliver(call.house, call.principal, refs.delivery(call.id))))


@answers(Result[SentAgain])
async def redeliver_all(call: Call) -> Reply:
    """POST webhooks/subscriptions/{SubscriptionID}/redeliver: all its failed messages are sent again at once."""
    ref = refs.event_subscription(call.id)
    return result(SentAgain(await event_subscriptions.redeliver(call.house, call.principal, ref)))


@answers(Result[NewSecret])
async def rotate_secret(call: Call) -> Reply:
    """POST webhooks/secret/rotate: a new secret for notificationUris, shown once. The old one signs a day longer."""
    return result(NewSecret(await webhooks.rotate_secret(call.house, call.principal)))


@answers(Result[NewSecret])
async def rotate_subscription_secret(call: Call) -> Reply:
    """POST webhooks/subscriptions/{SubscriptionID}/secret/rotate: the same for a subscription."""
    ref = refs.event_subscription(call.id)
    return result(NewSecret(await event_subscriptions.rotate_secret(call.house, call.principal, ref)))


def _view(one: Delivery, message: Any = None) -> DeliveryView:
    task = None if one.job_id is None or one.ordinal is None else ids.task_graphql(one.job_id, one.ordinal)
    return DeliveryView(
        id=one.id,
        kind=one.kind,
        event_name=one.event,
        url=one.url,
        status=one.status,
        sentence=deliveries.sentence(one),
        attempts=one.attempts,
        created_date_time=times.rest(one.created_at),
        subscription_id=one.subscription_id,
        core_job_id=None if one.job_id is None else ids.job_graphql(one.job_id),
        core_task_id=task,
        attempted_date_time=_time(one.attempted_at),
        next_date_time=_time(one.next_at),
        ended_date_time=_time(one.ended_at),
        answer_status=one.answer_status,
        answer=one.answer,
        message=message,
    )


def _time(micros: int | None) -> str | None:
    return None if micros is None else times.rest(micros)
