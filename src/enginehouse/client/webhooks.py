"""Deliveries of webhooks: what was sent to whom, with which answer."""

from collections.abc import Iterator
from typing import Final

from enginehouse.client.failure import Json
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1

_PAGE: Final = 1000  # the largest


def deliveries(
    client: ServerConnection,
    *,
    status: str | None = None,
    job_id: str | None = None,
    before: str | None = None,
    limit: int = 100,
) -> Json:
    """Returns a page of deliveries, the newest first, and the `next` page's `before`. Raises RequestFailed."""
    path = v1("webhooks", "deliveries")
    page: Json = client.rest("GET", path, status=status, jobID=job_id, before=before, limit=limit)["result"]
    return page


def newest(
    client: ServerConnection, *, status: str | None = None, job_id: str | None = None, limit: int | None = None
) -> Iterator[Json]:
    """Yields the newest `limit` deliveries, or all, from as many pages as it takes. Raises RequestFailed."""
    before: str | None = None
    while limit is None or limit > 0:
        size = _PAGE if limit is None else min(limit, _PAGE)
        page = deliveries(client, status=status, job_id=job_id, before=before, limit=size)
        yield from page["deliveries"]
        before = page.get("next")
        if before is None:
            return
        limit = None if limit is None else limit - size


def rotate_secret(client: ServerConnection, subscription_id: str | None = None) -> str:
    """Makes a new secret and returns it, this once: of the subscription, or of all notificationUris.

    Raises RequestFailed.
    """
    where = () if subscription_id is None else ("subscriptions", subscription_id)
    secret: str = client.rest("POST", v1("webhooks", *where, "secret", "rotate"))["result"]["secret"]
    return secret


def delivery(client: ServerConnection, delivery_id: str) -> Json:
    """Returns the delivery, with its message. Raises RequestFailed."""
    found: Json = client.rest("GET", v1("webhooks", "deliveries", delivery_id))["result"]
    return found


def redeliver(client: ServerConnection, delivery_id: str) -> Json:
    """The message is sent again at once. Returns the delivery. Raises RequestFailed."""
    found: Json = client.rest("POST", v1("webhooks", "deliveries", delivery_id, "redeliver"))["result"]
    return found
