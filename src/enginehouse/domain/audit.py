"""The audit: an entry records who did what, a filter chooses the entries to read."""

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

NOBODYS: Final = 0  # the organization of an act whose organization is unknown

Order = Literal["at", "user_name", "event", "object_type"]


class RequestOrigin(msgspec.Struct, frozen=True, gc=False):
    """Where a request came from, as an entrance received it. Audit entries and the limits of failures read it."""

    client_ip: str | None = None
    user_agent: bytes | None = None
    correlation_id: bytes | None = None


_UNKNOWN: Final = RequestOrigin()
request_origin: Final[ContextVar[RequestOrigin]] = ContextVar("request_origin", default=_UNKNOWN)
"""Each entrance sets it for every request."""


class Entry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One act to record. It holds no secret: it names a token by its id.

    `object_id` is the stored id: for a job its number in decimal digits, for a task `<job>/<ordinal>`. The interfaces
    show their own spelling of it.
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
        """The same act with the object's id and with the `known` fields, which only the transaction knows."""
        return msgspec.structs.replace(self, object_id=None if object_id is None else str(object_id), **known)


class RecordedEntry(Entry, frozen=True, gc=False, kw_only=True):
    """A stored entry, with its number and the time (µs UTC) of its transaction."""

    id: int
    at: int


class SealState(StrEnum):
    """Whether an entry is as it was sealed."""

    SEALED = "sealed"
    UNSEALED = "unsealed"  # it is too new
    CHANGED = "changed"  # it, or the seal over it, was changed or put in later


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries to read, and which page of them. A field that is None excludes nothing.

    `first` and `last` are µs UTC, both inclusive. Texts must be equal; `user_agent` is a prefix. `object_id` is the
    stored id; the operations accept every spelling of it. `before` continues a list that is sorted newest first: it is
    the number of the last entry of the page before.
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
    """Returns the number of an entry. A text that is not a number gives 0, which no entry has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
