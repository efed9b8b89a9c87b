"""The engines that jobs may name."""

from typing import Final

from enginehouse.client.http import Client, Json, RequestFailed

_FIELDS: Final = "id name state mode description category { name type { name } }"
_ONE: Final = f"query($id: ID!) {{ engine(id: $id) {{ {_FIELDS} }} }}"
_LIST: Final = f"query($name: String) {{ engines(name: $name, limit: 1000) {{ records {{ {_FIELDS} }} }} }}"


def search(client: Client, name: str | None = None) -> list[Json]:
    """Returns the engines with `name` in their names, in the order of their names. Raises RequestFailed."""
    engines: list[Json] = client.graphql(_LIST, {"name": name})["engines"]["records"]
    return engines


def find(client: Client, name: str) -> list[Json]:
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
