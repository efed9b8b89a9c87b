"""The caller: an organization, a user or a token, and what it may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.token_quotas import QuotaHolder, QuotaRequest, TokenQuota


class Role(StrEnum):
    """What a principal may do inside its organization."""

    ADMIN = "admin"  # everything in the organization, including its users and tokens
    USER = "user"  # jobs, targets and assets; reads engines
    READER = "reader"  # read only

    def covers(self, needed: "Role") -> bool:
        """True if this role may do everything that `needed` may do."""
        return _RISING.index(self) >= _RISING.index(needed)


_RISING = (Role.READER, Role.USER, Role.ADMIN)

# The rights that a role adds to those of the roles below it, in the words of the contract (graphql-contract §1.4).
_ADDED: Final = {
    Role.READER: (
        "asset.read", "engine.read", "event.read", "job.read", "organization.read", "recording.read", "schedule.read",
        "source.read", "task.read", "template.read",
    ),
    Role.USER: (
        "asset.create", "asset.delete", "asset.update", "event.create", "event.delete", "event.update", "job.create",
        "job.delete", "job.update", "recording.create", "recording.delete", "recording.update", "schedule.create",
        "schedule.delete", "schedule.update", "source.create", "source.delete", "source.update", "template.create",
        "template.delete", "template.update",
    ),
    Role.ADMIN: (
        "audit.read", "category.create", "category.delete", "category.update", "engine.create", "engine.delete",
        "engine.update", "organization.update", "token.create", "token.delete", "token.read", "user.create",
        "user.delete", "user.read", "user.update",
    ),
}  # fmt: skip
_OF_SUPER_ADMINISTRATORS: Final = ("organization.create",)


def rights(role: Role, *, super_admin: bool = False) -> list[str]:
    """Returns what the role may do, for example `job.create`."""
    added = [right for each in _RISING if role.covers(each) for right in _ADDED[each]]
    return sorted([*added, *(_OF_SUPER_ADMINISTRATORS if super_admin and role is Role.ADMIN else ())])


class TaskScope(NamedTuple):
    """The only task, job and target that a token for a task is for."""

    job_id: int
    ordinal: int
    target_id: int | None


class WorkerScope(NamedTuple):
    """Whose work a token for workers takes, and for which engines; None for all of them."""

    organizations: frozenset[int] | None = None
    engines: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller. Every operation receives it as an argument.

    `super_admin` may also create organizations and act for another one. `token_id` and `user_name` are for audit rows.
    `task`: the caller holds a token for this task, and may do nothing else. `quota`: the token has one. `worker`: the
    caller is a worker, and may do nothing but the work in this scope.
    """

    organization_id: int
    user_id: str | None
    token_id: str
    role: Role = Role.ADMIN
    super_admin: bool = False
    user_name: str | None = None
    task: TaskScope | None = None
    quota: QuotaHolder | None = None
    worker: WorkerScope | None = None


@dataclass(frozen=True, slots=True)
class Organization:
    """The owner of everything else. `jsondata` is what clients store with it."""

    id: int
    name: str
    application_id: str
    default_retries: int | None
    created_at: int
    modified_at: int
    weight: int = 1
    running_limit: int | None = None
    paused_at: int | None = None
    business_unit: str | None = None
    image_url: str | None = None
    jsondata: Any = None


class OrganizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an organization that a client sets; None for a field that it does not set."""

    name: str | None = None
    default_retries: int | None = None
    business_unit: str | None = None
    image_url: str | None = None
    jsondata: Any = None


class UserStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"  # cannot sign in, and its tokens are not valid
    DELETED = "deleted"  # only for those who look up who has done something


@dataclass(frozen=True, slots=True)
class User:
    """A person. `jsondata` is what clients store with it. `has_password`: it can sign in with one."""

    id: str
    organization_id: int
    name: str  # what the user signs in with, usually a mail address
    display_name: str | None
    email: str | None
    role: Role
    super_admin: bool
    created_at: int
    modified_at: int
    last_login_at: int | None
    status: UserStatus = UserStatus.ACTIVE
    first_name: str | None = None
    last_name: str | None = None
    image_url: str | None = None
    jsondata: Any = None
    password_changed_at: int | None = None
    has_password: bool = True


class UserRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a user that a client sets; None for a field that it does not set."""

    name: str | None = None
    display_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    image_url: str | None = None
    jsondata: Any = None
    role: Role | None = None


class TokenKind(StrEnum):
    SESSION = "session"  # from a login; lives about a day
    KEY = "key"  # `xxxxxx:` + 64 hex, or a UUID from REST; lives until revoked unless an expiry was given
    BOOTSTRAP = "bootstrap"  # AIWARE_INIT_TOKEN, or the one that the first start creates
    WORKER = "worker"  # of workers on other machines; for nothing else


@dataclass(frozen=True, slots=True)
class Token:
    """A token as lists show it: a UUID derived from its hash, and the beginning of the secret, never the whole.

    `key_id`: the key with which this session was opened. `used_at`: its last use, no more exactly than to an hour.
    """

    id: str
    organization_id: int
    user_id: str | None
    kind: TokenKind
    name: str | None
    prefix: str
    role: Role
    super_admin: bool
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    modified_at: int = 0
    jsondata: Any = None
    quota: TokenQuota | None = None
    worker: WorkerScope | None = None
    key_id: str | None = None
    used_at: int | None = None


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """Who has a valid token, and for how many µs (None: for ever). `used_at`: its last use that is stored."""

    principal: Principal
    left: int | None
    used_at: int | None
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """The changes of a token; None for a field that stays. `expires_at` is µs UTC, 0 for never."""

    role: Role | None = None
    expires_at: int | None = None
    jsondata: Any = None
    quota: QuotaRequest | None = None
