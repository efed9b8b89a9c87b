"""Schedules: create, change, preview and launch them; read what became of their slots."""

from typing import Any

from enginehouse.client.failure import Json
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import edge, v1


def create(client: ServerConnection, schedule: Json) -> Json:
    """The schedule exists. Returns it. Raises RequestFailed.

    `schedule` has the fields of `POST /api/v1/schedules`.
    """
    return _result(client, "POST", v1("schedules"), schedule)


def update(client: ServerConnection, schedule_id: str, changes: Json) -> Json:
    """The schedule has changed. Returns it. Absent fields stay as they are. Raises RequestFailed."""
    return _result(client, "PATCH", v1("schedules", schedule_id), changes)


def page(client: ServerConnection, **query: Any) -> Json:
    """Returns one page of schedules, newest first, and the number of all that match. Raises RequestFailed.

    `query`: the parameters of `GET /api/v1/schedules`.
    """
    answer: Json = client.rest("GET", v1("schedules"), **query)
    return answer


def get(client: ServerConnection, schedule_id: str) -> Json:
    """Returns the schedule as it is now. Raises RequestFailed."""
    return _result(client, "GET", v1("schedules", schedule_id))


def delete(client: ServerConnection, schedule_id: str) -> None:
    """The schedule is gone; its jobs stay. Raises RequestFailed."""
    client.rest("DELETE", v1("schedules", schedule_id))


def explain(client: ServerConnection, schedule_id: str, *, zone: str, count: int) -> Json:
    """Returns a sentence that says what the schedule does, its next slots, and warnings. Raises RequestFailed."""
    return _result(client, "GET", v1("schedules", schedule_id, "explain"), timeZone=zone, count=count)


def explain_draft(client: ServerConnection, schedule: Json, *, zone: str, count: int) -> Json:
    """Returns the same for a schedule that does not exist. It is not created. Raises RequestFailed."""
    return _result(client, "POST", v1("schedules", "explain"), schedule, timeZone=zone, count=count)


def run(client: ServerConnection, schedule_id: str, launch: Json) -> Json:
    """A job of each template of the schedule is durable. Returns their ids, and warnings. Raises RequestFailed.

    `launch`: payload, targetId.
    """
    return _result(client, "POST", v1("schedules", schedule_id, "run"), launch)


def slots(client: ServerConnection, schedule_id: str, *, limit: int, before: str | None = None) -> list[Json]:
    """Returns what became of the schedule's slots, latest first. Raises RequestFailed."""
    path = v1("schedules", schedule_id, "slots")
    records: list[Json] = client.rest("GET", path, limit=limit, before=before)["result"]
    return records


def cancel(client: ServerConnection, schedule_id: str, *, include_running: bool = False) -> Json:
    """The schedule is paused, and its jobs that can still be cancelled are cancelled. Raises RequestFailed.

    Returns their number in `count`. With `include_running` running attempts are stopped too, and `stopping` is the
    number of attempts that must still stop.
    """
    body: Json = {"scheduledJobID": schedule_id} | ({"includeRunning": True} if include_running else {})
    answer: Json = client.rest("POST", edge("jobs", "cancel"), body)
    return answer


def _result(client: ServerConnection, method: str, path: str, body: Json | None = None, **query: Any) -> Json:
    result: Json = client.rest(method, path, body, **query)["result"]
    return result
