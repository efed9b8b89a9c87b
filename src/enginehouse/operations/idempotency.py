"""Requests with an idempotency key: a request that is sent twice is carried out once, and gets the same answer twice.

How an operation uses a key (`key` is the client's text, None without one):

    request_key = idempotency.request_key(principal, "cancelJobs", key, {"from": created_from, "to": created_to})
    answer = await idempotency.once(house, request_key, Accepted, work)

`request_key` checks the key and computes a digest of the request: any JSON value, which must not depend on the time or
on the spelling of an interface. `once` runs `work(tx)` and stores its answer in the same transaction. The answer is an
`Accepted`: any type that msgspec can encode and decode (a struct, a dataclass, an int). For the same request with the
same key `work` does not run; `answer.value` is the stored answer, and `answer.replayed` is true. So an answer should
hold values that never change (ids, a barrier's number); the operation then reads the changing values. Nothing is stored
if `work` raises.

An operation that checks the current state first (for example a retry, whose job may be gone by now) calls `earlier`
before that. The interfaces use the same operation names, so that a request may be repeated through the other one.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
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
    """The answer. `replayed`: it is the answer of an earlier request with the same key, and nothing was done now."""

    value: T
    replayed: bool = False


def request_key(principal: Principal, operation: str, key: str | None, what: Any) -> RequestKey | None:
    """Returns the key with the digest of the request; None without a key. Raises InvalidInput for an invalid key."""
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidInput([Problem(HEADER, "1–255 visible ASCII characters.", allowed="1–255 visible ASCII")])
    try:
        return RequestKey(principal.organization_id, operation, key, fingerprint.digest(what))
    except ValueError:
        raise InvalidInput("must be JSON, without half of a surrogate pair and not nested too deeply.") from None


async def earlier(house: House, request_key: RequestKey | None, kind: type[T]) -> T | None:
    """Returns the answer of an earlier request with this key; None if there was none.

    Raises KeyReused if the earlier request was a different one.
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
    *,
    starts_work: bool = False,
    urgent: bool = False,
) -> OnceAnswer[T]:
    """Runs `work` in one write transaction and stores its answer there; or returns the stored answer of this key.

    `starts_work`: the transaction is one of `write_work`; `urgent`: one of `write` that does not wait for others.

    Raises KeyReused, and KeyInProgress if another request with this key has not ended after two seconds.
    """
    database = house.database
    write = database.write_work if starts_work else partial(database.write, urgent=urgent)
    if request_key is None:
        return OnceAnswer(await write(work))
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
        return await write(first, patience=PATIENCE)
    except Contended as error:
        if mine:
            raise Unavailable("The database is too busy with the same rows to store this.") from error
        raise KeyInProgress from error
