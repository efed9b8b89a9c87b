"""Acts on many jobs in storage: each is one row, with the jobs that it is about in batches."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.bulk_acts import Act, SkipCount, SkipReason
from enginehouse.storage.bulk_acts import batches
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class ActRow(NamedTuple):
    """A stored act. `ended_at`: since when nothing of it is left to do; of a bulk cancel, its barrier says that."""

    id: int
    organization_id: int
    act: str
    rule: str
    created_by: str | None
    user_name: str | None
    accepted_at: int
    matched: int
    applied: int
    skipped: int
    ended_at: int | None
    barrier_id: int | None
    undo_of: int | None
    undone_by: int | None


class OpenAct(NamedTuple):
    """An act with jobs that have not had their turn yet."""

    id: int
    organization_id: int
    act: str


class NewAct(NamedTuple):
    """An act to store. One that a barrier carries out needs no turn."""

    organization_id: int
    act: Act
    rule: str
    created_by: str | None
    user_name: str | None
    matched: int
    barrier_id: int | None = None
    undo_of: int | None = None


class _SkipRow(NamedTuple):
    """How many jobs an act has left alone for a reason."""

    act_id: int
    reason: str
    jobs: int
    example: int


_BY_ID: Final = Select("bulk_acts.act", ActRow)
_PAGE: Final = Select("bulk_acts.page", ActRow)
_OPEN: Final = Select("bulk_acts.open", OpenAct)
_SKIPS: Final = Select("bulk_acts.skips", _SkipRow)


async def insert(tx: Tx, new: NewAct) -> int:
    """The act is stored, without jobs. Returns its id."""
    [(act_id,)] = await tx.all(
        "bulk_acts.insert",
        organization_id=new.organization_id,
        act=new.act.value,
        rule=new.rule,
        created_by=new.created_by,
        user_name=new.user_name,
        now=tx.now,
        matched=new.matched,
        ended_at=None if new.barrier_id is None else tx.now,
        barrier_id=new.barrier_id,
        undo_of=new.undo_of,
    )
    return int(act_id)


async def get(tx: Tx, organization_id: int, act_id: int) -> ActRow | None:
    """Returns the organization's act with this id."""
    return await _BY_ID.one(tx, id=act_id, organization_id=organization_id)


async def of_barrier(tx: Tx, organization_id: int, barrier_id: int) -> int | None:
    """Returns the act that this bulk cancel carries out."""
    row = await tx.one("bulk_acts.of_barrier", barrier_id=barrier_id, organization_id=organization_id)
    return None if row is None else int(*row)


async def page(tx: Tx, organization_id: int, *, limit: int, offset: int) -> list[ActRow]:
    """Returns a page of the organization's acts, the newest first."""
    return await _PAGE.all(tx, organization_id=organization_id, limit=limit, offset=offset)


async def skips(tx: Tx, act_ids: Sequence[int]) -> dict[int, list[SkipCount]]:
    """Returns what each of the acts has left alone."""
    found = defaultdict[int, list[SkipCount]](list)
    for row in await _SKIPS.all(tx, ids=list(act_ids)):
        found[row.act_id].append(SkipCount(SkipReason(row.reason), row.jobs, row.example))
    return found


async def open_ones(tx: Tx) -> list[OpenAct]:
    """Returns the acts to carry on with: the first open one of every organization."""
    return await _OPEN.all(tx)


async def close(tx: Tx, act_id: int) -> bool:
    """Closes the act if none of its jobs waits for its turn. Returns True if this call did it."""
    return bool(await tx.run("bulk_acts.close", id=act_id, now=tx.now))


async def lock(tx: Tx, organization_id: int, act_id: int) -> ActRow | None:
    """Returns the organization's act, locked."""
    if await tx.one("bulk_acts.lock", id=act_id, organization_id=organization_id) is None:
        return None
    return await get(tx, organization_id, act_id)


async def end(tx: Tx, act_id: int) -> int:
    """The locked act goes no further, and what others are doing of it is done. Returns how many jobs it has changed."""
    await batches.give_up(tx, act_id)
    await close(tx, act_id)
    [(applied,)] = await tx.all("bulk_acts.count_applied", id=act_id)
    return int(applied)


async def prune(tx: Tx, *, before: int, limit: int) -> int:
    """Deletes a bounded part of the acts that ended before that time. Returns how many rows were deleted."""
    deleted = 0
    for (act_id,) in await tx.all("bulk_acts.old", before=before, limit=limit):
        deleted += (gone := await batches.prune(tx, act_id, limit=limit - deleted))
        if deleted >= limit:
            break
        await tx.run("bulk_acts.delete_skips", id=act_id)
        deleted += gone == 0 and await tx.run("bulk_acts.delete", id=act_id)
    return deleted
