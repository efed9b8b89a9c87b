"""Transactions that start work hold the barrier lock, and a verb without it raises at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
import pytest
from tests import make
from tests.postgres import PATIENCE

from enginehouse.storage import limits
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import JobRange
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import cancellation, creation, keyed_creation
from enginehouse.storage.jobs.new_jobs import Creation
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.schedules import firing
from enginehouse.storage.work import claims, reports

Verb = Callable[[Tx], Awaitable[object]]

EVERYTHING: Final = JobRange(organization_id=1, created_from=0, created_to=2**60)
STARTS_WORK: Final[dict[str, Verb]] = {
    "create": lambda tx: creation.create(tx, Plans(), [make.new_job(make.independent(1))]),
    "create with a key": lambda tx: keyed_creation.create(tx, Plans(), [Creation([make.new_job(make.independent(1))])]),
    "cancel": lambda tx: cancellation.cancel(tx, [(1, 1)]),
    "claim": lambda tx: claims.claim(tx, Plans(), pool="native", limit=1, worker="w", lease_micros=1),
    "finish": lambda tx: reports.finish(tx, Plans(), []),
    "fire": lambda tx: firing.fire(tx, Plans(), {}),
}
FORBIDS_WORK: Final[dict[str, Verb]] = {
    "bulk cancel": lambda tx: barriers.accept(tx, EVERYTHING, include_running=False, created_by=None),
    "pause a job": lambda tx: limits.pause_job(tx, 1, 1),
    "pause an organization": lambda tx: limits.pause_organization(tx, 1),
    "share": lambda tx: limits.set_share(tx, 1, weight=1, running_limit=None),
    "state of an engine": lambda tx: limits.set_engine_state(tx, 1, "noop", was="active", state="paused"),
    "limit of an engine": lambda tx: limits.set_engine_limit(tx, 1, "noop", 0),
}


@pytest.mark.parametrize("verb", STARTS_WORK.values(), ids=STARTS_WORK)
async def test_what_starts_work_is_refused_in_a_plain_write(database: Database, verb: Verb) -> None:
    with pytest.raises(RuntimeError, match=r"call it in Database\.write_work"):
        await database.write(verb)
    await database.write_work(verb)


@pytest.mark.parametrize("verb", FORBIDS_WORK.values(), ids=FORBIDS_WORK)
async def test_what_forbids_work_is_refused_beside_what_starts_it(database: Database, verb: Verb) -> None:
    with pytest.raises(RuntimeError, match="cannot hold the barrier lock alone"):
        await database.write_work(verb)
    await database.write(verb)


async def test_a_write_after_one_that_starts_work_does_not_hold_the_lock(database: Database) -> None:
    async def holds(tx: Tx) -> bool:
        return tx.under_barrier

    assert [await way(holds) for way in (database.write_work, database.write, database.read, database.glance)] == [
        True,
        False,
        False,
        False,
    ]


async def test_a_bulk_cancel_takes_its_id_and_time_behind_all_that_starts_work_though_no_connection_is_free(
    postgres_database: Database, postgres_dsn: str, connections: int
) -> None:
    held, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def hold(_: Tx) -> None:
        held.release()
        await go_on.wait()

    outside = await asyncpg.connect(postgres_dsn)
    try:
        async with asyncio.timeout(PATIENCE):
            holders = [asyncio.create_task(postgres_database.write_work(hold)) for _ in range(connections)]
            for _ in holders:
                await held.acquire()
            accepting = asyncio.create_task(postgres_database.write(FORBIDS_WORK["bulk cancel"], urgent=True))
            while not await outside.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                pass
            assert not await outside.fetchval("SELECT is_called FROM barrier_id_seq"), "ids rise with the commits"
            before = await outside.fetchval("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)")
            go_on.set()
            barrier_id = await accepting
            await asyncio.gather(*holders)
        accepted_at = await outside.fetchval("SELECT accepted_at FROM barrier WHERE id = $1", barrier_id)
    finally:
        await outside.close()
    assert accepted_at >= before


async def test_counts_of_writes_in_a_row_meet_on_no_row_where_two_can_write_at_once(database: Database) -> None:
    async def shard(tx: Tx) -> int:
        return tx.shard

    shards = [await database.write(shard) for _ in range(8)]
    assert sorted(shards) == (list(range(8)) if database.dialect == "postgres" else [0] * 8)


def test_the_lock_keeps_its_name() -> None:
    """Servers of two versions may share a database during an upgrade."""
    assert barrier_lock.NAME == "barrier"
