"""Who did what: an entry of the audit, and which entries to read."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

NOBODYS: Final = 0  # the organization of an act of which nobody knows whose it was

Order = Literal["at", "user_name", "event", "object_type"]


class RequestOrigin(msgspec.Struct, frozen=True, gc=False):
    """Where a request came from, as an entrance received it; read only when something is recorded."""

    client_ip: str | None = None
    user_agent: bytes | None = None
    correlation_id: bytes | None = None


_UNKNOWN: Final = RequestOrigin()
request_origin: Final[ContextVar[RequestOrigin]] = ContextVar("request_origin", default=_UNKNOWN)
"""Set by an entrance for each request it answers."""


class Entry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One act of somebody, to be recorded. It holds no secret: a token is named by its id.

    `object_id` is how the id is stored: a job's is its number in decimal digits, a task's `<job>/<ordinal>`; the
    interfaces spell it as they do everywhere.
    """

    event: str
    organization_id: int = NOBODYS
    user_id: str | None = None
    user_name: str | None = None
    token_id: str | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    success: bool = True
    correlation_id: str | None = None
    detail: str | None = None

    def about(self, object_id: object, **known: Any) -> "Entry":
        """The same act on the object with this id, and with what else is known in the transaction only."""
        return msgspec.structs.replace(self, object_id=None if object_id is None else str(object_id), **known)


class RecordedEntry(Entry, frozen=True, gc=False, kw_only=True):
    """An entry as it is read again: its number, and the moment (µs UTC) of its transaction."""

    id: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries to read, and which page of them; what is None lets all through.

    `first` and `last` in µs UTC, both included. Texts are equal, `user_agent` is how it begins. `object_id` is the
    stored id; an operation understands every spelling of it. `before` is the number of the entry that an earlier page,
    the newest first, ended with.
    """

    first: int | None = None
    last: int | None = None
    ids: tuple[int, ...] | None = None
    user_name: str | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    event: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    correlation_id: str | None = None
    success: bool | None = None
    before: int | None = None
    order_by: Order = "at"
    descending: bool = True
    offset: int = 0
    limit: int = 100


def entry_number(text: str) -> int:
    """The number of an entry; 0, which no entry has, for a text that is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
