"""Bulk cancels: they cancel all jobs of an organization that were created in a range of time."""

from typing import Any

from enginehouse.client.failure import Json
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1


def preview(client: ServerConnection, **fields: Any) -> Json:
    """Returns what a bulk cancel would do now; nothing changes. Raises RequestFailed."""
    return _send(client, **fields, dryRun=True)


def cancel(client: ServerConnection, *, key: str | None = None, **fields: Any) -> Json:
    """The jobs of the range are cancelled. Returns the bulk cancel.

    `fields`: those of `POST /api/v1/jobs/cancel`. Raises RequestFailed, also when `confirmCount` is too small.
    """
    return _send(client, key=key, **fields)


def progress(client: ServerConnection, bulk_cancel: Json) -> Json:
    """Returns the bulk cancel as it is now. Raises RequestFailed."""
    path = v1("bulk-cancels", bulk_cancel["id"])
    current: Json = client.rest("GET", path, organizationID=bulk_cancel["organizationID"])["result"]
    return current


def _send(client: ServerConnection, *, key: str | None = None, **fields: Any) -> Json:
    body = {name: value for name, value in fields.items() if value is not None}
    bulk_cancel: Json = client.rest("POST", v1("jobs", "cancel"), body, key=key)["result"]
    return bulk_cancel
