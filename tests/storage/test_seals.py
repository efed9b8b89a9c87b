"""The seals over the audit rows: a check names every later change, and the oldest seals can be pruned."""

import pytest

from enginehouse.domain.audit import Entry
from enginehouse.storage.audit import entries as audit_entries
from enginehouse.storage.audit import seals
from enginehouse.storage.audit.entries import NEVER
from enginehouse.storage.audit.seals import Seal, SealFault, Verified
from enginehouse.storage.database.database import Database, Row, Tx

pytestmark = pytest.mark.usefixtures("own_statements")


async def _record(database: Database, count: int) -> list[int]:
    """Adds that many rows. Returns the ids of all rows."""
    entries = [Entry(event=f"e{n}", organization_id=1, user_name="é") for n in range(count)]
    await database.write(lambda tx: audit_entries.record(tx, entries))
    return [row[0] for row in await _rows(database)]


async def _rows(database: Database) -> list[Row]:
    return await database.read(lambda tx: tx.all("seals.entries", after=0, until=NEVER, limit=1000))


async def _seal(database: Database, *, limit: int = 3) -> None:
    """Seals all rows, with at most `limit` rows under each seal."""

    async def one(tx: Tx) -> bool:
        seal = await seals.prepare(tx, until=NEVER, limit=limit)
        return seal is not None and await seals.add(tx, seal)

    while await database.write(one):
        pass


async def _verify(database: Database, kept: tuple[int, str] | None = None) -> Verified:
    return await database.read(lambda tx: seals.verify(tx, kept=kept))


async def _fault(database: Database, kept: tuple[int, str] | None = None) -> SealFault:
    fault = (await _verify(database, kept)).fault
    assert fault is not None
    return fault


async def _spoil(database: Database, statement: str, **params: object) -> None:
    assert await database.write(lambda tx: tx.run(f"spoil.{statement}", **params)) > 0


async def test_an_untouched_chain_verifies(database: Database) -> None:
    await _record(database, 8)
    await _seal(database)
    await _record(database, 2)
    found = await _verify(database)
    assert (found.seals, found.entries, found.unsealed, found.fault) == (3, 8, 2, None)
    assert found.last is not None
    assert (await _verify(database, (3, found.last.hash))).fault is None


async def test_a_chain_without_rows_verifies(database: Database) -> None:
    assert await _verify(database) == Verified()


@pytest.mark.parametrize(
    ("column", "value"),
    [("event", "other"), ("user_name", None), ("success", 0), ("at", 1), ("organization_id", 2), ("detail", "x")],
)
async def test_the_first_changed_row_is_named(database: Database, column: str, value: object) -> None:
    rows = await _record(database, 8)
    await _seal(database)
    for place in (6, 4):
        await _spoil(database, column, id=rows[place], value=value)
    fault = await _fault(database)
    assert (fault.entry_id, fault.seal, fault.text) == (rows[4], 2, f"entry {rows[4]} was changed")


@pytest.mark.parametrize("place", [0, 4, 7])
async def test_the_first_removed_row_is_named(database: Database, place: int) -> None:
    rows = await _record(database, 8)
    await _seal(database)
    await _spoil(database, "remove", id=rows[place])
    fault = await _fault(database)
    assert (fault.entry_id, fault.text) == (rows[place], f"entry {rows[place]} was removed")


async def test_a_row_put_in_afterwards_is_named(database: Database) -> None:
    rows = await _record(database, 8)
    await _spoil(database, "remove", id=rows[4])
    await _seal(database)
    await _spoil(database, "put", id=rows[4])
    fault = await _fault(database)
    assert (fault.entry_id, fault.text) == (rows[4], f"entry {rows[4]} was put in after its time was sealed")


async def test_all_rows_removed_names_the_first(database: Database) -> None:
    rows = await _record(database, 4)
    await _seal(database)
    for row in rows:
        await _spoil(database, "remove", id=row)
    assert (await _fault(database)).entry_id == rows[0]


@pytest.mark.parametrize("number", [1, 2])
async def test_a_missing_seal_is_named(database: Database, number: int) -> None:
    await _record(database, 8)
    await _seal(database)
    await _spoil(database, "remove_seals", first=number, last=number)
    fault = await _fault(database)
    assert (fault.seal, fault.entry_id) == (number, None)


async def test_a_row_changed_together_with_its_digest_breaks_its_seal(database: Database) -> None:
    rows = await _record(database, 4)
    await _seal(database)
    await _spoil(database, "event", id=rows[0], value="other")
    digests = "\n".join(f"{row[0]} {seals.digest(row)}" for row in (await _rows(database))[:3])
    await _spoil(database, "digests", number=1, value=digests)
    fault = await _fault(database)
    assert (fault.seal, fault.entry_id, fault.text) == (1, None, "seal 1, or the one before it, was changed")


async def test_a_seal_written_anew_does_not_fit_the_one_after(database: Database) -> None:
    rows = await _record(database, 6)
    await _seal(database)
    await _spoil(database, "event", id=rows[0], value="other")
    digests = "\n".join(f"{row[0]} {seals.digest(row)}" for row in (await _rows(database))[:3])
    again = seals.sealed(Seal(1, rows[2], 3, 1, "", digests), "")
    await _spoil(database, "remove_seals", first=1, last=1)
    assert await database.write(lambda tx: seals.add(tx, again))
    fault = await _fault(database)
    assert (fault.seal, fault.entry_id, fault.text) == (2, None, "seal 2, or the one before it, was changed")


async def test_a_chain_written_anew_is_seen_with_a_hash_that_was_kept(database: Database) -> None:
    rows = await _record(database, 8)
    await _seal(database)
    last = (await _verify(database)).last
    assert last is not None
    kept = (last.number, last.hash)
    await _spoil(database, "remove_seals", first=1, last=3)
    assert (await _fault(database, kept)).text == "the seals from 1 to 3 are missing"
    await _spoil(database, "event", id=rows[0], value="other")
    await _seal(database)
    assert (await _verify(database)).fault is None
    assert (await _fault(database, kept)).text.startswith("seal 3 is not the one that was kept")


async def test_the_newest_removed_is_seen_with_a_hash_that_was_kept(database: Database) -> None:
    rows = await _record(database, 8)
    await _seal(database)
    last = (await _verify(database)).last
    assert last is not None
    for row in rows[6:]:
        await _spoil(database, "remove", id=row)
    await _spoil(database, "remove_seals", first=3, last=3)
    assert (await _verify(database)).fault is None
    assert (await _fault(database, (last.number, last.hash))).seal == 3


async def test_a_pruned_chain_verifies_from_its_oldest_seal(database: Database) -> None:
    rows = await _record(database, 6)
    await _seal(database)
    border = (await database.write(lambda tx: tx.read_clock())) + 1
    await _record(database, 3)
    await _seal(database)
    assert await database.write(lambda tx: seals.prune(tx, before=border)) == 2
    assert await database.write(lambda tx: seals.prune(tx, before=border)) == 0
    assert {row[0] for row in await _rows(database)}.isdisjoint(rows)
    found = await _verify(database)
    assert (found.seals, found.entries, found.fault) == (1, 3, None)
    assert found.since is not None
    assert found.since < border
    [first, *_] = await _rows(database)
    await _spoil(database, "event", id=first[0], value="other")
    assert (await _fault(database)).entry_id == first[0]


async def test_rows_without_a_seal_are_not_pruned(database: Database) -> None:
    await _record(database, 3)
    assert await database.write(lambda tx: seals.prune(tx, before=NEVER)) == 0
    assert len(await _rows(database)) == 3


async def test_rows_that_come_back_before_a_pruned_chain_are_named(database: Database) -> None:
    rows = await _record(database, 6)
    await _seal(database)
    await database.write(lambda tx: seals.prune(tx, before=NEVER))
    await _spoil(database, "put", id=rows[2])
    assert (await _fault(database)).entry_id == rows[2]


async def test_two_servers_set_one_seal_once(database: Database) -> None:
    await _record(database, 3)
    one, other = [await database.read(lambda tx: seals.prepare(tx, until=NEVER)) for _ in range(2)]
    assert one is not None
    assert other is not None
    assert await database.write(lambda tx: seals.add(tx, one))
    assert not await database.write(lambda tx: seals.add(tx, other))
    assert (await _verify(database)).fault is None
