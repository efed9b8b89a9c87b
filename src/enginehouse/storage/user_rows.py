"""The rows of users in storage, and the users that they are."""

from typing import Any, NamedTuple

import msgspec

from enginehouse.domain.identity import Role, User, UserStatus


class UserRow(NamedTuple):
    """A stored user, without the password hash."""

    id: str
    organization_id: int
    name: str
    display_name: str | None
    email: str | None
    role: str
    super_admin: int
    created_at: int
    modified_at: int
    last_login_at: int | None
    status: str
    first_name: str | None
    last_name: str | None
    image_url: str | None
    jsondata: str | None
    password_changed_at: int | None
    has_password: int


class SigningInRow(NamedTuple):
    """A user who signs in, with the password hash."""

    id: str
    organization_id: int
    name: str
    display_name: str | None
    email: str | None
    role: str
    super_admin: int
    created_at: int
    modified_at: int
    last_login_at: int | None
    status: str
    first_name: str | None
    last_name: str | None
    image_url: str | None
    jsondata: str | None
    password_changed_at: int | None
    has_password: int
    password_hash: str | None


def user_of(row: UserRow | SigningInRow) -> User:
    """Returns the user of the row."""
    return User(
        id=row.id,
        organization_id=row.organization_id,
        name=row.name,
        display_name=row.display_name,
        email=row.email,
        role=Role(row.role),
        super_admin=bool(row.super_admin),
        created_at=row.created_at,
        modified_at=row.modified_at,
        last_login_at=row.last_login_at,
        status=UserStatus(row.status),
        first_name=row.first_name,
        last_name=row.last_name,
        image_url=row.image_url,
        jsondata=None if row.jsondata is None else msgspec.json.decode(row.jsondata),
        password_changed_at=row.password_changed_at,
        has_password=bool(row.has_password),
    )


def json_text(value: Any) -> str | None:
    """Returns the JSON text of a value that clients store with an object, None for none."""
    return None if value is None else msgspec.json.encode(value).decode()
