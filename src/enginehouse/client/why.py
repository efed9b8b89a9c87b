"""Why a job waits, and which workers could run it."""

from enginehouse.client.failure import Json
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1


def explain(client: ServerConnection, job_id: str) -> Json:
    """Returns the job and its tasks, with the reasons why each does not run. Raises RequestFailed."""
    explanation: Json = client.rest("GET", v1("jobs", job_id, "why"))["result"]
    return explanation


def workers(client: ServerConnection) -> list[Json]:
    """Returns the workers that sent a heartbeat within a day, connected ones first. Raises RequestFailed."""
    records: list[Json] = client.rest("GET", v1("workers"))["result"]
    return records


def drain(client: ServerConnection, worker_id: str, detail: str | None = None) -> Json:
    """Nothing more starts on the worker. Returns it. Raises RequestFailed."""
    drained: Json = client.rest("POST", v1("workers", worker_id, "drain"), {"detail": detail})["result"]
    return drained


def resume(client: ServerConnection, worker_id: str) -> Json:
    """The worker takes work again. Returns it. Raises RequestFailed."""
    resumed: Json = client.rest("POST", v1("workers", worker_id, "resume"))["result"]
    return resumed
