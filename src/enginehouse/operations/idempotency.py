"""Requests that carry a key: one that is sent twice is done once, and the second time answered as the first.

How an operation takes a key (`key` is the client's text, None without one):

    keyed = idempotency.keyed(principal, "cancelJobs", key, {"from": created_from, "to": created_to})
    answered = await idempotency.once(house, keyed, Accepted, work)

`keyed` checks the key and takes a digest of what is asked: any JSON value, in which nothing may depend on the moment or
on how an interface spells it. `once` runs `work(tx)` and keeps its answer, an `Accepted` (whatever msgspec can write
and read: a struct, a dataclass, an int), in the same transaction; for the same request with the same key `work` does
not run, and `answered.value` is what was kept, with `answered.replayed`. So an answer holds what stays true (ids, a
barrier's number), and what changes is read by it afterwards. Nothing is kept when `work` raises.

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
from enginehouse.storage.idempotency import Keyed

T = TypeVar("T")

HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """`replayed`: an earlier request with the same key was answered this, and nothing was done now."""

    value: T
    replayed: bool = False


def keyed(principal: Principal, operation: str, key: str | None, what: Any) -> Keyed | None:
    """The key with a digest of what is asked; None without one. Raises InvalidInput for what is no key."""
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidInput([Problem(HEADER, "1–255 visible ASCII characters.", allowed="1–255 visible ASCII")])
    try:
        return Keyed(principal.organization_id, operation, key, fingerprint.digest(what))
    except ValueError:
        raise InvalidInput("must be JSON, without half of a surrogate pair and not nested too deeply.") from None


async def earlier(house: House, wanted: Keyed | None, kind: type[T]) -> T | None:
    """What the same request with this key was answered before; None where there was none.

    Raises KeyReused where that one asked something else.
    """
    if wanted is None:
        return None
    found = await house.key_of(wanted.name)
    return None if found is None else msgspec.json.decode(found.answer_to(wanted), type=kind)


async def once(
    house: House,
    wanted: Keyed | None,
    kind: type[T],
    work: Callable[[Tx], Awaitable[T]],
) -> Answered[T]:
    """`work` has run in one write transaction, which also keeps its answer; or it had run before for this key.

    Raises KeyReused, and KeyInProgress where a request with this key is still under way after two seconds.
    """
    if wanted is None:
        return Answered(await house.database.write(work))
    mine = False

    async def first(tx: Tx) -> Answered[T]:
        nonlocal mine
        mine = False
        known = await idempotency.take(tx, [wanted], tx.now)
        if known:
            return Answered(msgspec.json.decode(known[wanted.name].answer_to(wanted), type=kind), replayed=True)
        mine = True
        value = await work(tx)
        await idempotency.answer(tx, {wanted.name: msgspec.json.encode(value).decode()})
        return Answered(value)

    try:
        return await house.database.write(first, patience=PATIENCE)
    except Contended as error:
        if mine:
            raise Unavailable("The database is too busy with the same rows to store this.") from error
        raise KeyInProgress from error
