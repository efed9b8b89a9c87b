"""Why a job waits, and who is there to run it."""

from typing import Any
from urllib.parse import quote

from enginehouse.client.http import Connection

Json = dict[str, Any]


def why(server: Connection, job_id: str) -> Json:
    """The job and each of its tasks with the reasons why they are not running."""
    found: Json = server.rest("GET", f"/api/v1/jobs/{quote(job_id, safe='')}/why")["result"]
    return found


def workers(server: Connection) -> list[Json]:
    """The workers heard of within a day, connected ones first."""
    found: list[Json] = server.rest("GET", "/api/v1/workers")["result"]
    return found
