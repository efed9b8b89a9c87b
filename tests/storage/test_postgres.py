import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from tests.postgres import FSYNC, PostgresServer, started

from enginehouse.domain.errors import Unavailable
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Row, StorageRefused, Tx
from enginehouse.storage.database.postgres import PostgresDatabase, refuse_unsafe
from enginehouse.storage.database.postgres_tx import lock_key

UNSAFE = FSYNC == "off"
WITHIN = 20

SAFE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "server_version_num": "160001",
    "transaction_read_only": "off",
}


@pytest.fixture
async def second(postgres_dsn: str, directory: Path) -> AsyncIterator[PostgresDatabase]:
    """Another server on the same database as `postgres_probe`."""
    opened = await PostgresDatabase.open(
        postgres_dsn, writers=1, readers=1, allow_unsafe_durability=UNSAFE, directory=directory
    )
    yield opened
    await opened.close()


def test_safe_settings_are_accepted() -> None:
    refuse_unsafe(SAFE, allow_unsafe_durability=False)
    refuse_unsafe({**SAFE, "synchronous_commit": "local"}, allow_unsafe_durability=False)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_each_unsafe_setting_is_named_with_its_mending(name: str) -> None:
    with pytest.raises(StorageRefused, match=rf"{name} = off.*ALTER SYSTEM SET {name} = on.*--allow-unsafe-durability"):
        refuse_unsafe({**SAFE, name: "off"}, allow_unsafe_durability=False)
    refuse_unsafe({**SAFE, name: "off"}, allow_unsafe_durability=True)


@pytest.mark.parametrize("allowed", [False, True])
def test_an_old_server_and_a_standby_are_refused_whatever_is_allowed(allowed: bool) -> None:
    with pytest.raises(StorageRefused, match="PostgreSQL 13 is too old"):
        refuse_unsafe({**SAFE, "server_version_num": "130014"}, allow_unsafe_durability=allowed)
    with pytest.raises(StorageRefused, match="primary"):
        refuse_unsafe({**SAFE, "transaction_read_only": "on"}, allow_unsafe_durability=allowed)


@pytest.mark.parametrize("setting", ["fsync=off", "full_page_writes=off", "synchronous_commit=off"])
async def test_a_server_that_may_lose_answered_jobs_is_refused(setting: str) -> None:
    with started(setting) as server:
        with pytest.raises(StorageRefused, match=setting.replace("=", " = ")):
            await PostgresDatabase.open(server.dsn())
        opened = await PostgresDatabase.open(server.dsn(), writers=1, readers=1, allow_unsafe_durability=True)
        assert await opened.write(lambda tx: tx.read_clock()) > 0
        await opened.close()


async def test_a_setting_of_the_database_alone_is_seen_too(postgres: PostgresServer, postgres_template: str) -> None:
    name = await postgres.create(postgres_template)
    await postgres.admin(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(StorageRefused, match="synchronous_commit = off"):
        await PostgresDatabase.open(postgres.dsn(name))
    await postgres.drop(name)


async def test_a_server_that_is_not_there_is_refused_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(StorageRefused, match="PostgreSQL cannot be used") as refused:
        await PostgresDatabase.open(f"postgresql://someone:hunter2@/x?host={tmp_path}")
    assert "hunter2" not in str(refused.value)


async def test_a_database_that_is_not_there_is_named(postgres: PostgresServer) -> None:
    with pytest.raises(StorageRefused, match='"nowhere" does not exist'):
        await PostgresDatabase.open(postgres.dsn("nowhere"))


async def test_a_lock_keeps_an_exclusive_holder_out_until_the_shared_one_commits(
    postgres_probe: PostgresDatabase, second: PostgresDatabase
) -> None:
    order: list[str] = []
    locked, go_on = asyncio.Event(), asyncio.Event()

    async def shared(_: Tx) -> None:
        locked.set()
        await go_on.wait()
        order.append("shared")

    async def also_shared(_: Tx) -> None:
        order.append("also shared")

    async def exclusive(tx: Tx) -> None:
        await barrier_lock.take_exclusive(tx)
        order.append("exclusive")

    async with asyncio.timeout(WITHIN):
        first = asyncio.create_task(postgres_probe.write_work(shared))
        await locked.wait()
        await postgres_probe.write_work(also_shared)
        waits = asyncio.create_task(second.write(exclusive))
        await until_somebody_waits_for_a_lock(postgres_probe)
        go_on.set()
        await asyncio.gather(first, waits)
    assert order == ["also shared", "shared", "exclusive"]


async def test_the_clock_beside_locked_rows_is_read_after_the_wait_for_the_last_of_them(
    postgres_probe: PostgresDatabase,
) -> None:
    """The first row is free, the second is held: what is stored with this time must not be older than the holder's."""
    await postgres_probe.write(lambda tx: tx.many("probe.put_all", [("free", "1"), ("held", "1")]))
    held, go_on = asyncio.Event(), asyncio.Event()

    async def hold(tx: Tx) -> int:
        await tx.run("probe.rename", pattern="held", value="2")
        held.set()
        await go_on.wait()
        return await tx.read_clock()

    async def wait(tx: Tx) -> tuple[list[Row], int]:
        return await tx.lock_each("probe.lock_these", [("free",), ("held",)]), tx.now

    async with asyncio.timeout(WITHIN):
        holder = asyncio.create_task(postgres_probe.write(hold))
        await held.wait()
        waits = asyncio.create_task(postgres_probe.write(wait))
        await until_somebody_waits_for_a_lock(postgres_probe)
        go_on.set()
        before, (rows, after) = await asyncio.gather(holder, waits)
    assert rows == [("free", "1"), ("held", "2")]
    assert before < after


async def until_somebody_waits_for_a_lock(database: PostgresDatabase) -> None:
    async with database._connections.readers.acquire() as connection:
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            pass


def test_a_lock_has_the_same_number_everywhere() -> None:
    assert lock_key("barrier") == lock_key("barrier") != lock_key("Barrier")
    assert lock_key("barrier") == 5475818539509894594
    assert all(-(2**63) <= lock_key(str(n)) < 2**63 for n in range(100))


async def test_a_deadlock_is_tried_again(postgres_probe: PostgresDatabase) -> None:
    async def both(first: str, then: str, mine: asyncio.Event, other: asyncio.Event, tx: Tx) -> None:
        await tx.run("probe.rename", pattern=first, value=first)
        mine.set()
        await other.wait()
        await tx.run("probe.rename", pattern=then, value=first)

    async def fill(tx: Tx) -> None:
        await tx.many("probe.put_all", [("a", ""), ("b", "")])

    await postgres_probe.write(fill)
    one, two = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(WITHIN):
        await asyncio.gather(
            postgres_probe.write(lambda tx: both("a", "b", one, two, tx)),
            postgres_probe.write(lambda tx: both("b", "a", two, one, tx)),
        )
    # Both have run to their end; the retried one ran last, over both rows.
    rows = await postgres_probe.read(lambda tx: tx.all("probe.by_names", names=["a", "b"]))
    assert len({value for _, value in rows}) == 1


async def test_a_lost_connection_is_unavailable_and_the_next_work_gets_a_new_one(
    postgres_probe: PostgresDatabase, postgres: PostgresServer
) -> None:
    async def cut(tx: Tx) -> None:
        await tx.run("probe.put", name="a", value="v")
        await postgres.admin(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"
        )
        await tx.run("probe.put", name="b", value="v")

    with pytest.raises(Unavailable):
        await postgres_probe.write(cut)

    async def put(tx: Tx, name: str) -> None:
        await tx.run("probe.put", name=name, value="v")

    for name in ("c", "d", "e"):
        await postgres_probe.write(partial(put, name=name))
    assert await postgres_probe.read(lambda tx: tx.all("probe.names")) == [("c",), ("d",), ("e",)]


async def test_going_on_after_a_failed_statement_is_not_taken_for_a_commit(postgres_probe: PostgresDatabase) -> None:
    async def stubborn(tx: Tx) -> str:
        await tx.run("probe.put", name="a", value="v")
        try:
            await tx.run("probe.put", name="a", value="again")
        except asyncpg.UniqueViolationError:
            return "stored"
        return "unreachable"

    with pytest.raises(RuntimeError, match="went on after"):
        await postgres_probe.write(stubborn)
    assert await postgres_probe.read(lambda tx: tx.all("probe.names")) == []


async def test_a_cancelled_work_is_rolled_back_and_its_connection_is_clean(postgres_probe: PostgresDatabase) -> None:
    reached = asyncio.Event()

    async def endless(tx: Tx) -> None:
        await tx.run("probe.put", name="a", value="v")
        reached.set()
        await asyncio.Event().wait()

    for _ in range(4):
        reached.clear()
        task = asyncio.create_task(postgres_probe.write(endless))
        async with asyncio.timeout(WITHIN):
            await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await postgres_probe.write(lambda tx: tx.all("probe.names")) == []


async def test_a_work_that_is_cancelled_before_it_begins_leaves_its_connection_clean(
    postgres_probe: PostgresDatabase, second: PostgresDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async def none(_: Tx) -> None: ...

    async def alone(tx: Tx) -> None:
        await barrier_lock.take_exclusive(tx)
        waits = asyncio.create_task(second.write_work(none))
        await until_somebody_waits_for_a_lock(postgres_probe)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits

    async with asyncio.timeout(WITHIN):
        await postgres_probe.write(alone)
        await second.write_work(none)
    assert caplog.messages == []


async def test_tokens_of_two_servers_never_meet(postgres_probe: PostgresDatabase, second: PostgresDatabase) -> None:
    async def take(tx: Tx) -> list[int]:
        first = await tx.tokens(50)
        return [token for (token,) in await tx.each("probe.tokens", [(first + n,) for n in range(50)])]

    blocks = await asyncio.gather(*(database.write(take) for database in (postgres_probe, second) for _ in range(20)))
    assert len({token for block in blocks for token in block}) == 40 * 50


async def test_a_notification_reaches_the_other_server(
    postgres_probe: PostgresDatabase, second: PostgresDatabase
) -> None:
    assert await second.wait("work", WITHIN)  # it has begun to listen
    waiting = asyncio.create_task(second.wait("work", WITHIN))
    await asyncio.sleep(0)
    postgres_probe.notify("other")
    postgres_probe.notify("work")
    assert await waiting


async def test_a_notification_for_the_others_wakes_nobody_here(
    postgres_probe: PostgresDatabase, second: PostgresDatabase
) -> None:
    for database in (postgres_probe, second):
        assert await database.wait("work", WITHIN)
    here = asyncio.create_task(postgres_probe.wait("work", WITHIN))
    there = asyncio.create_task(second.wait("work", WITHIN))
    await asyncio.sleep(0)
    postgres_probe.notify_others("work")
    assert await there
    assert not here.done()
    second.notify("work")
    assert await here


async def test_notifications_carry_nothing_and_go_out_once_per_batch(
    postgres_probe: PostgresDatabase, postgres_dsn: str
) -> None:
    heard: list[tuple[str, str]] = []
    marked = asyncio.Event()

    def hear(_connection: object, _process: int, channel: str, payload: str) -> None:
        heard.append((channel, payload))
        if channel == "enginehouse_mark":
            marked.set()

    observer = await asyncpg.connect(postgres_dsn)
    for channel in ("enginehouse_work", "enginehouse_mark"):
        await observer.add_listener(channel, hear)
    for _ in range(100):
        postgres_probe.notify("work")
    postgres_probe.notify("mark")
    async with asyncio.timeout(WITHIN):
        await marked.wait()
    assert sorted(heard) == [("enginehouse_mark", ""), ("enginehouse_work", "")]
    await observer.close()


async def test_the_listener_comes_back(
    postgres_probe: PostgresDatabase, second: PostgresDatabase, postgres: PostgresServer
) -> None:
    assert await second.wait("work", WITHIN)
    await postgres.admin(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'enginehouse' AND query LIKE 'LISTEN%'"
    )
    assert await second.wait("work", WITHIN)  # woken up, because a notification may be lost
    waiting = asyncio.create_task(second.wait("work", WITHIN))
    await asyncio.sleep(0)
    postgres_probe.notify("work")
    assert await waiting
