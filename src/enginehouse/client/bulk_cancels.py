"""Bulk cancels as a client asks for them."""

from typing import Any
from urllib.parse import quote

from enginehouse.client.http import Connection

Json = dict[str, Any]


def would_cancel(server: Connection, **wanted: Any) -> Json:
    """What a bulk cancel of this range would do now; nothing is changed."""
    return _asked(server, **wanted, dryRun=True)


def cancel(server: Connection, *, key: str | None = None, **wanted: Any) -> Json:
    """The jobs of the range are cancelled. Raises RequestFailed, also when `confirmCount` is less than they are."""
    return _asked(server, key=key, **wanted)


def progress(server: Connection, made: Json) -> Json:
    """The bulk cancel as it is now."""
    number = quote(made["id"], safe="")
    found: Json = server.rest("GET", f"/api/v1/bulk-cancels/{number}", organizationID=made["organizationID"])["result"]
    return found


def _asked(server: Connection, *, key: str | None = None, **wanted: Any) -> Json:
    body = {name: value for name, value in wanted.items() if value is not None}
    found: Json = server.rest("POST", "/api/v1/jobs/cancel", body, key=key)["result"]
    return found
