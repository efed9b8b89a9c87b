"""The webhooks: who is told of which events, what became of each message, and sending again what failed."""

from typing import Final

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Role
from enginehouse.domain.ids import parse_number
from enginehouse.domain.webhooks import delivery
from enginehouse.domain.webhooks.delivery import DeliveryStatus
from enginehouse.domain.webhooks.message import SYSTEM, SYSTEM_EVENTS
from enginehouse.domain.webhooks.subscription import EventSubscription, Origin, SubscriptionRequest, Wish
from enginehouse.operations import event_actions, event_subscriptions, triggers, webhooks
from enginehouse.operations.webhooks import DeliveryPage
from enginehouse.web import refs
from enginehouse.web.page_request import Answer, GoTo, HtmlPage, Page, PageRequest
from enginehouse.web.pages import address

PAGE: Final = 50
_EVENTS: Final = {name: kind for kind, names in SYSTEM_EVENTS.items() for name in names}


async def show_all(request: PageRequest) -> HtmlPage:
    """GET /webhooks: the subscriptions, and the newest deliveries of all."""
    return await _overview(request)


async def _overview(request: PageRequest, faults: tuple[str, ...] = ()) -> HtmlPage:
    house, principal = request.house, request.principal
    status = request.query("status")
    found, standing = await webhooks.overview(
        house, principal, status=status or None, before=_before(request), limit=PAGE
    )
    return HtmlPage(
        "webhooks.html",
        {
            "title": "Webhooks",
            "subscriptions": [(one, _events_of(one)) for one in sorted(standing, key=_is_trigger)],
            **_deliveries(found, "/webhooks", {"status": status} if status else {}),
            "statuses": list(DeliveryStatus),
            "status": status,
            "events": _EVENTS,
            "given": {"event": request.form.get("event", ""), "url": request.form.get("url", "")},
            "faults": faults,
            "may_change": request.may_change,
            "is_admin": principal.role.covers(Role.ADMIN),
        },
        400 if faults else 200,
    )


async def subscribe(request: PageRequest) -> Answer:
    """POST /webhooks: an address is told of these events from now on, or the form says what is wrong."""
    event = request.form.get("event", "")
    wish = Wish(delivery=event_actions.WEBHOOK, params={"url": request.form.get("url", "").strip()}, prefix="")
    wanted = SubscriptionRequest(application=SYSTEM, event_type=_EVENTS.get(event), event_name=event or None, wish=wish)
    try:
        made = await event_subscriptions.subscribe(request.house, request.principal, wanted)
    except InvalidInput as refused:
        return await _overview(request, tuple(problem.message for problem in refused.problems))
    return GoTo(f"/webhooks/{made.id}")


async def show(request: PageRequest) -> HtmlPage:
    """GET /webhooks/{id}: a subscription or trigger with its deliveries."""
    return await _one(request)


async def _one(request: PageRequest, secret: str | None = None) -> HtmlPage:
    ref = refs.uuid(request.path("id"))
    found, page = await webhooks.of_subscription(
        request.house, request.principal, ref, before=_before(request), limit=PAGE
    )
    return HtmlPage(
        "webhook.html",
        {
            "title": "Webhook",
            "subscription": found,
            "what": _events_of(found),
            **_deliveries(page, f"/webhooks/{found.id}", {}),
            "any_failed": any(one.status == DeliveryStatus.FAILED for one in page.deliveries),
            "secret": secret,
            "may_change": request.may_change,
        },
    )


async def delete(request: PageRequest) -> GoTo:
    """POST /webhooks/{id}/delete: nothing follows the events any more, and what waited is given up."""
    ref = refs.uuid(request.path("id"))
    found = await event_subscriptions.find(request.house, request.principal, ref)
    remove = triggers.delete if found.origin == Origin.TRIGGER else event_subscriptions.unsubscribe
    await remove(request.house, request.principal, ref)
    return GoTo("/webhooks")


async def redeliver_failed(request: PageRequest) -> GoTo:
    """POST /webhooks/{id}/redeliver: every failed message of it is due again."""
    ref = refs.uuid(request.path("id"))
    await event_subscriptions.redeliver(request.house, request.principal, ref)
    return GoTo(f"/webhooks/{ref.uuid}")


async def rotate_secret(request: PageRequest) -> HtmlPage:
    """POST /webhooks/{id}/secret: a new secret, shown on this page only."""
    ref = refs.uuid(request.path("id"))
    secret = await event_subscriptions.rotate_secret(request.house, request.principal, ref)
    return await _one(request, secret)


async def rotate_organization_secret(request: PageRequest) -> HtmlPage:
    """POST /webhooks/secret: a new secret for notificationUris, shown on this page only."""
    secret = await webhooks.rotate_secret(request.house, request.principal)
    return HtmlPage("webhook_secret.html", {"title": "A new secret", "secret": secret})


async def show_delivery(request: PageRequest) -> HtmlPage:
    """GET /webhooks/deliveries/{id}: how a delivery stands, and its message."""
    found, message = await webhooks.get(request.house, request.principal, refs.uuid(request.path("id")))
    return HtmlPage(
        "webhook_delivery.html",
        {
            "title": "Delivery",
            "delivery": found,
            "sentence": delivery.sentence(found),
            "message": message,
            "may_change": request.may_change,
        },
    )


async def redeliver(request: PageRequest) -> GoTo:
    """POST /webhooks/deliveries/{id}/redeliver: the message is due again, with the same id."""
    ref = refs.uuid(request.path("id"))
    await webhooks.redeliver(request.house, request.principal, ref)
    return GoTo(f"/webhooks/deliveries/{ref.uuid}")


def _before(request: PageRequest) -> int | None:
    text = request.query("before")
    return parse_number(text) or 0 if text else None


def _deliveries(found: DeliveryPage, path: str, given: dict[str, str]) -> dict[str, object]:
    return {
        "deliveries": [(one, delivery.sentence(one)) for one in found.deliveries],
        "older": address(path, {**given, "before": found.next}) if found.next else None,
    }


def _is_trigger(one: EventSubscription) -> bool:
    return one.origin == Origin.TRIGGER


def _events_of(one: EventSubscription) -> str:
    """Says which events are meant."""
    event = one.event_name or (f"every {one.event_type} event" if one.event_type else "every event")
    return event if one.application in ("", SYSTEM) else f"{event} of {one.application}"


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/webhooks", show_all),
    ("POST", "/webhooks", subscribe),
    ("POST", "/webhooks/secret", rotate_organization_secret),
    ("GET", "/webhooks/deliveries/{id}", show_delivery),
    ("POST", "/webhooks/deliveries/{id}/redeliver", redeliver),
    ("GET", "/webhooks/{id}", show),
    ("POST", "/webhooks/{id}/delete", delete),
    ("POST", "/webhooks/{id}/redeliver", redeliver_failed),
    ("POST", "/webhooks/{id}/secret", rotate_secret),
)
