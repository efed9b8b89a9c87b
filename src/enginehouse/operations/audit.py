"""Who did what: the rows that operations write in the transaction of their change."""

import re
from contextvars import ContextVar
from typing import Final

import msgspec

from enginehouse.domain.identity import Principal
from enginehouse.storage.audit_log import Entry

LONGEST: Final = 255  # characters of anything that a client says of itself
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a request came from, as an entrance received it; read only when something is recorded."""

    client_ip: str | None = None
    user_agent: bytes | None = None
    correlation_id: bytes | None = None


NOWHERE: Final = Origin()

origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)
"""Set by an entrance for each request it answers."""


def entry(
    principal: Principal,
    event: str,
    *,
    object_type: str | None = None,
    object_id: object = None,
    organization_id: int | None = None,
    success: bool = True,
    detail: str | None = None,
) -> Entry:
    """What the caller did, for `audit_log.record` in the transaction that does it.

    `event` is the name of the GraphQL mutation (`createJob`), also where REST or nobody else has the operation.
    `object_id` is the id as it is stored: a job's is its number. `organization_id` is the object's where it is not the
    caller's. `detail` is short text for people, and never holds a secret.
    """
    came = origin.get()
    agent, correlation = came.user_agent, came.correlation_id
    return Entry(
        event=event,
        organization_id=principal.organization_id if organization_id is None else organization_id,
        user_id=principal.user_id,
        user_name=principal.user_name,
        token_id=principal.token_id or None,
        client_ip=came.client_ip,
        user_agent=None if agent is None else printable(agent.decode("latin-1")),
        object_type=object_type,
        object_id=None if object_id is None else str(object_id),
        success=success,
        correlation_id=None if correlation is None else correlation.decode("latin-1"),
        detail=detail,
    )


def printable(text: str) -> str:
    """What is kept of a text that a client says of itself: short, and nothing that a terminal or a column minds."""
    return _UNPRINTABLE.sub("?", text[:LONGEST])
