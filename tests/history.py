"""Fills a database with ended jobs by a few set statements: what the lists and look-ups of an old server read."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
from tests.filling import Filled

from enginehouse.domain.ids import DAY_MICROS, first_job_id
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sqlite import SqliteDatabase

APART: Final = 50_000  # microseconds between two jobs
FIRST: Final = 19_000 * DAY_MICROS
TARGET: Final = 200_000_000
SCHEDULE: Final = 7
COMMON, RARE = "engine-common", "engine-rare"
AUTHOR: Final = "ada"

_DAY: Final = DAY_MICROS // APART  # jobs in a day


@dataclass(frozen=True, slots=True)
class History:
    """`count` jobs of an organization, one each 50 ms. Of 100 jobs in a row,

    90 are complete, 5 failed, 3 aborted, one is queued and one pending; 4 belong to a target that they share, and 10
    targets are new; 10 belong to the schedule; 4 retry their predecessor; 5 have a task of the rare engine, and all one
    of the common engine.
    """

    count: int
    organization_id: int = 1

    def at(self, number: int) -> int:
        """Returns when the job with this number was created, in µs UTC."""
        return FIRST + number * APART

    def job_id(self, number: int) -> int:
        return first_job_id(self.at(number))

    async def sqlite(self, path: Path, *, analyze: bool = False) -> None:
        """The jobs are in the file, which is created if it does not exist. Nobody else may have it open."""
        await (await SqliteDatabase.open(path)).close()
        numbers = (
            f"(WITH RECURSIVE k(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM k LIMIT {self.count}) SELECT n FROM k) k"
        )
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for statement in ("BEGIN", *self._statements(numbers), "COMMIT", *(["ANALYZE"] if analyze else [])):
                connection.execute(statement)

    async def postgres(self, dsn: str, *, analyze: bool = False, allow_unsafe_durability: bool = False) -> None:
        """The jobs are in the database."""
        await (await PostgresDatabase.open(dsn, allow_unsafe_durability=allow_unsafe_durability)).close()
        connection = await asyncpg.connect(dsn)
        try:
            for statement in self._statements(f"generate_series(0, {self.count - 1}) AS k(n)"):
                await connection.execute(statement, timeout=600)
            # A list of keys is read without the rows only where the vacuum was.
            await connection.execute("VACUUM ANALYZE" if analyze else "VACUUM", timeout=600)
        finally:
            await connection.close()

    def _statements(self, numbers: str) -> list[str]:
        """Returns the statements. `numbers` is a FROM item whose column n counts up from 0."""
        organization = self.organization_id
        at = f"{FIRST} + CAST(n AS BIGINT) * {APART}"
        job = (
            f"{first_job_id(FIRST)} + (CAST(n AS BIGINT) / {_DAY}) * {1 << 47} + "
            f"(CAST(n AS BIGINT) % {_DAY}) * {APART << 10}"
        )
        before = job.replace("CAST(n AS BIGINT)", "CAST(n - 1 AS BIGINT)")
        status = (
            "CASE WHEN n % 100 < 90 THEN 'complete' WHEN n % 100 < 95 THEN 'failed' WHEN n % 100 < 98 THEN 'aborted' "
            "WHEN n % 100 = 98 THEN 'queued' ELSE 'pending' END"
        )
        target = f"CASE WHEN n % 25 = 0 THEN {TARGET} + n / 100 END"
        document = Filled(1, tasks=2).document.replace("'", "''")
        engines = f"(SELECT '{COMMON}' AS engine UNION ALL SELECT '{RARE}') e WHERE engine = '{COMMON}' OR n % 20 = 3"
        # The columns of each table, and the SELECT that fills it.
        rows = {
            "organization (id, name, application_id, created_at, modified_at)": (
                f"{organization}, 'first', 'first', 0, 0"
            ),
            "target (id, organization_id, status, start_at, stop_at, document, created_at, modified_at)": (
                f"{TARGET} + n / 10, {organization}, 'recorded', {at}, {at}, '{{\"details\":null,\"echo\":null}}', "
                f"{at}, {at} FROM {numbers} WHERE n % 10 = 0"
            ),
            "job (id, organization_id, status, tasks_total, target_id, retry_of, scheduled_job_id, created_at, "
            "modified_at)": (
                f"{job}, {organization}, {status}, 1, {target}, CASE WHEN n % 25 = 1 THEN {before} END, "
                f"CASE WHEN n % 10 = 0 THEN {SCHEDULE} END, {at}, {at} + 1 FROM {numbers}"
            ),
            "job_document (job_id, document)": f"{job}, '{document}' FROM {numbers}",
            "task (job_id, ordinal, status, engine_id, waits_for, items, modified_at)": (
                f"{job}, CASE WHEN engine = '{COMMON}' THEN 0 ELSE 1 END, 'complete', engine, 0, 1, {at} + 1 "
                f"FROM {numbers}, {engines}"
            ),
            "job_engine (organization_id, engine_id, job_id)": (
                f"{organization}, engine, {job} FROM {numbers}, {engines}"
            ),
            "event (job_id, ordinal, kind, at)": f"{job}, -1, 'started', {at} FROM {numbers}",
            "audit_entry (at, organization_id, user_name, event, object_type, object_id, success)": (
                f"{at}, {organization}, CASE WHEN n % 2 = 0 THEN '{AUTHOR}' ELSE 'bob' END, 'createJob', 'Job', "
                f"CAST({job} AS TEXT), 1 FROM {numbers}"
            ),
            "job_count (organization_id, status, shard, jobs)": (
                f"{organization}, {status}, 0, COUNT(*) FROM {numbers} GROUP BY 2"
            ),
        }
        return [f"INSERT INTO {table} SELECT {values}" for table, values in rows.items()]
