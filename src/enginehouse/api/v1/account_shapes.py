"""The bodies of organizations, users and tokens in our own interface, `/api/v1`."""

import msgspec

from enginehouse.api.http.json.casing import spelled


class NewOrganization(msgspec.Struct, rename=spelled, kw_only=True):
    name: str
    default_retries: int | None = None


class OrganizationView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """`organizationID` is the number that GraphQL uses, `internalOrganizationID` the UUID that REST uses."""

    organization_id: str
    internal_organization_id: str
    name: str
    application_id: str
    default_retries: int | None = None
    weight: int
    running_limit: int | None = None
    paused_date_time: str | None = None
    created_date_time: str


class OrganizationShare(msgspec.Struct, rename=spelled, kw_only=True):
    """Absent fields stay as they are. `runningLimit` null means any number."""

    weight: int | msgspec.UnsetType = msgspec.UNSET
    running_limit: int | msgspec.UnsetType | None = msgspec.UNSET


class NewEngineLimit(msgspec.Struct, rename=spelled, kw_only=True):
    """`runningLimit` null means any number."""

    running_limit: int | None


class EngineView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """The administrator's view of an engine. `organizationID` is present for an organization's own engine."""

    engine_id: str
    name: str
    state: str
    running_limit: int | None = None
    organization_id: str | None = None


class JobPauseView(msgspec.Struct, rename=spelled, kw_only=True):
    """`changed` is true only for the call that changed it."""

    internal_job_id: str
    core_job_id: str
    paused: bool
    changed: bool


class NewUser(msgspec.Struct, rename=spelled, kw_only=True):
    name: str
    password: str
    organization_id: str | int | None = None
    role: str | None = None
    display_name: str | None = None
    email: str | None = None


class UserView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    user_id: str
    name: str
    organization_id: str
    role: str
    display_name: str | None = None
    email: str | None = None
    created_date_time: str


class NewPassword(msgspec.Struct, kw_only=True):
    name: str
    password: str


class WorkerScopeView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """Whose work a token for workers takes, and for which engines; absent or empty for all of them."""

    organization_ids: list[str | int] | None = None
    engine_ids: list[str] | None = None


class NewKey(msgspec.Struct, rename=spelled, kw_only=True):
    """A token to create. `expirationDateTime` is a moment in any allowed form, absent for never.

    With `worker` it is a token for workers, which has no role.
    """

    name: str | None = None
    organization_id: str | int | None = None
    role: str | None = None
    expiration_date_time: str | int | None = None
    worker: WorkerScopeView | None = None


class RevokeToken(msgspec.Struct, rename=spelled, kw_only=True):
    """`token` is its id or the secret itself. A secret must not be in a path, so it is in the body."""

    token: str
    organization_id: str | int | None = None


class TokenView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """`token`, the secret, is present only in the response that created it. `lastUsedDateTime` is exact to an hour."""

    token_id: str
    token: str | None = None
    prefix: str
    kind: str
    name: str | None = None
    role: str
    organization_id: str
    user_id: str | None = None
    worker: WorkerScopeView | None = None
    created_date_time: str
    expiration_date_time: str | None = None
    revoked_date_time: str | None = None
    last_used_date_time: str | None = None
