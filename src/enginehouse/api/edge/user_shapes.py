"""The REST bodies of users (rest-contract §2A)."""

import msgspec
from msgspec import field

from enginehouse.api.edge.identity_shapes import UserDetail
from enginehouse.api.http.json.casing import spelled


class UserChange(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields of a user. What the server does not have is read only to refuse it."""

    user_id: str | None = None
    user_name: str | None = None
    display_name: str | None = None
    email: str | None = None
    password: str | None = None
    role_ids: list[str] | None = None
    status: str | None = None
    internal_organization_id: str | int | None = None
    organization_ids: list[str] | None = None
    kvp_json: str | None = None
    user_settings_json: str | None = None
    access_all_organization: bool | None = None
    is_super_admin: bool | None = field(default=None, name="isSuperAdmin")
    expiration: int | None = None
    invite_requested: bool | None = None
    invite_url: str | None = field(default=None, name="inviteURL")
    password_change_required: bool | None = None


class WriteUser(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    user: UserChange


class UserAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    result: UserDetail


class UserList(msgspec.Struct, kw_only=True):
    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[UserDetail]


class UserPermissions(msgspec.Struct, rename=spelled, kw_only=True):
    success: bool = True
    result: list[str]
    user_id: str
