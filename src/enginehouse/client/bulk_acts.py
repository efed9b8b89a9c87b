"""Acts on many jobs by a rule: cancel, stop, retry, pause or resume every job that matches."""

from typing import Any

from enginehouse.client.failure import Json
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1


def plan(client: ServerConnection, act: str, rule: Json) -> Json:
    """Returns how many jobs the rule matches, and what the act would do now; nothing changes. Raises RequestFailed.

    `act` is `cancel`, `stop`, `retry`, `pause` or `resume`; `rule` as in `POST /api/v1/bulk-acts`.
    """
    found: Json = client.rest("POST", v1("bulk-acts", "plan"), {"act": act, "rule": rule})["result"]
    return found


def start(
    client: ServerConnection, act: str, rule: Json, *, confirm_count: int | None = None, key: str | None = None
) -> Json:
    """The act is accepted for exactly the jobs that match now. Returns it. Raises RequestFailed.

    It is refused if many jobs match and `confirm_count` is less than their number.
    """
    body: Json = {"act": act, "rule": rule}
    if confirm_count is not None:
        body["confirmCount"] = confirm_count
    started: Json = client.rest("POST", v1("bulk-acts"), body, key=key)["result"]
    return started


def progress(client: ServerConnection, act_id: str) -> Json:
    """Returns the act as it is now. Raises RequestFailed."""
    act: Json = client.rest("GET", v1("bulk-acts", act_id))["result"]
    return act


def page(client: ServerConnection, *, limit: int = 20, offset: int = 0) -> list[Json]:
    """Returns a page of the organization's acts, newest first. Raises RequestFailed."""
    answer: Any = client.rest("GET", v1("bulk-acts"), limit=limit, offset=offset)
    acts: list[Json] = answer["result"]
    return acts


def undo(client: ServerConnection, act_id: str) -> Json:
    """The act goes no further, and another one takes it back for the jobs that it has changed. Returns the other one.

    Raises RequestFailed, also for an act that nothing takes back.
    """
    other: Json = client.rest("POST", v1("bulk-acts", act_id, "undo"), {})["result"]
    return other
