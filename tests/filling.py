"""Fills a database with waiting jobs by a few set statements. The result is the same as after a million creates."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.ids import DAY_MICROS, first_job_id
from enginehouse.domain.job import FolderRequest, JobRequest, Plan, RouteRequest, TaskRequest
from enginehouse.domain.planning.edges import engine_set
from enginehouse.domain.planning.plan import plan
from enginehouse.engines.native.noop import Noop
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sqlite import SqliteDatabase
from enginehouse.storage.jobs import plans

APART: Final = 10  # microseconds between two jobs
_LAST: Final = 9_223_372_036_854_775_807


@dataclass(frozen=True, slots=True)
class Filled:
    """`count` jobs of an organization, created yesterday. Each has `tasks` tasks of one engine in a line.

    Only the first task of each can start. Job n was created at `at(n)`.
    """

    count: int
    tasks: int = 5
    organization_id: int = 1
    engine: EngineSpec = Noop.spec
    since: int = 0  # the first job to store; those before it are there
    first: int = (time.time_ns() // 1000 // DAY_MICROS - 1) * DAY_MICROS

    def at(self, number: int) -> int:
        """Returns when the job with this number was created, in µs UTC."""
        return self.first + number * APART

    def job_id(self, number: int) -> int:
        return first_job_id(self.first) + (number * APART << 10)

    @property
    def document(self) -> str:
        """The stored plan of each job."""
        return plans.encode(_plan(self.engine, self.tasks)).decode()

    async def sqlite(self, path: Path) -> None:
        """The jobs are in the file, which is created if it does not exist. Nobody else may have it open."""
        await (await SqliteDatabase.open(path)).close()
        numbers = (
            f"(WITH RECURSIVE k(n) AS (SELECT {self.since} UNION ALL SELECT n + 1 FROM k LIMIT "
            f"{self.count - self.since}) SELECT n FROM k) k"
        )
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            for statement in self._statements(numbers):
                connection.execute(statement)
            connection.execute("COMMIT")

    async def postgres(self, dsn: str, *, allow_unsafe_durability: bool = False) -> None:
        """The jobs are in the database. It has also been vacuumed and analyzed, like one that got them one by one."""
        await (await PostgresDatabase.open(dsn, allow_unsafe_durability=allow_unsafe_durability)).close()
        connection = await asyncpg.connect(dsn)
        try:
            for statement in self._statements(f"generate_series({self.since}, {self.count - 1}) AS k(n)"):
                await connection.execute(statement)
            await connection.execute("VACUUM ANALYZE")
        finally:
            await connection.close()

    def _statements(self, numbers: str) -> list[str]:
        """Returns the statements. `numbers` is a FROM item whose column n counts up from 0."""
        if self.count * APART >= DAY_MICROS:
            raise ValueError("the jobs must be of one day")
        job = f"{first_job_id(self.first)} + CAST(n AS BIGINT) * {APART << 10}"
        at = f"{self.first} + CAST(n AS BIGINT) * {APART}"
        ordinals = " UNION ALL ".join(f"SELECT {ordinal} AS ordinal" for ordinal in range(self.tasks))
        is_first = "CASE WHEN t.ordinal = 0 THEN 1 ELSE 0 END"
        made, count = _plan(self.engine, self.tasks), self.count - self.since
        document = self.document.replace("'", "''")
        # The columns of each table, and the SELECT that fills it.
        rows = {
            "job (id, organization_id, status, cancellable_since, tasks_total, tasks_ready, created_at, modified_at, "
            "engine_set)": (
                f"{job}, {self.organization_id}, 'pending', 0, {self.tasks}, 1, {at}, {at}, "
                f"{engine_set([self.engine.id])} FROM {numbers}"
            ),
            "job_document (job_id, document)": f"{job}, '{document}' FROM {numbers}",
            "task (job_id, ordinal, status, engine_id, waits_for, items, items_open, modified_at, organization_id)": (
                f"{job}, t.ordinal, 'pending', '{self.engine.id}', 1 - {is_first}, {is_first}, {is_first}, {at}, "
                f"{self.organization_id} "
                f"FROM {numbers}, ({ordinals}) t"
            ),
            "job_engine (organization_id, engine_id, job_id)": (
                f"{self.organization_id}, '{self.engine.id}', {job} FROM {numbers}"
            ),
            "work_item (job_id, ordinal, item, organization_id, pool, engine_id, priority, due_at, turn_at, "
            "not_before)": (
                f"{job}, 0, 0, {self.organization_id}, '{made.tasks[0].pool}', '{self.engine.id}', 0, {_LAST}, {at}, "
                f"{at} FROM {numbers}"
            ),
            "job_count (organization_id, engine_id, status, reason, backlog, shard, jobs, tasks)": (
                f"{self.organization_id}, k.engine, 'pending', '', k.backlog, -1 - {self.since}, k.jobs, k.tasks FROM ("
                f"SELECT '' AS engine, 0 AS backlog, {count} AS jobs, 0 AS tasks UNION ALL "
                f"SELECT '{self.engine.id}', 1, {count}, {count} UNION ALL "
                f"SELECT '{self.engine.id}', 0, 0, {count * (self.tasks - 1)}) k"
            ),
        }
        return [f"INSERT INTO {table} SELECT {values}" for table, values in rows.items()]


def _plan(engine: EngineSpec, count: int) -> Plan:
    """Returns the plan of a line of `count` tasks."""

    def folder(name: str, kind: str) -> tuple[FolderRequest, ...]:
        return (FolderRequest(reference=name, mode="stream", type=kind),)

    tasks = tuple(
        TaskRequest(
            engine_id=engine.id,
            folders=(folder(f"in{n}", "input") if n else ()) + (folder(f"out{n}", "output") if n < count - 1 else ()),
        )
        for n in range(count)
    )
    routes = tuple(RouteRequest(parent_folder=f"out{n}", child_folder=f"in{n + 1}") for n in range(count - 1))
    request = JobRequest(tasks=tasks, routes=routes)
    return plan(request, lambda key: engine, lambda word: None, now=time.time_ns() // 1000).plan
