"""Reads cost the same whatever is stored: each page and look-up at two lengths of history, on both databases.

The work is counted, not timed: the steps of SQLite's machine, the rows that PostgreSQL's plan visits.
"""

import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Set
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any, Final

import asyncpg
from tests.filling import Filled
from tests.history import AUTHOR, COMMON, FAILURE, RARE, SCHEDULE, TARGET, History
from tests.postgres import FSYNC, PostgresServer

from enginehouse.domain.artifact import TargetFilter
from enginehouse.domain.audit import AuditFilter
from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.engines.native.noop import Noop
from enginehouse.storage import targets
from enginehouse.storage.audit import entries
from enginehouse.storage.database.clock import Clock, Steady
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.postgres_tx import PostgresTx, StorageTime
from enginehouse.storage.database.sql import statements
from enginehouse.storage.database.sqlite_writer import SqliteTx, drive
from enginehouse.storage.jobs import pages, queries, statistics, task_pages, totals
from enginehouse.storage.schedules import jobs as schedule_jobs

SHORT, LONG = 4_000, 20_000
Work = Callable[[Tx], Awaitable[Any]]

# Reads that may visit more as the history grows, and why.
GROWING: Final = {
    "schedule, by last change": "sorts the jobs of the schedule: no index holds them by their last change",
    "schedules, by last change": "the same",
    "place, by last change": "sorts the jobs beyond the place, which is one of the order by creation",
    "status of a place, by last change": "the same",
    "created, by last change": "sorts the jobs of the range, once for each status",
    "status in a range, by last change": "the same",
    "count of schedule": "the total is exact, so each entry of the index is counted",
}

# Of so few jobs PostgreSQL sorts the tasks, rather than read them in the order of the list.
SORTED: Final = {"tasks", "failed tasks", "aborted tasks", "tasks outside the backlog"}
# Of so short a range it looks at each job, rather than at those of a status.
WHOLE: Final = {"changed tasks", "changed tasks, by last change"}


def filters(history: History) -> dict[str, dict[str, Any]]:
    """The filters of the lists of jobs."""
    some = {"from": history.at(200), "to": history.at(300)}
    return {
        "all": {},
        "id": {"ids": (history.job_id(25),)},
        "target": {"target_id": TARGET + 1},
        "with target": {"has_target": True},
        "without target": {"has_target": False},
        "name": {"name": "name 1"},
        "schedule": {"schedule_ids": (SCHEDULE,)},
        "schedules": {"schedule_ids": (SCHEDULE, SCHEDULE + 1)},
        "with schedule": {"has_schedule": True},
        "without schedule": {"has_schedule": False},
        "rare engine": {"engine_ids": (RARE,)},
        "common engine": {"engine_ids": (COMMON,)},
        "engines": {"engine_ids": (COMMON, RARE)},
        "failure": {"failure_reasons": ("no such reason", FAILURE)},
        "one failure": {"failure_reasons": (FAILURE,)},
        "paused": {"paused": True},
        "place": {"below": history.job_id(300)},
        "status of a place": {"statuses": (JobStatus.COMPLETE,), "below": history.job_id(300)},
        "status": {"statuses": (JobStatus.FAILED,)},
        "statuses": {"statuses": (JobStatus.FAILED, JobStatus.QUEUED)},
        "created": {f"created_{end}": at for end, at in some.items()},
        "modified": {f"modified_{end}": at for end, at in some.items()},
        "modified of late": {"modified_from": history.at(history.count - 50)},
        "target of a status": {"target_id": TARGET + 1, "statuses": (JobStatus.COMPLETE,)},
        "status in a range": {"statuses": (JobStatus.COMPLETE,), "created_to": history.at(300)},
        "engine of a status": {"engine_ids": (COMMON,), "statuses": (JobStatus.COMPLETE,)},
    }


def filters_of_tasks(history: History) -> dict[str, dict[str, Any]]:
    """The filters of the lists of tasks."""
    middle = history.count // 2
    return {
        "tasks": {},
        "complete tasks": {"statuses": (TaskStatus.COMPLETE,)},
        "failed tasks": {"statuses": (TaskStatus.FAILED,)},
        "aborted tasks": {"statuses": (TaskStatus.ABORTED,)},
        "pending tasks": {"statuses": (TaskStatus.PENDING, TaskStatus.STANDBY_PENDING)},
        "tasks of a rare engine": {"engine_ids": (RARE,)},
        "tasks of engines": {"engine_ids": (COMMON, RARE)},
        "complete tasks of an engine": {"engine_ids": (COMMON,), "statuses": (TaskStatus.COMPLETE,)},
        "pending tasks of an engine": {"engine_ids": (COMMON,), "statuses": (TaskStatus.PENDING,)},
        "tasks in the backlog": {"in_backlog": True},
        "tasks outside the backlog": {"in_backlog": False},
        "changed tasks": {"modified_from": history.at(middle), "modified_to": history.at(middle + 99)},
        "changed tasks of an engine": {"modified_to": history.at(300), "engine_ids": (RARE,)},
    }


async def page_of_tasks(tx: Tx, criteria: TaskFilter) -> None:
    """The page and its number, as a list has both."""
    total = await task_pages.count(tx, 1, criteria)
    await task_pages.page(tx, 1, criteria, total)


def bound(read: Callable[..., Awaitable[Any]], *values: Any, **named: Any) -> Work:
    return lambda tx: read(tx, *values, **named)


def reads(history: History) -> Iterator[tuple[str, Work]]:
    """Every list and look-up of the interfaces that could read more as the history grows."""
    for name, fields in filters(history).items():
        for by_change, descending in product((False, True), (True, False)):
            order_by = "modified_at" if by_change else "created_at"
            order = f"{', by last change' if by_change else ''}{'' if descending else ', oldest first'}"
            yield f"{name}{order}", bound(pages.page, 1, JobFilter(**fields, order_by=order_by, descending=descending))
    for name in ("all", "id", "target", "name", "schedule", "status", "created", "modified", "one failure"):
        yield f"count of {name}", bound(totals.count, 1, JobFilter(**filters(history)[name]))
    yield "last page", bound(pages.page, 1, JobFilter(offset=history.count - 30))
    complete = JobFilter(statuses=(JobStatus.COMPLETE,), offset=history.count * 9 // 10 - 30)
    yield "last page of a status", bound(pages.page, 1, complete)
    for name, fields in filters_of_tasks(history).items():
        for by_change, descending in product((False, True), (True, False)):
            order_by = "modified_at" if by_change else "created_at"
            order = f"{', by last change' if by_change else ''}{'' if descending else ', oldest first'}"
            criteria = TaskFilter(**fields, order_by=order_by, descending=descending)
            yield f"{name}{order}", bound(page_of_tasks, criteria)
    yield "one job", bound(queries.by_ids, 1, [history.job_id(25)])
    yield "thirty jobs", bound(queries.by_ids, 1, [history.job_id(n) for n in range(30)])
    yield "usual runs", bound(schedule_jobs.usual_runs, [SCHEDULE])
    yield "targets", bound(targets.page, 1, TargetFilter())
    yield "targets, public ones too", bound(targets.page, 1, TargetFilter(include_public=True))
    last = str(history.job_id(history.count - 1))
    yield "audit", bound(entries.page, [1], AuditFilter())
    yield "audit, oldest first", bound(entries.page, [1], AuditFilter(descending=False))
    yield "audit of a user", bound(entries.page, [1], AuditFilter(user_name=AUTHOR))
    yield "audit of an object", bound(entries.page, [1], AuditFilter(object_id=last))
    yield "audit before an entry", bound(entries.page, [1], AuditFilter(before=100))
    yield "audit of two organizations", bound(entries.page, [1, 2], AuditFilter(ids=(7,)))


def steps(path: Path, history: History) -> dict[str, int]:
    """How many steps SQLite's machine needs for each read."""
    needed = dict[str, int]()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        tx = SqliteTx(connection, statements("sqlite"), Clock(Steady(), 0), None)
        for name, work in reads(history):
            done = [0]

            def step(done: list[int] = done) -> int:
                done[0] += 1
                return 0

            connection.set_progress_handler(step, 1)
            drive(work, tx)
            connection.set_progress_handler(None, 0)
            needed[name] = done[0]
    return needed


class RowCounter:
    """A connection that also counts the rows which each statement visits."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.visited = 0

    async def fetch(self, text: str, *values: Any) -> Any:
        plan = json.loads(await self._connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *values))
        self.visited += visited(plan[0]["Plan"])
        return await self._connection.fetch(text, *values)

    async def fetchrow(self, text: str, *values: Any) -> Any:
        rows = await self.fetch(text, *values)
        return rows[0] if rows else None


def visited(node: dict[str, Any]) -> int:
    """The rows that the scans of tables under the node read."""
    below = sum(visited(child) for child in node.get("Plans", ()))
    if "Relation Name" not in node:
        return below
    rows: float = (
        node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    )
    return below + int(rows * node["Actual Loops"]) + 1


async def rows_visited(connection: Any, history: History) -> dict[str, int]:
    """How many rows PostgreSQL visits for each read."""
    needed = dict[str, int]()
    # The tables of a test are so small that it is right to read them whole; it is not for those that they stand for.
    await connection.execute("SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off")
    for name, work in reads(history):
        counter = RowCounter(connection)
        await work(PostgresTx(counter, statements("postgres"), StorageTime()))
        needed[name] = counter.visited
    return needed


def growth(short: dict[str, int], long: dict[str, int], also: Set[str] = frozenset()) -> dict[str, tuple[int, int]]:
    """The reads that need more than half as much again with the longer history, and are not known to."""
    known = GROWING.keys() | also
    assert {name.removesuffix(", oldest first") for name in short} >= known
    return {
        name: (short[name], long[name])
        for name in short
        if long[name] > 1.5 * short[name] + 20 and name.removesuffix(", oldest first") not in known
    }


async def test_on_sqlite_no_read_grows_with_the_history(tmp_path: Path) -> None:
    needed = []
    for count in (SHORT, LONG):
        history, path = History(count), tmp_path / f"{count}.db"
        await history.sqlite(path)
        without_statistics = steps(path, history)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("ANALYZE")
        needed.append((without_statistics, steps(path, history)))
    assert [growth(*counts) for counts in zip(*needed, strict=True)] == [{}, {}]


async def test_on_postgresql_no_read_grows_with_the_history(postgres: PostgresServer, postgres_template: str) -> None:
    needed = []
    for count in (SHORT, LONG):
        history, name = History(count), await postgres.create(postgres_template)
        await history.postgres(postgres.dsn(name), allow_unsafe_durability=FSYNC == "off")
        connection = await asyncpg.connect(postgres.dsn(name))
        without_statistics = await rows_visited(connection, history)
        await connection.execute("ANALYZE")
        needed.append((without_statistics, await rows_visited(connection, history)))
        await connection.close()
        await postgres.drop(name)
    assert [growth(short, long, SORTED | WHOLE) for short, long in zip(*needed, strict=True)] == [{}, {}]


async def test_on_postgresql_the_items_of_an_engine_that_has_none_are_not_sought_among_all(
    postgres: PostgresServer, postgres_template: str
) -> None:
    name = await postgres.create(postgres_template)
    await Filled(3_000, tasks=1).postgres(postgres.dsn(name), allow_unsafe_durability=FSYNC == "off")
    connection = await asyncpg.connect(postgres.dsn(name))
    counter = RowCounter(connection)
    tx = PostgresTx(counter, statements("postgres"), StorageTime())
    engines = [("native", Noop.spec.id), *(("native", f"none {n}") for n in range(9))]
    found = await statistics.work(tx, 1, engines)
    await connection.close()
    await postgres.drop(name)
    assert {engine_id: each.waiting for engine_id, each in found.items()} == {Noop.spec.id: 1_000}
    assert counter.visited < 1_100
