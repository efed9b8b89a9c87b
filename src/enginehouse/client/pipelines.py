"""Pipelines: list, look at, add and remove them; create jobs of them."""

from enginehouse.client.failure import Json
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1


def list_(client: ServerConnection) -> list[Json]:
    """Returns the pipelines that are built in and the organization's own, by name. Raises RequestFailed."""
    found: list[Json] = client.rest("GET", v1("pipelines"))["result"]
    return found


def get(client: ServerConnection, name: str) -> Json:
    """Returns the pipeline, and the engines that do its steps now. Raises RequestFailed."""
    found: Json = client.rest("GET", v1("pipelines", name))["result"]
    return found


def put(client: ServerConnection, name: str, fields: Json) -> Json:
    """The pipeline exists, in place of one of this name. Returns it. Raises RequestFailed.

    `fields`: `steps`, and perhaps `description` and `input` (`text`, `sound` or `chunks`).
    """
    stored: Json = client.rest("PUT", v1("pipelines", name), fields)["result"]
    return stored


def delete(client: ServerConnection, name: str) -> None:
    """The pipeline is gone; a built-in one of this name is there again. Raises RequestFailed."""
    client.rest("DELETE", v1("pipelines", name))


def plan(client: ServerConnection, name: str, source: Json) -> Json:
    """Returns the input of `createJob` for the job that would be created now, and the type that it is for.

    `source` has one of `targetId`, `url`, `text` and `mediaType`; a `mediaType` may have a `url`. The answer has `job`
    and `mediaType`. Raises RequestFailed.
    """
    made: Json = client.rest("POST", v1("pipelines", name, "plan"), source)["result"]
    return made


def create(client: ServerConnection, name: str, source: Json, *, key: str | None = None) -> tuple[str, list[str]]:
    """The job is durable. Returns its id and the server's warnings. Raises RequestFailed.

    `source` has one of `targetId`, `url` and `text`. `key` is an idempotency key.
    """
    made = client.rest("POST", v1("pipelines", name, "jobs"), source, key=key)["result"]
    return made["coreJobID"], made["warnings"]
