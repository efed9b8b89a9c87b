"""The REST bodies of logins and tokens (rest-contract §2A)."""

import msgspec
from msgspec import field

from enginehouse.api.http.json.casing import spelled


class Login(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    username: str
    password: str


class UserDetail(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    user_id: str
    user_name: str
    display_name: str | None = None
    email: str | None = None
    internal_organization_id: str
    organization_ids: list[str]
    access_all_organization: bool
    super_admin: bool = field(name="isSuperAdmin")
    role_ids: list[str]
    permission_ids: list[str]
    status: str = field(name="status")
    kvp_json: str | None = None
    date_password_last_updated: str | None = None
    created_date_time: str
    modified_date_time: str
    last_logged_in: str | None = None


class LoginAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    token: str
    result: UserDetail


class NewToken(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A token to create: `expiration` in Unix seconds, 0 for never. Limits: 0 for any amount."""

    type: str | None = None
    expiration: int | None = None
    organization_ids: list[str] | None = None
    role_ids: list[str] | None = None
    access_all_organization: bool | None = None
    kvp_json: str | None = None
    user_id: str | None = None
    host_id: str | None = None
    engine_instance_id: str | None = None
    api_rate_limit_hour: int | None = None
    bytes_rate_limit_hour: int | None = None
    task_rate_limit_hour: int | None = None
    max_api: int | None = field(default=None, name="maxAPI")
    max_bytes: int | None = None
    max_tasks: int | None = None


class UpdateToken(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    token: NewToken


class CreateToken(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    token: NewToken


class TokenDetail(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """A token. `tokenID` is the token itself, but only in the response that created it.

    Limits and counts are present only for a token with a quota.
    """

    token_id: str
    type: str
    user_id: str | None = None
    organization_ids: list[str]
    role_ids: list[str]
    access_all_organization: bool
    kvp_json: str | None = None
    api_rate_limit_hour: int | None = None
    bytes_rate_limit_hour: int | None = None
    task_rate_limit_hour: int | None = None
    max_api: int | None = field(default=None, name="maxAPI")
    max_bytes: int | None = None
    max_tasks: int | None = None
    total_count_api: int | None = field(default=None, name="totalCountAPI")
    total_count_bytes: int | None = None
    total_count_tasks: int | None = None
    expiration: str | None = None
    created_date_time: str
    modified_date_time: str


class Success(msgspec.Struct):
    success: bool
