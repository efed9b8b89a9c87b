"""Requests that carry a key: one that is sent twice is done once, and the second time answered as the first.

How an operation takes a key (`key` is the client's text, None without one):

    request_key = idempotency.request_key(principal, "cancelJobs", key, {"from": created_from, "to": created_to})
    answer = await idempotency.once(house, request_key, Accepted, work)

`request_key` checks the key and takes a digest of what is asked: any JSON value, in which nothing may depend on the
moment or on how an interface spells it. `once` runs `work(tx)` and keeps its answer, an `Accepted` (whatever msgspec
can write and read: a struct, a dataclass, an int), in the same transaction; for the same request with the same key
`work` does not run, and `answer.value` is what was kept, with `answer.replayed`. So an answer holds what stays true
(ids, a barrier's number), and what changes is read by it afterwards. Nothing is kept when `work` raises.

An operation that refuses by what it reads beforehand (a retry of a job that may be gone by now) asks `earlier` first.
Interfaces share the operation's name, so that a request may be repeated through the other one.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from enginehouse.domain import fingerprint
from enginehouse.domain.errors import InvalidInput, KeyInProgress, Problem, Unavailable
from enginehouse.domain.identity import Principal
from enginehouse.operations.batches import PATIENCE
from enginehouse.operations.house import House
from enginehouse.storage import idempotency
from enginehouse.storage.database.database import Contended, Tx
from enginehouse.storage.idempotency import RequestKey

T = TypeVar("T")

HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class OnceAnswer(Generic[T]):
    """`replayed`: an earlier request with the same key was answered this, and nothing was done now."""

    value: T
    replayed: bool = False


def request_key(principal: Principal, operation: str, key: str | None, what: Any) -> RequestKey | None:
    """The key with a digest of what is asked; None without one. Raises InvalidInput for what is no key."""
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidInput([Problem(HEADER, "1–255 visible ASCII characters.", allowed="1–255 visible ASCII")])
    try:
        return RequestKey(principal.organization_id, operation, key, fingerprint.digest(what))
    except ValueError:
        raise InvalidInput("must be JSON, without half of a surrogate pair and not nested too deeply.") from None


async def earlier(house: House, request_key: RequestKey | None, kind: type[T]) -> T | None:
    """What the same request with this key was answered before; None where there was none.

    Raises KeyReused where that one asked something else.
    """
    if request_key is None:
        return None
    stored = await house.key_of(request_key.name)
    return None if stored is None else msgspec.json.decode(stored.answer_to(request_key), type=kind)


async def once(
    house: House,
    request_key: RequestKey | None,
    kind: type[T],
    work: Callable[[Tx], Awaitable[T]],
) -> OnceAnswer[T]:
    """`work` has run in one write transaction, which also keeps its answer; or it had run before for this key.

    Raises KeyReused, and KeyInProgress where a request with this key is still under way after two seconds.
    """
    if request_key is None:
        return OnceAnswer(await house.database.write(work))
    mine = False

    async def first(tx: Tx) -> OnceAnswer[T]:
        nonlocal mine
        mine = False
        stored = await idempotency.take(tx, [request_key], tx.now)
        if stored:
            text = stored[request_key.name].answer_to(request_key)
            return OnceAnswer(msgspec.json.decode(text, type=kind), replayed=True)
        mine = True
        value = await work(tx)
        await idempotency.answer(tx, {request_key.name: msgspec.json.encode(value).decode()})
        return OnceAnswer(value)

    try:
        return await house.database.write(first, patience=PATIENCE)
    except Contended as error:
        if mine:
            raise Unavailable("The database is too busy with the same rows to store this.") from error
        raise KeyInProgress from error
