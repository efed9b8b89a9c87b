"""Why a job waits, and which workers could run it."""

from enginehouse.client.http import Client, Json, v1


def explain(client: Client, job_id: str) -> Json:
    """Returns the job and its tasks, with the reasons why each does not run. Raises RequestFailed."""
    explanation: Json = client.rest("GET", v1("jobs", job_id, "why"))["result"]
    return explanation


def workers(client: Client) -> list[Json]:
    """Returns the workers that sent a heartbeat within a day, connected ones first. Raises RequestFailed."""
    records: list[Json] = client.rest("GET", v1("workers"))["result"]
    return records


def drain(client: Client, worker_id: str, detail: str | None = None) -> Json:
    """Nothing more starts on the worker. Returns it. Raises RequestFailed."""
    drained: Json = client.rest("POST", v1("workers", worker_id, "drain"), {"detail": detail})["result"]
    return drained


def resume(client: Client, worker_id: str) -> Json:
    """The worker takes work again. Returns it. Raises RequestFailed."""
    resumed: Json = client.rest("POST", v1("workers", worker_id, "resume"))["result"]
    return resumed
