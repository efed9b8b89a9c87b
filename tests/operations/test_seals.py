"""The distance of seals to the newest rows: no row can appear before a sealed one."""

import asyncio
from pathlib import Path

import pytest

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.audit import Entry
from enginehouse.operations.audit import seals as audit_seals
from enginehouse.operations.audit.seals import DISTANCE, Sealing
from enginehouse.operations.house import House
from enginehouse.storage.audit import entries as audit_entries
from enginehouse.storage.audit import seals
from enginehouse.storage.audit.entries import NEVER
from enginehouse.storage.audit.seals import Verified
from enginehouse.storage.database.database import Database, Tx


class Hand:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def _record(house: House, count: int = 1) -> None:
    entries = [Entry(event="e", organization_id=1)] * count
    await house.database.write(lambda tx: audit_entries.record(tx, entries))


async def _verified(house: House) -> Verified:
    return await house.database.read(seals.verify)


async def test_a_row_is_sealed_when_it_is_old_enough(house: House) -> None:
    clock = Hand()
    sealing = Sealing(house, clock=clock)
    await _record(house)
    await sealing.turn()
    clock.now += DISTANCE - 0.1
    await sealing.turn()
    assert (await _verified(house)).entries == 0
    clock.now += 0.2
    await _record(house)
    await sealing.turn()
    found = await _verified(house)
    assert (found.entries, found.unsealed) == (1, 1)
    clock.now += DISTANCE
    await sealing.turn()
    assert ((await _verified(house)).entries, (await _verified(house)).unsealed) == (2, 0)


async def test_a_turn_seals_so_many_rows_and_says_that_there_are_more(house: House) -> None:
    clock = Hand()
    sealing = Sealing(house, clock=clock)
    await _record(house, seals.BATCH + 1)
    await sealing.turn()
    clock.now += DISTANCE
    assert [await sealing.turn() for _ in range(3)] == [True, False, False]
    assert (await _verified(house)).seals == 2


async def test_a_row_with_an_earlier_number_that_commits_late_is_waited_for(
    postgres_database: Database, tmp_path: Path
) -> None:
    store = DiskStore(tmp_path / "store")
    house, clock, numbered, end = House.build(postgres_database, store), Hand(), asyncio.Event(), asyncio.Event()
    sealing = Sealing(house, clock=clock)

    async def late(tx: Tx) -> None:
        await audit_entries.record(tx, [Entry(event="late", organization_id=1)])
        await tx.read_clock()  # the entry has its number at the latest now
        numbered.set()
        await end.wait()

    writing = asyncio.create_task(house.database.write(late))
    await numbered.wait()
    await _record(house)
    for _ in range(4):
        await sealing.turn()
        clock.now += DISTANCE
    assert (await _verified(house)).entries == 0
    end.set()
    await writing
    for _ in range(3):
        await sealing.turn()
        clock.now += DISTANCE
    found = await _verified(house)
    assert (found.entries, found.fault) == (2, None)
    store.close()


@pytest.mark.parametrize(("days", "left"), [(364, 1), (366, 0)])
async def test_rows_are_kept_for_a_year(house: House, days: int, left: int) -> None:
    await _record(house)

    async def seal(tx: Tx) -> int:
        made = await seals.prepare(tx, until=NEVER)
        assert made is not None
        await seals.add(tx, made)
        return made.sealed_at

    sealed_at = await house.database.write(seal)
    while await audit_seals.prune(house, now=sealed_at + days * 86_400_000_000):
        pass
    rows = await house.database.read(lambda tx: tx.all("seals.entries", after=0, until=NEVER, limit=10))
    assert len(rows) == left
    assert (await _verified(house)).fault is None
