"""What a client says about shares, limits and pauses."""

from typing import Any, Literal
from urllib.parse import quote

from enginehouse.client.http import Connection

Json = dict[str, Any]
Noun = Literal["jobs", "engines", "organizations"]

_BASE = "/api/v1"


def pause(server: Connection, noun: Noun, name: str) -> Json:
    """Nothing more of the job, engine or organization starts; answers it as it is now."""
    return _said(server, noun, name, "pause")


def resume(server: Connection, noun: Noun, name: str) -> Json:
    """It goes on; answers it as it is now."""
    return _said(server, noun, name, "resume")


def set_organization(server: Connection, name: str, given: Json) -> Json:
    """`given`: weight, runningLimit (None for any number); what is absent stays."""
    changed: Json = server.rest("PATCH", f"{_BASE}/organizations/{quote(name, safe='')}", given)["result"]
    return changed


def limit_engine(server: Connection, name: str, limit: int | None) -> Json:
    """At most so many attempts of the engine run at once; None for any number."""
    path = f"{_BASE}/engines/{quote(name, safe='')}"
    changed: Json = server.rest("PATCH", path, {"runningLimit": limit})["result"]
    return changed


def _said(server: Connection, noun: Noun, name: str, verb: str) -> Json:
    changed: Json = server.rest("POST", f"{_BASE}/{noun}/{quote(name, safe='')}/{verb}", {})["result"]
    return changed
