"""What a client does with scheduled jobs."""

from typing import Any
from urllib.parse import quote

from enginehouse.client.http import Connection

Json = dict[str, Any]

_SCHEDULES = "/api/v1/schedules"


def create(server: Connection, given: Json) -> Json:
    """The schedule exists; `given` has the fields of GraphQL's CreateScheduledJob and ours."""
    return _result(server, "POST", _SCHEDULES, given)


def update(server: Connection, schedule_id: str, given: Json) -> Json:
    """The schedule is changed; what is absent stays as it is."""
    return _result(server, "PATCH", _of(schedule_id), given)


def listed(server: Connection, **query: Any) -> Json:
    """One page of schedules, with how many match in all."""
    found: Json = server.rest("GET", _SCHEDULES, **query)
    return found


def get(server: Connection, schedule_id: str) -> Json:
    """The schedule as it is."""
    return _result(server, "GET", _of(schedule_id))


def delete(server: Connection, schedule_id: str) -> None:
    """The schedule fires no more; its jobs stay."""
    server.rest("DELETE", _of(schedule_id))


def explain(server: Connection, schedule_id: str, *, zone: str, count: int) -> Json:
    """What it does, what comes next, what is odd about it, and its next slots."""
    return _result(server, "GET", f"{_of(schedule_id)}/explain", timeZone=zone, count=count)


def imagine(server: Connection, given: Json, *, zone: str, count: int) -> Json:
    """The same of a schedule that is not there; nothing is created."""
    return _result(server, "POST", f"{_SCHEDULES}/explain", given, timeZone=zone, count=count)


def switch(server: Connection, schedule_id: str, verb: str) -> Json:
    """The schedule is paused or resumed, as `verb` says."""
    return _result(server, "POST", f"{_of(schedule_id)}/{verb}", {})


def run(server: Connection, schedule_id: str, given: Json) -> Json:
    """A job of each of its templates is durable: their ids, and warnings. `given`: payload, targetId."""
    return _result(server, "POST", f"{_of(schedule_id)}/run", given)


def slots(server: Connection, schedule_id: str, *, limit: int, before: str | None = None) -> list[Json]:
    """What became of its slots, the latest first."""
    found: list[Json] = server.rest("GET", f"{_of(schedule_id)}/slots", limit=limit, before=before)["result"]
    return found


def cancel(server: Connection, schedule_id: str, *, include_running: bool) -> Json:
    """The schedule is inactive and its jobs that may still be cancelled are; `count` says how many."""
    body: Json = {"scheduledJobID": schedule_id} | ({"includeRunning": True} if include_running else {})
    answer: Json = server.rest("POST", "/edge/v1/proc/jobs/cancel", body)
    return answer


def _of(schedule_id: str) -> str:
    return f"{_SCHEDULES}/{quote(schedule_id, safe='')}"


def _result(server: Connection, method: str, path: str, body: Json | None = None, **query: Any) -> Json:
    found: Json = server.rest(method, path, body, **query)["result"]
    return found
