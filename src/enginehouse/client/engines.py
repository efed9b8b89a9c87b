"""The engines that jobs may name: find them, add and remove those over HTTP."""

from typing import Final

from enginehouse.client.failure import Json, RequestFailed
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1

_FIELDS: Final = (
    "id slug name state mode description category { name type { name } } installed "
    "unavailable { reason nextTryDateTime }"
)
_ONE: Final = f"query($id: ID!) {{ engine(id: $id) {{ {_FIELDS} }} }}"
_LIST: Final = (
    "query($name: String, $category: String) "
    f"{{ engines(name: $name, category: $category, limit: 1000) {{ records {{ {_FIELDS} }} }} }}"
)
_CATEGORIES: Final = "{ engineCategories(limit: 1000) { records { id name } } }"


def search(client: ServerConnection, name: str | None = None, *, category: str | None = None) -> list[Json]:
    """Returns the engines with `name` in their names, of the category with this id, in the order of their names.

    Raises RequestFailed.
    """
    engines: list[Json] = client.graphql(_LIST, {"name": name, "category": category})["engines"]["records"]
    return engines


def categories(client: ServerConnection) -> list[Json]:
    """Returns the categories of engines: `id` and `name`. Raises RequestFailed."""
    found: list[Json] = client.graphql(_CATEGORIES)["engineCategories"]["records"]
    return found


def find(client: ServerConnection, name: str) -> list[Json]:
    """Returns the engine with this id or slug; without one, the engines with `name` in their names.

    Raises RequestFailed.
    """
    try:
        engine = client.graphql(_ONE, {"id": name})["engine"]
    except RequestFailed as refusal:
        if refusal.code != "not_found":
            raise
        engine = None
    return [engine] if engine else search(client, name)


def add(client: ServerConnection, fields: Json) -> Json:
    """The server has another engine over HTTP. Returns it. Raises RequestFailed.

    `fields`: `name`, `url`, and perhaps `ready`, `process`, `category`, `description`, `concurrency`, `mode`, `inputs`,
    `needs`, `public`.
    """
    engine: Json = client.rest("POST", v1("engines"), fields)["result"]
    return engine


def get(client: ServerConnection, engine_id: str) -> Json:
    """Returns the engine; `unavailable` says why it gets no work now, if so. Raises RequestFailed."""
    engine: Json = client.rest("GET", v1("engines", engine_id))["result"]
    return engine


def reload(client: ServerConnection) -> Json:
    """Every server reads its installed engines again. Returns the reload, with `number` and `servers`.

    Raises RequestFailed.
    """
    started: Json = client.rest("POST", v1("engine-reload"), {})["result"]
    return started


def reloaded(client: ServerConnection) -> Json:
    """Returns the last reload: how far each server is with it. Raises RequestFailed."""
    found: Json = client.rest("GET", v1("engine-reload"))["result"]
    return found


def remove(client: ServerConnection, engine_id: str) -> None:
    """No job may name the engine any more. Raises RequestFailed."""
    client.rest("DELETE", v1("engines", engine_id))
