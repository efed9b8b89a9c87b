"""Organizations, users, tokens and the audit: the requests of an administrator."""

from typing import Any, Final

from enginehouse.client.failure import Json
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1

_PAGE: Final = 1000
_USERS: Final = """query($organizations: [ID], $limit: Int, $offset: Int) {
  users(organizationIds: $organizations, limit: $limit, offset: $offset) { records {
    id name email firstName lastName organizationId status createdDateTime lastLoginDateTime roles { name } } } }"""


def organizations(client: ServerConnection) -> list[Json]:
    """Returns the organizations that the token may act for. Raises RequestFailed."""
    records: list[Json] = client.rest("GET", v1("organizations"))["result"]
    return records


def create_organization(client: ServerConnection, name: str, *, default_retries: int | None = None) -> Json:
    """The organization exists. Returns it. Raises RequestFailed."""
    body = {"name": name, "defaultRetries": default_retries}
    organization: Json = client.rest("POST", v1("organizations"), body)["result"]
    return organization


def create_user(client: ServerConnection, name: str, password: str, **fields: Any) -> Json:
    """The user exists and can sign in. Returns the user. Raises RequestFailed.

    `fields`: organizationID, role, displayName, email.
    """
    user: Json = client.rest("POST", v1("users"), {"name": name, "password": password, **fields})["result"]
    return user


def users(client: ServerConnection, *, organization: str | None = None) -> list[Json]:
    """Returns the users whom the token's owner manages, by name. Raises RequestFailed."""
    found = list[Json]()
    variables = {"organizations": None if organization is None else [organization], "limit": _PAGE}
    while True:
        page = client.graphql(_USERS, {**variables, "offset": len(found)})["users"]["records"]
        found += page
        if len(page) < _PAGE:
            return found


def delete_user(client: ServerConnection, user_id: str) -> None:
    """The user cannot sign in any more, and its tokens are no longer valid. Raises RequestFailed."""
    client.graphql("mutation($id: ID!) { deleteUser(id: $id) { id } }", {"id": user_id})


def set_password(client: ServerConnection, name: str, password: str) -> None:
    """The user has this password, and no session from before it. Raises RequestFailed."""
    client.rest("POST", v1("users", "password"), {"name": name, "password": password})


def tokens(client: ServerConnection, organization: str | None = None) -> list[Json]:
    """Returns the tokens of an organization that are valid now. Raises RequestFailed."""
    records: list[Json] = client.rest("GET", v1("tokens"), organizationID=organization)["result"]
    return records


def create_token(client: ServerConnection, **fields: Any) -> Json:
    """The token exists. Returns it; its secret is in `token`, only here. Raises RequestFailed.

    `fields`: name, role, organizationID, expirationDateTime, and `worker` with organizationIDs and engineIDs.
    """
    token: Json = client.rest("POST", v1("tokens"), fields)["result"]
    return token


def revoke_token(client: ServerConnection, token: str, organization: str | None = None) -> Json:
    """The token is no longer valid. Returns it. `token` is its id or its secret. Raises RequestFailed."""
    body = {"token": token, "organizationID": organization}
    record: Json = client.rest("POST", v1("tokens", "revoke"), body)["result"]
    return record


def audit_page(client: ServerConnection, **query: Any) -> list[Json]:
    """Returns one page of the audit, newest entry first. Raises RequestFailed.

    `query`: the parameters of `GET /api/v1/audit`.
    """
    entries: list[Json] = client.rest("GET", v1("audit"), **query)["result"]
    return entries
