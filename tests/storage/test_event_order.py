"""A job's events are in the order of the commits, because each writer holds the job's lock."""

import asyncio

import asyncpg
from tests import make

from enginehouse.domain.event import EventKind, HistoryPosition
from enginehouse.domain.work import ItemKey
from enginehouse.storage import events
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import cancellation, creation, stops
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims

LONG = 30.0


async def _created(database: Database) -> int:
    [(job_id, _)] = await database.write_work(
        lambda tx: creation.create(tx, Plans(), [make.new_job(make.independent(1))])
    )
    return job_id


async def _waits_for(dsn: str, second: "asyncio.Task[object]") -> bool:
    """True if the second transaction waits for a lock; false if it ended without waiting."""
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(LONG):
            while not second.done():
                if await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    return True
        return False
    finally:
        await connection.close()


async def _kinds(database: Database, job_id: int) -> list[EventKind]:
    async def read(tx: Tx) -> list[EventKind]:
        head = (await events.heads(tx, [(job_id, make.ORGANIZATION)]))[job_id]
        told, _ = await events.page(tx, head, HistoryPosition().id, 100)
        return [event.kind for event in told]

    return await database.read(read)


async def test_a_retry_is_told_under_the_lock_of_the_job_it_does_again(
    postgres_database: Database, postgres_dsn: str
) -> None:
    database, told, commit = postgres_database, asyncio.Event(), asyncio.Event()
    job_id = await _created(database)

    async def retry(tx: Tx) -> None:
        # It uses another shard of the counts, so that the counts give the other transaction no reason to wait.
        await creation.create(tx, Plans(), [make.new_job(make.independent(1), retry_of=job_id)])
        told.set()
        await commit.wait()

    first = asyncio.create_task(database.write_work(retry))
    await told.wait()
    second = asyncio.create_task(database.write_work(lambda tx: cancellation.cancel(tx, [(job_id, make.ORGANIZATION)])))
    assert await _waits_for(postgres_dsn, second)
    commit.set()
    await asyncio.gather(first, second)
    assert await _kinds(database, job_id) == [EventKind.CREATED, EventKind.RETRIED, EventKind.ABORTED]


async def test_a_signal_is_told_under_the_lock_of_its_job(postgres_database: Database, postgres_dsn: str) -> None:
    database, told, commit = postgres_database, asyncio.Event(), asyncio.Event()
    job_id = await _created(database)
    [lease] = await database.write_work(
        lambda tx: claims.claim(tx, Plans(), pool="native", limit=1, worker="w", lease_micros=60_000_000)
    )
    await database.write_work(lambda tx: cancellation.cancel(tx, [(job_id, make.ORGANIZATION)], include_running=True))
    held: tuple[ItemKey, int] = (lease.key, lease.token)

    async def signal(tx: Tx) -> None:
        await stops.signalled(tx, [held])
        told.set()
        await commit.wait()

    first = asyncio.create_task(database.write(signal))
    await told.wait()
    retried = make.new_job(make.independent(1), retry_of=job_id)
    second = asyncio.create_task(database.write_work(lambda tx: creation.create(tx, Plans(), [retried])))
    assert await _waits_for(postgres_dsn, second)
    commit.set()
    await asyncio.gather(first, second)
    assert (await _kinds(database, job_id))[-2:] == [EventKind.STOP_SIGNALLED, EventKind.RETRIED]
