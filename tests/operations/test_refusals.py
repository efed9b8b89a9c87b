"""Many refusals: the first get separate rows, the others a few rows with numbers, and none is lost."""

import asyncio

import pytest

from enginehouse.domain.audit import NOBODYS, AuditFilter, Entry, RecordedEntry
from enginehouse.domain.errors import AuthenticationFailed
from enginehouse.operations import identity
from enginehouse.operations.house import House
from enginehouse.operations.refusals import Refusals
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Database


class Hand:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def _rows(database: Database) -> list[RecordedEntry]:
    return (await database.read(lambda tx: entries.page(tx, (NOBODYS, 1, 2), AuditFilter(limit=1000))))[::-1]


def _refused(event: str = "authenticate", organization_id: int = NOBODYS) -> Entry:
    return Entry(event=event, organization_id=organization_id, success=False)


async def _note(refusals: Refusals, count: int, entry: Entry | None = None) -> None:
    await asyncio.gather(*(refusals.note(entry or _refused()) for _ in range(count)))


async def test_what_comes_beyond_is_summed_up_by_kind_and_organization(database: Database) -> None:
    refusals = Refusals(database, in_flight=1, at_once=3, clock=Hand())
    await _note(refusals, 10)
    await _note(refusals, 4, _refused("cancelJob", 1))
    assert len(await _rows(database)) == 3
    await refusals.sum_up()
    sums = [(row.event, row.organization_id, row.detail) for row in (await _rows(database))[3:]]
    assert sums == [("authenticate", NOBODYS, "7 more like this"), ("cancelJob", 1, "4 more like this")]
    assert not any(row.success for row in await _rows(database))
    await refusals.sum_up()
    assert len(await _rows(database)) == 5


async def test_time_brings_rows_of_their_own_again(database: Database) -> None:
    clock = Hand()
    refusals = Refusals(database, in_flight=1, at_once=3, clock=clock)
    await _note(refusals, 4)
    clock.now += 2
    await _note(refusals, 4)
    assert len(await _rows(database)) == 5
    clock.now += 1_000
    await _note(refusals, 10)
    assert len(await _rows(database)) == 8


async def test_the_different_sums_are_bounded(database: Database) -> None:
    refusals = Refusals(database, in_flight=1, at_once=0, clock=Hand())
    for organization_id in range(1, 501):
        await refusals.note(_refused(organization_id=organization_id))
    await refusals.close()
    criteria = AuditFilter(order_by="event", limit=1000)
    rows = await database.read(lambda tx: entries.page(tx, range(501), criteria))
    assert len(rows) == 101
    assert sum(int((row.detail or "").split()[0]) for row in rows) == 500


async def test_the_end_of_a_server_sums_up(database: Database) -> None:
    refusals = Refusals(database, in_flight=1, at_once=1, clock=Hand())
    await _note(refusals, 3)
    await refusals.close()
    assert [row.detail for row in await _rows(database)] == [None, "2 more like this"]


async def test_a_sum_that_could_not_be_written_is_kept(sqlite_database: Database) -> None:
    refusals = Refusals(sqlite_database, in_flight=1, at_once=0, clock=Hand())
    await refusals.note(_refused())

    class Full(Exception):
        pass

    async def full(*_: object, **__: object) -> None:
        raise Full

    write, sqlite_database.write = sqlite_database.write, full  # type: ignore[method-assign, assignment]
    with pytest.raises(Full):
        await refusals.sum_up()
    sqlite_database.write = write  # type: ignore[method-assign]
    await refusals.note(_refused())
    await refusals.sum_up()
    assert [row.detail for row in await _rows(sqlite_database)] == ["2 more like this"]


async def test_a_thousand_guesses_leave_a_bounded_number_of_rows(house: House) -> None:
    async def guess(n: int) -> None:
        with pytest.raises(AuthenticationFailed):
            await identity.authenticate(house, f"guess-{n}")

    await asyncio.gather(*(guess(n) for n in range(1_000)))
    await house.refusals.sum_up()
    rows = await _rows(house.database)
    sums = [int((row.detail or "").split()[0]) for row in rows if (row.detail or "").endswith("more like this")]
    assert len(rows) - len(sums) + sum(sums) == 1_000
    assert len(rows) < 300
