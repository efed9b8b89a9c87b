"""Fills a database with ended jobs by a few set statements: what the lists and look-ups of an old server read."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
from tests.filling import Filled

from enginehouse.domain.ids import DAY_MICROS, first_job_id
from enginehouse.domain.planning.edges import engine_set
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sqlite import SqliteDatabase

APART: Final = 50_000  # microseconds between two jobs
FIRST: Final = 19_000 * DAY_MICROS
TARGET: Final = 200_000_000
SCHEDULE: Final = 7
OLD_SCHEDULE: Final = 1_000_000_000  # and those after it: their jobs are gone
COMMON, RARE = "engine-common", "engine-rare"
AUTHOR: Final = "ada"
FAILURE: Final = "invalid_data"

_DAY: Final = DAY_MICROS // APART  # jobs in a day


@dataclass(frozen=True, slots=True)
class History:
    """`count` jobs of an organization, one each 50 ms. Of 100 jobs in a row,

    90 are complete, 5 failed, 3 aborted, one is queued, and one pending and paused; 4 belong to a target that they
    share, and 10 targets are new; 10 belong to the schedule; 4 retry their predecessor; 5 have a task of the rare
    engine, and all one of the common engine.
    """

    count: int
    organization_id: int = 1
    since: int = 0  # the first job to store; those before it are there
    engines: tuple[str, str] = (COMMON, RARE)
    tasks: int = 1  # of the common engine, in each job
    without: frozenset[str] = frozenset()  # tables that stay as they are

    @property
    def first(self) -> int:
        """When the first job was created. Each organization has years of its own, so no two jobs share an id."""
        return FIRST + (self.organization_id - 1) * 1_000 * DAY_MICROS

    def at(self, number: int) -> int:
        """Returns when the job with this number was created, in µs UTC."""
        return self.first + number * APART

    def job_id(self, number: int) -> int:
        return first_job_id(self.at(number))

    async def sqlite(self, path: Path) -> None:
        """The jobs are in the file, which is created if it does not exist. No server may have it open."""
        await (await SqliteDatabase.open(path)).close()
        self.add_to_sqlite(path)

    def add_to_sqlite(self, path: Path) -> None:
        """The jobs are in the file, which a server may have open, but not left in its log, where reads are slow."""
        numbers = (
            f"(WITH RECURSIVE k(n) AS (SELECT {self.since} UNION ALL SELECT n + 1 FROM k LIMIT "
            f"{self.count - self.since}) SELECT n FROM k) k"
        )
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA cache_size = -262144")
            connection.execute("PRAGMA busy_timeout = 60000")
            for statement in ("BEGIN", *self._statements(numbers), "COMMIT"):
                connection.execute(statement)
            # It is busy while the server moves the log itself.
            while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                pass

    async def postgres(self, dsn: str, *, allow_unsafe_durability: bool = False) -> None:
        """The jobs are in the database."""
        await (await PostgresDatabase.open(dsn, allow_unsafe_durability=allow_unsafe_durability)).close()
        await self.add_to_postgres(dsn)

    async def add_to_postgres(self, dsn: str, *, analyze: bool = False) -> None:
        """The jobs are in the database, which a server may have open."""
        connection = await asyncpg.connect(dsn)
        try:
            for statement in self._statements(f"generate_series({self.since}, {self.count - 1}) AS k(n)"):
                await connection.execute(statement, timeout=600)
            # Only after a vacuum PostgreSQL reads a list of keys from the index alone.
            await connection.execute("VACUUM ANALYZE" if analyze else "VACUUM", timeout=600)
            if analyze:  # for a measurement, which PostgreSQL must not disturb while it writes the new jobs to disk
                await connection.execute("CHECKPOINT", timeout=600)
        finally:
            await connection.close()

    def _statements(self, numbers: str) -> list[str]:
        """Returns the statements. `numbers` is a FROM item whose column n counts up from 0."""
        organization = self.organization_id
        targets = TARGET + (organization - 1) * 10_000_000
        at = f"{self.first} + CAST(n AS BIGINT) * {APART}"
        job = (
            f"{first_job_id(self.first)} + (CAST(n AS BIGINT) / {_DAY}) * {1 << 47} + "
            f"(CAST(n AS BIGINT) % {_DAY}) * {APART << 10}"
        )
        before = job.replace("CAST(n AS BIGINT)", "CAST(n - 1 AS BIGINT)")
        status = (
            "CASE WHEN n % 100 < 90 THEN 'complete' WHEN n % 100 < 95 THEN 'failed' WHEN n % 100 < 98 THEN 'aborted' "
            "WHEN n % 100 = 98 THEN 'queued' ELSE 'pending' END"
        )
        failed, waits = "n % 100 BETWEEN 90 AND 94", "n % 100 >= 98"
        backlog = f"CASE WHEN {waits} THEN 1 ELSE 0 END"
        changed = f"{at} + CASE WHEN n % 100 = 99 THEN 0 ELSE 1 END"
        target = f"CASE WHEN n % 25 = 0 THEN {targets} + n / 100 END"
        keys = f"'{organization}/' || CAST(n AS TEXT)"
        document = Filled(1, tasks=self.tasks + 1).document.replace("'", "''")
        common, rare = self.engines
        ordinals = " UNION ALL ".join(f"SELECT '{common}' AS engine, {n} AS ordinal" for n in range(self.tasks))
        engines = f"(SELECT '{common}' AS engine UNION ALL SELECT '{rare}') e WHERE engine = '{common}' OR n % 20 = 3"
        # The columns of each table, and the SELECT that fills it.
        rows = {
            "organization (id, name, application_id, created_at, modified_at)": (
                f"{organization}, 'name', 'application {organization}', 0, 0"
            ),
            "target (id, organization_id, status, start_at, stop_at, document, created_at, modified_at, is_public)": (
                f"{targets} + n / 10, {organization}, 'recorded', {at}, {at}, '{{\"details\":null,\"echo\":null}}', "
                f"{at}, {at}, CASE WHEN n % 500 = 0 THEN 1 ELSE 0 END FROM {numbers} WHERE n % 10 = 0"
            ),
            "job (id, organization_id, status, tasks_total, target_id, retry_of, scheduled_job_id, "
            "name, created_at, modified_at, tasks_failed, paused_at, cancellable_since, engine_set, tasks_ready, "
            "tasks_queued)": (
                f"{job}, {organization}, {status}, {self.tasks}, {target}, CASE WHEN n % 25 = 1 THEN {before} END, "
                f"CASE WHEN n % 10 = 0 THEN {SCHEDULE} + {organization} - 1 END, "
                f"CASE WHEN n % 25 = 2 THEN 'name ' || (n / 100) END, {at}, {changed}, "
                f"CASE WHEN {failed} THEN 1 ELSE 0 END, CASE WHEN n % 100 = 99 THEN {at} END, "
                f"CASE WHEN {waits} THEN 0 END, CASE WHEN n % 20 = 3 THEN {engine_set(self.engines)} "
                f"ELSE {engine_set([common])} END, CASE WHEN {waits} THEN {self.tasks} ELSE 0 END, "
                f"CASE WHEN n % 100 = 98 THEN {self.tasks} ELSE 0 END FROM {numbers}"
            ),
            "job_document (job_id, document)": f"{job}, '{document}' FROM {numbers}",
            "task (job_id, ordinal, status, engine_id, waits_for, items, items_open, modified_at, failure_reason, "
            "organization_id, ended_as, ended_at)": (
                f"{job}, ordinal, {status}, engine, 0, 1, {backlog}, {changed}, "
                f"CASE WHEN {failed} THEN '{FAILURE}' END, {organization}, CASE WHEN n % 100 < 98 THEN {status} END, "
                f"CASE WHEN n % 100 < 98 THEN {changed} END FROM {numbers}, "
                f"({ordinals} UNION ALL SELECT '{rare}', {self.tasks}) e WHERE engine = '{common}' OR n % 20 = 3"
            ),
            "job_engine (organization_id, engine_id, job_id)": (
                f"{organization}, engine, {job} FROM {numbers}, {engines}"
            ),
            "work_item (job_id, ordinal, item, organization_id, pool, engine_id, priority, due_at, turn_at, "
            "not_before, worker, lease_until)": (
                f"{job}, 0, 0, {organization}, 'native', '{COMMON}', 0, {at}, {at}, {at}, CASE WHEN n % 100 = 98 "
                f"THEN 'w' END, CASE WHEN n % 100 = 98 THEN {at} END FROM {numbers} WHERE n % 5 = 3"
            ),
            "attempt (job_id, ordinal, item, number, token, worker, started_at, ended_at, outcome)": (
                f"{job}, 0, 0, 1, n, 'worker', {at}, {at} + 1, 'complete' FROM {numbers}"
            ),
            "artifact (job_id, ordinal, folder, item, part, position, name, media_type, size, sha256, storage_key, "
            "created_at, shared)": (
                f"{job}, 0, -1, 0, 0, 0, 'text', 'text/plain', 1, 'sum', {keys}, {at}, "
                f"CASE WHEN n % 50 = 0 THEN 1 ELSE 0 END FROM {numbers}"
            ),
            "endpoint (organization_id, endpoint, job_id, ordinal, folder, pushed, live)": (
                f"{organization}, CASE WHEN n % 4 = 0 THEN 'shared' ELSE {keys} END, {job}, 0, 0, 1, "
                f"CASE WHEN n % 40 = 0 THEN 1 ELSE 0 END FROM {numbers} WHERE n % 2 = 0"
            ),
            "push_item (job_id, ordinal, item, root_ordinal, root_item, kept_until)": (
                f"{job}, 0, 0, 0, 0, {at} FROM {numbers} WHERE n % 2 = 0"
            ),
            "asset (id, target_id, organization_id, asset_type, content_type, storage_key, document, created_at, "
            "modified_at)": (
                f"{keys}, {targets} + n / 10, {organization}, 'media', 'text/plain', {keys}, 'null', {at}, {at} "
                f"FROM {numbers} WHERE n % 10 = 0"
            ),
            "schedule_slot (schedule_id, slot, outcome, last_slot, version, decided_at)": (
                f"{SCHEDULE} + {organization} - 1, {at}, 'fired', {at}, 1, {at} FROM {numbers} WHERE n % 10 = 0"
            ),
            "scheduled_job_version (schedule_id, version, document, replaced_at)": (
                f"{SCHEDULE} + {organization} - 1, n, '', {at} FROM {numbers} WHERE n % 10 = 0"
            ),
            "idempotency_key (organization_id, operation, key, request_hash, created_at)": (
                f"{organization}, 'createJob', {keys}, 'hash', {at} FROM {numbers}"
            ),
            "token (hash, id, organization_id, kind, prefix, role, created_at, modified_at)": (
                f"{keys}, {keys}, {organization}, 'session', 'x', 'user', {at}, {at} FROM {numbers} WHERE n % 20 = 0"
            ),
            "barrier (organization_id, created_from, created_to, accepted_at, settled_at)": (
                f"{organization}, 0, 0, {at}, {at} FROM {numbers} WHERE n % 20 = 0"
            ),
            "event (job_id, ordinal, kind, at)": f"{job}, -1, 'started', {at} FROM {numbers}",
            "audit_entry (at, organization_id, user_name, event, object_type, object_id, success)": (
                f"{at}, {organization}, CASE WHEN n % 2 = 0 THEN '{AUTHOR}' ELSE 'bob' END, 'createJob', 'Job', "
                f"CAST({job} AS TEXT), 1 FROM {numbers}"
            ),
            "outbox (message, organization_id, kind, queue, url, destination, event, job_id, body, size, status, "
            "next_at, expires_at, created_at, ended_at)": (
                f"{keys}, {organization}, 'notification', {keys}, 'https://h.example', 'https://h.example', "
                f"'JobCompleted', "
                f"{job}, '{{}}', 2, CASE WHEN n % 20 = 0 THEN 'pending' ELSE 'delivered' END, "
                f"CASE WHEN n % 20 = 0 THEN {at} END, {at}, {at}, CASE WHEN n % 20 <> 0 THEN {at} END FROM {numbers}"
            ),
            "job_count (organization_id, engine_id, status, reason, backlog, shard, jobs, tasks)": (
                f"{organization}, '', {status}, '', 0, {self.since}, COUNT(*), 0 FROM {numbers} GROUP BY 3 "
                f"UNION ALL SELECT {organization}, engine, {status}, "
                f"CASE WHEN {failed} THEN '{FAILURE}' ELSE '' END, {backlog}, {self.since}, COUNT(*), "
                f"SUM(CASE WHEN engine = '{common}' THEN {self.tasks} ELSE 1 END) FROM {numbers}, {engines} "
                f"GROUP BY 2, 3, 4, 5 UNION ALL SELECT {organization}, '', 'failed', '{FAILURE}', 0, {self.since}, "
                f"COUNT(*), 0 FROM {numbers} WHERE {failed}"
            ),
            "schedule_job_count (organization_id, schedule_id, shard, jobs)": (
                f"{organization}, {SCHEDULE} + {organization} - 1, {self.since}, COUNT(*) FROM {numbers} "
                f"WHERE n % 10 = 0 UNION ALL "
                f"SELECT {organization}, {OLD_SCHEDULE} + n, 0, 0 FROM {numbers} WHERE n % 10 = 0"
            ),
        }
        return [
            f"INSERT INTO {table} SELECT {values}"
            for table, values in rows.items()
            if table.partition(" ")[0] not in self.without
        ]
