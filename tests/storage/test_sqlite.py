import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from enginehouse.domain.errors import Unavailable
from enginehouse.storage.database.clock import Clock, Steady
from enginehouse.storage.database.database import StorageRefused, Tx
from enginehouse.storage.database.sqlite import SqliteDatabase

WITHIN = 20


def outside(path: Path) -> list[str]:
    """What another connection reads from the file: only committed rows."""
    connection = sqlite3.connect(path)
    try:
        return [name for (name,) in connection.execute("SELECT name FROM server_fact ORDER BY name")]
    finally:
        connection.close()


def putting(name: str, then: Callable[[], object] = lambda: None) -> Callable[[Tx], Awaitable[None]]:
    async def work(tx: Tx) -> None:
        await tx.run("probe.put", name=name, value="v")
        then()

    return work


class Held:
    """A writer that is held inside a work, so that all later works become one drain."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._entered = asyncio.Event()
        self._release = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(database.write(self._work))

    async def _work(self, _: Tx) -> None:
        self._loop.call_soon_threadsafe(self._entered.set)
        assert self._release.wait(WITHIN)

    async def entered(self) -> None:
        async with asyncio.timeout(WITHIN):
            await self._entered.wait()

    async def release(self) -> None:
        self._release.set()
        await self._task


async def test_nobody_is_answered_before_the_commit(sqlite_probe: SqliteDatabase, tmp_path: Path) -> None:
    held = Held(sqlite_probe)
    await held.entered()
    first = asyncio.create_task(sqlite_probe.write(putting("a")))
    await asyncio.sleep(0)
    reached, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def stop_here() -> None:
        loop.call_soon_threadsafe(reached.set)
        assert go_on.wait(WITHIN)

    second = asyncio.create_task(sqlite_probe.write(putting("b", stop_here)))
    await asyncio.sleep(0)
    await held.release()
    async with asyncio.timeout(WITHIN):
        await reached.wait()
    # The first work has run, in the same drain as the second, which still runs.
    assert not first.done()
    assert outside(tmp_path / "probe.db") == []
    go_on.set()
    await asyncio.gather(first, second)
    assert outside(tmp_path / "probe.db") == ["a", "b"]


async def test_works_of_one_drain_fail_alone(sqlite_probe: SqliteDatabase, tmp_path: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    held = Held(sqlite_probe)
    await held.entered()
    works = [putting("a"), putting("b", fail), putting("a"), putting("c")]
    tasks = [asyncio.create_task(sqlite_probe.write(work)) for work in works]
    await asyncio.sleep(0)
    await held.release()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), ZeroDivisionError, sqlite3.IntegrityError, type(None)]
    assert outside(tmp_path / "probe.db") == ["a", "c"]


async def test_a_drain_is_one_commit(tmp_path: Path, directory: Path) -> None:
    (directory / "more.sql").write_text("-- name: version\nPRAGMA data_version;\n")
    database = await SqliteDatabase.open(tmp_path / "probe.db", directory=directory)
    observer = sqlite3.connect(tmp_path / "probe.db")
    committed = [observer.execute("PRAGMA data_version").fetchone()[0]]
    seen = committed[0]
    held = Held(database)
    await held.entered()

    def look() -> None:
        committed.append(
            sqlite3.connect(tmp_path / "probe.db").execute("SELECT count(*) FROM server_fact").fetchone()[0]
        )

    tasks = [asyncio.create_task(database.write(putting(f"{n:03}", look))) for n in range(50)]
    await asyncio.sleep(0)
    await held.release()
    await asyncio.gather(*tasks)
    assert committed == [seen] + [0] * 50
    assert len(outside(tmp_path / "probe.db")) == 50
    observer.close()
    await database.close()


@pytest.mark.parametrize("together", [1, 3])
async def test_a_commit_that_fails_fails_everybody_in_it(tmp_path: Path, directory: Path, together: int) -> None:
    (directory / "more.sql").write_text(
        "-- name: orphan\nINSERT INTO child (id) VALUES (1);\n"
        "-- name: make_parent\nCREATE TABLE parent (id INTEGER PRIMARY KEY);\n"
        "-- name: make_child\nCREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);\n"
    )
    database = await SqliteDatabase.open(tmp_path / "probe.db", directory=directory)

    async def make(tx: Tx) -> None:
        await tx.run("more.make_parent")
        await tx.run("more.make_child")

    async def orphan(tx: Tx) -> None:
        await tx.run("more.orphan")

    await database.write(make)
    held = Held(database)
    await held.entered()
    works = [orphan, *(putting(f"{n}") for n in range(together - 1))]
    tasks = [asyncio.create_task(database.write(work)) for work in works]
    await asyncio.sleep(0)
    await held.release()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * together
    assert outside(tmp_path / "probe.db") == []
    await database.write(putting("later"))
    assert outside(tmp_path / "probe.db") == ["later"]
    await database.close()


async def test_a_full_disk_is_unavailable_and_reading_goes_on(tmp_path: Path, directory: Path) -> None:
    (directory / "more.sql").write_text(
        "-- name: pages\nPRAGMA page_count;\n-- name: limit\nPRAGMA max_page_count = 60;\n"
        "-- name: unlimit\nPRAGMA max_page_count = 100000;\n"
    )
    database = await SqliteDatabase.open(tmp_path / "probe.db", directory=directory)

    async def fill(tx: Tx) -> None:
        await tx.one("more.limit")
        await tx.many("probe.put_all", [(f"{n}", "v" * 4000) for n in range(200)])

    async def mend(tx: Tx) -> None:
        await tx.one("more.unlimit")

    await database.write(putting("before"))
    with pytest.raises(Unavailable, match="full"):
        await database.write(fill)
    assert await database.read(lambda tx: tx.all("probe.names")) == [("before",)]
    await database.write(mend)
    await database.write(putting("since"))
    assert outside(tmp_path / "probe.db") == ["before", "since"]
    await database.close()


async def test_the_writer_syncs_at_every_commit(tmp_path: Path, directory: Path) -> None:
    (directory / "more.sql").write_text(
        "-- name: synchronous\nPRAGMA synchronous;\n-- name: journal\nPRAGMA journal_mode;\n"
        "-- name: keys\nPRAGMA foreign_keys;\n"
    )
    database = await SqliteDatabase.open(tmp_path / "probe.db", directory=directory)

    async def settings(tx: Tx) -> list[object]:
        return [(await tx.all(f"more.{name}"))[0][0] for name in ("synchronous", "journal", "keys")]

    assert await database.write(settings) == [2, "wal", 1]
    await database.close()


async def test_the_memory_of_the_connections_has_a_bound(tmp_path: Path, directory: Path) -> None:
    """Whatever is stored: pages are kept up to 22 MB by the writer and three readers, and larger sorts go to a file."""
    (directory / "more.sql").write_text("-- name: pages\nPRAGMA cache_size;\n-- name: sorts\nPRAGMA temp_store;\n")
    database = await SqliteDatabase.open(tmp_path / "probe.db", directory=directory)

    async def settings(tx: Tx) -> list[int]:
        return [(await tx.all(f"more.{name}"))[0][0] for name in ("pages", "sorts")]

    file = 1
    assert await database.write(settings) == [-16 * 1024, file]
    for way in (database.read, database.peek, database.glance):
        assert await way(settings) == [-2 * 1024, file]
    assert database._readers._max_workers == 2
    await database.close()


async def test_a_work_that_waits_for_something_else_is_refused(sqlite_probe: SqliteDatabase, tmp_path: Path) -> None:
    async def dozing(tx: Tx) -> None:
        await tx.run("probe.put", name="a", value="v")
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="dozing awaited something other than its transaction"):
        await sqlite_probe.write(dozing)
    with pytest.raises(RuntimeError, match="dozing"):
        await sqlite_probe.peek(dozing_read)
    assert outside(tmp_path / "probe.db") == []


async def dozing_read(_: Tx) -> None:
    await asyncio.sleep(0)


async def test_a_peek_runs_here_and_a_read_elsewhere(sqlite_probe: SqliteDatabase) -> None:
    async def where(_: Tx) -> int:
        return threading.get_ident()

    assert await sqlite_probe.peek(where) == threading.get_ident()
    assert await sqlite_probe.read(where) != threading.get_ident()
    assert await sqlite_probe.write(where) != threading.get_ident()


async def test_a_caller_that_left_before_its_turn_writes_nothing(sqlite_probe: SqliteDatabase, tmp_path: Path) -> None:
    held = Held(sqlite_probe)
    await held.entered()
    gone = asyncio.create_task(sqlite_probe.write(putting("gone")))
    stays = asyncio.create_task(sqlite_probe.write(putting("stays")))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    await held.release()
    await stays
    assert outside(tmp_path / "probe.db") == ["stays"]


async def test_closing_commits_what_was_queued(tmp_path: Path, directory: Path) -> None:
    database = await SqliteDatabase.open(tmp_path / "probe.db", directory=directory)
    tasks = [asyncio.create_task(database.write(putting(f"{n}"))) for n in range(5)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*tasks)
    assert outside(tmp_path / "probe.db") == ["0", "1", "2", "3", "4"]


async def now_of_a_write(database: SqliteDatabase) -> int:
    async def work(tx: Tx) -> int:
        await tx.run("probe.rename", pattern="%", value=str(tx.now))
        return tx.now

    return await database.write(work)


async def test_the_clock_never_goes_back_not_even_after_a_restart(tmp_path: Path, directory: Path) -> None:
    wall = 1_000_000
    path = tmp_path / "probe.db"
    database = await SqliteDatabase.open(path, directory=directory, clock=lambda: wall)
    await database.write(putting("a"))
    seen = [await now_of_a_write(database) for _ in range(3)]
    wall = 2_000_000
    seen.append(await now_of_a_write(database))
    assert seen[-1] == 2_000_000
    await database.close()
    wall = 500_000  # the machine's clock was set back while nothing ran
    database = await SqliteDatabase.open(path, directory=directory, clock=lambda: wall)
    assert await database.peek(lambda tx: tx.read_clock()) >= seen[-1]
    seen += [await now_of_a_write(database) for _ in range(3)]
    assert seen == sorted(set(seen))
    wall = 3_000_000
    assert await now_of_a_write(database) == 3_000_000
    await database.close()


async def test_works_of_one_drain_have_moments_of_their_own(tmp_path: Path, directory: Path) -> None:
    database = await SqliteDatabase.open(
        tmp_path / "probe.db", directory=directory, clock=lambda: 1_000
    )  # stands still
    held = Held(database)
    await held.entered()
    tasks = [asyncio.create_task(now_of_a_write(database)) for _ in range(20)]
    await asyncio.sleep(0)
    await held.release()
    seen = await asyncio.gather(*tasks)
    assert seen == sorted(set(seen))
    await database.close()


def test_a_clock_with_a_source_that_jumps() -> None:
    source = iter([10, 5, 5, 20, 3])
    clock = Clock(lambda: next(source), last=7)
    assert [clock.tick(), clock.tick(), clock.look(), clock.tick(), clock.look()] == [10, 11, 11, 20, 20]


async def test_tokens_are_never_handed_out_again(tmp_path: Path, directory: Path) -> None:
    path = tmp_path / "probe.db"
    handed_out: list[int] = []

    async def take(tx: Tx) -> None:
        handed_out.append(await tx.tokens(3))

    async def take_and_fail(tx: Tx) -> None:
        handed_out.append(await tx.tokens(3))
        raise ZeroDivisionError

    for _ in range(3):
        database = await SqliteDatabase.open(path, directory=directory)
        for work in (take, take_and_fail, take):
            await asyncio.gather(*(database.write(work) for _ in range(4)), return_exceptions=True)
        await database.close()
    assert len(handed_out) == 36
    assert all(later - earlier >= 3 for earlier, later in pairwise(handed_out))


async def test_a_second_server_is_refused_by_name_of_file_and_process(tmp_path: Path, directory: Path) -> None:
    path = tmp_path / "probe.db"
    database = await SqliteDatabase.open(path, directory=directory)
    with pytest.raises(StorageRefused) as refused:
        await SqliteDatabase.open(path, directory=directory)
    assert str(path) in str(refused.value)
    assert f"process {os.getpid()}" in str(refused.value)
    program = f"""
import asyncio, pathlib
from enginehouse.storage.database.sqlite import SqliteDatabase
asyncio.run(SqliteDatabase.open(pathlib.Path({str(path)!r})))
"""
    other = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert other.returncode != 0
    assert f"in use by another Enginehouse server (process {os.getpid()})" in other.stderr
    await database.close()
    await (await SqliteDatabase.open(path, directory=directory)).close()


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my shopping list, which is longer than a header of SQLite ever was; " * 50)
    before = path.read_bytes()
    for _ in range(2):  # a refusal keeps no lock
        with pytest.raises(StorageRefused, match=r"notes\.txt cannot be opened: file is not a database"):
            await SqliteDatabase.open(path)
    assert path.read_bytes() == before


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageRefused, match="nowhere"):
        await SqliteDatabase.open(tmp_path / "nowhere" / "x.db")


class Machine:
    """A machine whose wall clock can be set."""

    def __init__(self) -> None:
        self.up = 0
        self.error = 0

    def wall(self) -> int:
        return 1_000_000_000_000 + self.up + self.error

    def runs(self, seconds: float) -> None:
        self.up += int(seconds * 1_000_000)


TEN_YEARS = 315_360_000_000_000


@pytest.mark.parametrize("step", [TEN_YEARS, -TEN_YEARS, 3_600_000_001])
def test_a_step_of_the_machines_clock_is_not_followed(step: int) -> None:
    machine = Machine()
    clock = Steady(machine.wall, lambda: machine.up)
    begin = clock()
    machine.error = step
    machine.runs(5)
    assert clock() == begin + 5_000_000
    machine.error = 0
    machine.runs(5)
    assert clock() == begin + 10_000_000


@pytest.mark.parametrize("error", [2_000_000, -2_000_000])
def test_a_small_error_is_made_good_slowly_and_time_goes_on_meanwhile(error: int) -> None:
    machine = Machine()
    clock = Steady(machine.wall, lambda: machine.up)
    seen = [clock()]
    machine.error = error
    for _ in range(60):
        machine.runs(1)
        seen.append(clock())
    assert all(900_000 < after - before < 1_100_000 for before, after in pairwise(seen))
    assert seen[-1] == machine.wall()
