"""The caller: an organization, a user or a token, and what it may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """What a principal may do inside its organization."""

    ADMIN = "admin"  # everything in the organization, including its users and tokens
    USER = "user"  # jobs, targets and assets; reads engines
    READER = "reader"  # read only

    def covers(self, needed: "Role") -> bool:
        """True if this role may do everything that `needed` may do."""
        return _RISING.index(self) >= _RISING.index(needed)


_RISING = (Role.READER, Role.USER, Role.ADMIN)


class TaskScope(NamedTuple):
    """The only task, job and target that a token for a task is for."""

    job_id: int
    ordinal: int
    target_id: int | None


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller. Every operation receives it as an argument.

    `super_admin` may also create organizations and act for another one. `token_id` and `user_name` are for audit rows.
    `task`: the caller holds a token for this task, and may do nothing else.
    """

    organization_id: int
    user_id: str | None
    token_id: str
    role: Role = Role.ADMIN
    super_admin: bool = False
    user_name: str | None = None
    task: TaskScope | None = None


@dataclass(frozen=True, slots=True)
class Organization:
    id: int
    name: str
    application_id: str
    default_retries: int | None
    created_at: int
    modified_at: int
    weight: int = 1
    running_limit: int | None = None
    paused_at: int | None = None


@dataclass(frozen=True, slots=True)
class User:
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


class TokenKind(StrEnum):
    SESSION = "session"  # from a login; lives about a day
    KEY = "key"  # `xxxxxx:` + 64 hex, or a UUID from REST; lives until revoked unless an expiry was given
    BOOTSTRAP = "bootstrap"  # AIWARE_INIT_TOKEN, or the one that the first start creates


@dataclass(frozen=True, slots=True)
class Token:
    """A token as lists show it: a UUID derived from its hash, and the beginning of the secret, never the whole."""

    id: str
    organization_id: int
    user_id: str | None
    kind: TokenKind
    name: str | None
    prefix: str
    role: Role
    created_at: int
    expires_at: int | None
    revoked_at: int | None
