"""What a client asks about engines."""

from typing import Any

from enginehouse.client.http import Connection, RequestFailed

Json = dict[str, Any]

_FIELDS = "id name state mode description category { name type { name } }"
_ONE = f"query($id: ID!) {{ engine(id: $id) {{ {_FIELDS} }} }}"
_LIST = (
    "query($name: String, $offset: Int) "
    f"{{ engines(name: $name, limit: 1000, offset: $offset) {{ count records {{ {_FIELDS} }} }} }}"
)


def listed(server: Connection, name: str | None = None) -> list[Json]:
    """The engines the caller may use whose names have `name` in them, by name."""
    found: list[Json] = server.graphql(_LIST, {"name": name})["engines"]["records"]
    return found


def named(server: Connection, name: str) -> list[Json]:
    """The engine with this id or slug; where there is none, those with `name` in their names."""
    try:
        one = server.graphql(_ONE, {"id": name})["engine"]
    except RequestFailed as refused:
        if refused.code != "not_found":
            raise
        one = None
    return [one] if one else listed(server, name)
