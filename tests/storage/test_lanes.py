"""The search for lanes: what it finds, and that it skips through the index for any number of waiting items."""

import json
import sqlite3
from pathlib import Path

import asyncpg
import pytest
from tests import make
from tests.storage.verbs import Verbs

from enginehouse.domain.quotas import Lane
from enginehouse.storage.database.database import Database
from enginehouse.storage.database.sql import shape, statements
from enginehouse.storage.work import claims, lanes
from enginehouse.storage.work.lanes import Outlook, Queue

FLOOD = 5_000


async def test_each_lane_in_which_something_may_start_now_is_found(database: Database) -> None:
    verbs = Verbs(database)
    await verbs.create(
        *(make.new_job(make.independent(2), organization_id=each) for each in (3, 1, 2)),
        make.new_job(make.chain(2), organization_id=2),
    )
    for lease in await verbs.claim(2):
        await verbs.done(lease)
    found = await database.glance(lambda tx: lanes.look(tx, pool="native"))
    left = {Lane(2, "noop"), Lane(2, "ingest"), Lane(1, "noop"), Lane(3, "noop")}
    assert set(found.lanes) <= left
    assert len(found.lanes) == len(set(found.lanes))
    while leases := await verbs.claim(100):
        for lease in leases:
            await verbs.done(lease)
    assert await database.glance(lambda tx: lanes.look(tx, pool="native")) == Outlook()
    assert await database.glance(lambda tx: lanes.look(tx, pool="python")) == Outlook()


@pytest.mark.parametrize("parts", [(), ("sizes",)], ids=["look", "count"])
async def test_on_postgresql_a_look_reads_a_few_pages_whatever_waits(
    postgres_database: Database, postgres_dsn: str, parts: tuple[str, ...]
) -> None:
    """Also without statistics: a planner that expects an empty table must not scan all of it."""
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("VACUUM FULL work_item")  # the rows of earlier tests in this database
    await Verbs(postgres_database).create(make.new_job(make.independent(FLOOD)))
    statement = statements("postgres")[shape("lanes.waiting", parts)]
    look = statement.text
    for number, name in enumerate(statement.params, 1):
        look = look.replace(f"${number}", {"pool": "'native'", "most": "20"}.get(name, str(2**62)))
    try:
        for _ in range(2):
            plan = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {look}"))
            assert plan[0]["Plan"]["Actual Rows"] == 1
            assert plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"] < 100
            await connection.execute("ANALYZE")
    finally:
        await connection.close()


@pytest.mark.parametrize("parts", [(), ("sizes",)], ids=["look", "count"])
async def test_on_sqlite_a_look_searches_and_never_scans_what_waits(
    sqlite_database: Database, tmp_path: Path, parts: tuple[str, ...]
) -> None:
    await Verbs(sqlite_database).create(make.new_job(make.independent(3)))
    look = statements("sqlite")[shape("lanes.waiting", parts)].text
    values = {"pool": "native", "before": 2**62, "now": 2**62, "most": 20}
    connection = sqlite3.connect(f"file:{tmp_path / 'test.db'}?mode=ro", uri=True)
    try:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {look}", values).fetchall()
    finally:
        connection.close()
    steps = [row[3] for row in rows if " w" in row[3] or "TEMP" in row[3]]
    assert len(steps) == (7 if parts else 5)
    assert all(step.startswith("SEARCH w USING") and "work_item_lane" in step for step in steps), steps


async def test_a_claim_goes_on_where_one_lane_holds_more_than_was_looked_at(database: Database) -> None:
    """Items left in a lane may come before those of other lanes: they are not overtaken, and `more` is set."""
    verbs, queue = Verbs(database), Queue()
    await verbs.create(*(make.new_job(make.independent(1)) for _ in range(60)))
    await verbs.create(*(make.new_job(make.chain(1)) for _ in range(3)), make.new_job(make.fan_out(1)))
    await verbs.create(*(make.new_job(make.independent(1), organization_id=each) for each in range(2, 8)))

    async def claim(limit: int) -> list[str]:
        leases = await database.write_work(
            lambda tx: claims.claim(
                tx, verbs.plans, pool="native", limit=limit, worker="w", lease_micros=10**9, queue=queue
            )
        )
        return [lease.engine_id for lease in leases if lease.organization_id == 1]

    first = await claim(50)
    assert set(first) == {"noop"}
    assert queue.more
    rest = await claim(50)
    assert first + rest == ["noop"] * 60 + ["ingest"] * 4
    assert not queue.more


async def test_an_idle_claim_reads_the_lanes_that_were_promised_and_the_next_one_looks(database: Database) -> None:
    verbs, queue = Verbs(database), Queue()

    async def claim(limit: int = 8) -> list[int]:
        leases = await database.write_work(
            lambda tx: claims.claim(
                tx, verbs.plans, pool="native", limit=limit, worker="w", lease_micros=10**9, queue=queue
            )
        )
        return [lease.organization_id for lease in leases]

    async def create(*owners: int) -> None:
        await verbs.create(*(make.new_job(make.independent(1), organization_id=each) for each in owners))

    assert await claim() == []
    queue.stale = True  # as it is when it hears of a creation
    await create(1, 2)
    queue.promise(Lane(2, "noop"))
    assert await claim(1) == [2]
    assert queue.stale, "it knows only what was promised"
    assert await claim() == [1]

    assert await claim() == []
    queue.promise(Lane(3, "noop"))
    queue.see(Outlook(), began=0.0, ended=0.0)
    queue.stale = True
    assert not queue.see_promises(), "a look knows more"
    await create(1)
    for each in range(2, 20):
        queue.promise(Lane(each, "noop"))
    assert await claim() == [1], "of so many lanes, a look finds those with items"


async def test_a_lane_that_waits_is_not_passed_over_for_promised_ones(database: Database) -> None:
    verbs, queue = Verbs(database), Queue()
    await verbs.create(make.new_job(make.independent(1), organization_id=1))
    taken = list[int]()
    for _ in range(3):
        await verbs.create(make.new_job(make.independent(1), organization_id=2))
        queue.note(2)
        queue.promise(Lane(2, "noop"))
        leases = await database.write_work(
            lambda tx: claims.claim(
                tx, verbs.plans, pool="native", limit=1, worker="w", lease_micros=10**9, queue=queue
            )
        )
        taken += [lease.organization_id for lease in leases]
    assert 1 in taken
