"""Objects that organizations own: finds, lists, creates and changes an object of any kind.

A foreign object looks as if it did not exist, unless it is public: then it can be read but not changed.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from enginehouse.domain.errors import NotAllowed, NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.operations import bounds
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx


class Owned(Protocol):
    """An object with an id that belongs to one organization."""

    @property
    def id(self) -> int | str: ...

    @property
    def organization_id(self) -> int | None: ...


T = TypeVar("T", bound=Owned)
R = TypeVar("R")
K = TypeVar("K", int, str)  # the stored key of an object: its number or its UUID
K_co = TypeVar("K_co", covariant=True)


class KeyRef(Protocol[K_co]):
    """A client's reference to an object: a Ref or a UuidRef."""

    @property
    def key(self) -> K_co: ...

    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class OwnedKind(Generic[K, T]):
    """A kind of object: its type in messages and audit rows (`JobTemplate`), the word for it, and its two look-ups.

    `by_ids` returns the objects that an organization may read, its own and public ones. `lock` returns one of its own,
    locked. `role` may create and change them. `owner` is how messages name the owner of a foreign public object.
    """

    type: str
    word: str
    by_ids: Callable[[Tx, int, list[K]], Awaitable[Mapping[K, T]]]
    lock: Callable[[Tx, int, K], Awaitable[T | None]]
    role: Role = Role.USER
    owner: str = "another organization"


async def get(house: House, kind: OwnedKind[K, T], principal: Principal, ref: KeyRef[K]) -> T:
    """Returns the object. Raises NotFound, also for a foreign one that is not public."""
    return await house.database.peek(lambda tx: read(tx, kind, principal, ref))


async def read(tx: Tx, kind: OwnedKind[K, T], principal: Principal, ref: KeyRef[K]) -> T:
    """Returns the object in this transaction. Raises NotFound, also for a foreign one that is not public."""
    require(principal, Role.READER)
    objects = await _by_ids(tx, kind, principal, [ref.key])
    if ref.key not in objects:
        raise NotFound(kind.type, ref.text)
    return objects[ref.key]


async def readable(house: House, kind: OwnedKind[K, T], principal: Principal, ids: Iterable[K]) -> Mapping[K, T]:
    """Returns those of the objects that the caller may read."""
    require(principal, Role.READER)
    return await house.database.read(lambda tx: _by_ids(tx, kind, principal, ids))


async def page(
    house: House, principal: Principal, offset: int, limit: int, read: Callable[[Tx, int], Awaitable[R]]
) -> R:
    """Returns the result of `read` for the caller's organization. Raises InvalidInput for a page out of bounds."""
    require(principal, Role.READER)
    bounds.page(offset, limit, largest=house.limits.page_size)
    return await house.database.read(lambda tx: read(tx, principal.organization_id))


async def locked(tx: Tx, kind: OwnedKind[K, T], principal: Principal, ref: KeyRef[K], *, path: str = "") -> T:
    """Returns the caller's own object, locked. Raises NotFound, NotAllowed for a public one of another organization."""
    found = await kind.lock(tx, principal.organization_id, ref.key) if _is_key(ref.key) else None
    if found is not None:
        return found
    if await _by_ids(tx, kind, principal, [ref.key]):
        raise NotAllowed(foreign(kind))
    raise NotFound(kind.type, ref.text, path=path)


def foreign(kind: OwnedKind[Any, Any], verb: str = "changed") -> str:
    """Returns the message for a caller who must not do this with a public object of another organization."""
    return f"This {kind.word} belongs to {kind.owner}; it can be read, not {verb}."


async def create(
    house: House, kind: OwnedKind[K, T], principal: Principal, event: str, make: Callable[[Tx], Awaitable[T]]
) -> T:
    """Creates the object with `make`, and records who created it in the same transaction."""
    require(principal, kind.role)
    entry = trail.entry(principal, event, object_type=kind.type)

    async def work(tx: Tx) -> T:
        new = await make(tx)
        await entries.record(tx, [entry.about(new.id)])
        return new

    return await house.database.write(work)


async def change(
    house: House,
    kind: OwnedKind[K, T],
    principal: Principal,
    event: str,
    ref: KeyRef[K],
    work: Callable[[Tx, T], Awaitable[R]],
) -> R:
    """Changes or deletes the caller's own object with `work`, which gets it locked, and records that.

    Raises NotFound, NotAllowed for a public one of another organization, and the errors of `work`.
    """
    require(principal, kind.role)
    entry = trail.entry(principal, event, object_type=kind.type, object_id=ref.key)

    async def apply(tx: Tx) -> R:
        result = await work(tx, await locked(tx, kind, principal, ref))
        await entries.record(tx, [entry])
        return result

    return await house.database.write(apply)


async def _by_ids(tx: Tx, kind: OwnedKind[K, T], principal: Principal, ids: Iterable[K]) -> Mapping[K, T]:
    return await kind.by_ids(tx, principal.organization_id, sorted({key for key in ids if _is_key(key)}))


def _is_key(key: int | str) -> bool:
    return isinstance(key, str) or 0 < key <= bounds.LARGEST_ID
