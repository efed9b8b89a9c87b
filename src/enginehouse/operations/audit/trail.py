"""Builds the audit entries that operations write in the transaction of their change."""

import re
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from enginehouse.domain.audit import NOBODYS, Entry, request_origin
from enginehouse.domain.errors import NotAllowed
from enginehouse.domain.identity import Principal
from enginehouse.domain.refs import Ref, TaskRef, UuidRef
from enginehouse.operations.house import House

P = ParamSpec("P")
R = TypeVar("R")

LONGEST: Final = 255  # characters of a text that a client sends about itself
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


EVENTS: Final[dict[str, str]] = {}
"""Every event that `mutation` has registered, with the operation that records it."""


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
    """Returns the entry for the caller's act, for `entries.record` in the transaction of the act.

    Build it before the transaction, which may run in a thread without the request's context. `event` is the name of the
    GraphQL mutation (`createJob`), also for REST; an operation that GraphQL does not have gets a name of the same form.
    `object_id` is the stored id, for a job its number. `organization_id` is the object's, if it is not the caller's.
    `detail` is short and never holds a secret.
    """
    return _entry(
        event,
        organization_id=principal.organization_id if organization_id is None else organization_id,
        user_id=principal.user_id,
        user_name=principal.user_name,
        token_id=principal.token_id or None,
        object_type=object_type,
        object_id=None if object_id is None else str(object_id),
        success=success,
        detail=detail,
    )


def stranger(
    event: str,
    detail: str,
    *,
    organization_id: int = NOBODYS,
    user_id: str | None = None,
    user_name: str | None = None,
    token_id: str | None = None,
) -> Entry:
    """Returns the entry for a refused authentication, with the known facts about the claimed identity."""
    return _entry(
        event,
        organization_id=organization_id,
        user_id=user_id,
        user_name=None if user_name is None else printable(user_name),
        token_id=token_id,
        success=False,
        detail=detail,
    )


def _entry(event: str, **known: Any) -> Entry:
    came = request_origin.get()
    agent, correlation = came.user_agent, came.correlation_id
    return Entry(
        event=event,
        client_ip=came.client_ip,
        user_agent=None if agent is None else printable(agent.decode("latin-1")),
        correlation_id=None if correlation is None else correlation.decode("latin-1"),
        **known,
    )


def mutation(
    event: str, object_type: str | None = None, *, names: str | None = None
) -> Callable[
    [Callable[Concatenate[House, Principal, P], Awaitable[R]]],
    Callable[Concatenate[House, Principal, P], Coroutine[Any, Any, R]],
]:
    """Decorates an operation that changes something, so that a NotAllowed refusal of it is recorded.

    The operation itself records its change, in its transaction. `names` is the parameter with the object's id or ref.
    """

    def refusals_recorded(
        operation: Callable[Concatenate[House, Principal, P], Awaitable[R]],
    ) -> Callable[Concatenate[House, Principal, P], Coroutine[Any, Any, R]]:
        EVENTS[event] = f"{operation.__module__}.{operation.__qualname__}"
        place = None if names is None else [*signature(operation).parameters].index(names) - 2

        @wraps(operation)
        async def audited(house: House, principal: Principal, /, *args: P.args, **more: P.kwargs) -> R:
            try:
                return await operation(house, principal, *args, **more)
            except NotAllowed:
                object_id = None
                if place is not None and names is not None:
                    object_id = _key(args[place] if place < len(args) else more.get(names))
                refused = entry(principal, event, object_type=object_type, object_id=object_id, success=False)
                await house.refusals.note(refused)
                raise

        return audited

    return refusals_recorded


def _key(subject: object) -> object:
    match subject:
        case Ref(key=key) | UuidRef(key=key):
            return key
        case TaskRef(job_id=job_id, ordinal=ordinal):
            return f"{job_id}/{ordinal}"
        case _:
            return subject


def printable(text: str) -> str:
    """Returns a client's text as the audit stores it: cut to LONGEST characters, control characters as "?"."""
    cut = text[:LONGEST]
    return cut if cut.isprintable() else _UNPRINTABLE.sub("?", cut)
