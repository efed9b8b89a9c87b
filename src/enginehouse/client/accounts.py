"""What an administrator asks of a server: organizations, users and tokens."""

from typing import Any

from enginehouse.client.http import Connection

Json = dict[str, Any]

_BASE = "/api/v1"


def organizations(server: Connection) -> list[Json]:
    found: list[Json] = server.rest("GET", f"{_BASE}/organizations")["result"]
    return found


def create_organization(server: Connection, name: str, default_retries: int | None) -> Json:
    made: Json = server.rest("POST", f"{_BASE}/organizations", {"name": name, "defaultRetries": default_retries})[
        "result"
    ]
    return made


def create_user(server: Connection, name: str, password: str, **more: Any) -> Json:
    """`more`: organizationID, role, displayName, email."""
    made: Json = server.rest("POST", f"{_BASE}/users", {"name": name, "password": password, **more})["result"]
    return made


def set_password(server: Connection, name: str, password: str) -> None:
    server.rest("POST", f"{_BASE}/users/password", {"name": name, "password": password})


def tokens(server: Connection, organization: str | None) -> list[Json]:
    found: list[Json] = server.rest("GET", f"{_BASE}/tokens", organizationID=organization)["result"]
    return found


def create_token(server: Connection, **given: Any) -> Json:
    """`given`: name, role, organizationID, expirationDateTime. The secret is in the answer's `token`, only here."""
    made: Json = server.rest("POST", f"{_BASE}/tokens", given)["result"]
    return made


def revoke_token(server: Connection, token: str, organization: str | None) -> Json:
    """`token` is its id or the secret itself."""
    gone: Json = server.rest("POST", f"{_BASE}/tokens/revoke", {"token": token, "organizationID": organization})[
        "result"
    ]
    return gone


def audit(server: Connection, **query: Any) -> list[Json]:
    """One page of what was done, the newest first. `query`: the parameters of GET audit."""
    found: list[Json] = server.rest("GET", f"{_BASE}/audit", **query)["result"]
    return found
