"""Deliveries of webhooks: what was sent to whom, with which answer."""

from enginehouse.client.http import Client, Json, v1


def deliveries(
    client: Client, *, status: str | None = None, job_id: str | None = None, before: str | None = None, limit: int = 100
) -> Json:
    """Returns a page of deliveries, the newest first, and the `next` page's `before`. Raises RequestFailed."""
    path = v1("webhooks", "deliveries")
    page: Json = client.rest("GET", path, status=status, jobID=job_id, before=before, limit=limit)["result"]
    return page


def delivery(client: Client, delivery_id: str) -> Json:
    """Returns the delivery, with its message. Raises RequestFailed."""
    found: Json = client.rest("GET", v1("webhooks", "deliveries", delivery_id))["result"]
    return found


def redeliver(client: Client, delivery_id: str) -> Json:
    """The message is sent again at once. Returns the delivery. Raises RequestFailed."""
    found: Json = client.rest("POST", v1("webhooks", "deliveries", delivery_id, "redeliver"))["result"]
    return found
