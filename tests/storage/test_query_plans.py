"""Every statement finds its rows by an index: no plan of it walks through a table that grows with the history.

The databases plan each statement twice, without and with statistics. A walk that is meant has its reason here.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from typing import Any, Final, cast

import asyncpg
from tests.history import History
from tests.postgres import FSYNC

from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.postgres_tx import PostgresTx
from enginehouse.storage.database.sql import shape, statements
from enginehouse.storage.database.sql_statement import Statement
from enginehouse.storage.database.sql_words import Dialect
from enginehouse.storage.jobs import filter_choice, job_scans, task_live, task_scans

GROWING: Final = {
    "artifact", "asset", "attempt", "audit_entry", "barrier", "bulk_act", "bulk_act_batch", "bulk_act_skip", "endpoint",
    "event", "export_request", "idempotency_key", "job", "job_document", "job_engine", "job_rate", "job_trace",
    "outbox", "push_item", "schedule_job_count", "schedule_slot", "scheduled_job_version", "target", "task", "token",
    "upload", "work_item",
}  # fmt: skip

# Indexes that hold only what is under way, or what one person has set: to walk through them is to read few rows.
CURRENT: Final = {
    "artifact_shared", "barrier_open", "bulk_act_open", "export_request_due", "job_partly_ended", "job_paused",
    "job_schedule_live", "outbox_in_flight", "schedule_slot_queued", "target_public", "work_item_lane",
    "work_item_held", "work_item_lease",
}  # fmt: skip

# Of several organizations, so that the whole table is not what one of them has.
HISTORIES: Final = (
    History(2_000),
    History(12_000, organization_id=2),
    *(History(2_000, organization_id=n) for n in (3, 4)),
)

# Statements that walk through such a table, and why that is right.
WALKS: Final[dict[str, str]] = {
    "consistency.jobs": "the check of the whole storage, a batch at a time",
    "consistency.ends": "the same, at once",
    "consistency.wrongly_held": "the same",
    "consistency.slots_ahead": "the same",
    "count_consistency.jobs": "the same",
    "count_consistency.failures": "the same",
    "count_consistency.engines": "the same",
    "count_consistency.schedules": "the same",
    "count_consistency.tasks": "the same",
    "clock_reset.latest": "the check of the clock: once at a start, and at most once a minute",
    "clock_reset.start_items": "a reset of the clock, which a person starts",
    "clock_reset.shorten_attempts": "the same",
    "clock_reset.shorten_sessions": "the same",
    "clock_reset.date_tokens": "the same",
    "clock_reset.date_keys": "the same",
    "clock_reset.send_messages": "the same",
    "clock_reset.forget_slots": "the same",
    "clock_reset.long_skips": "the same",
    "outbox.check": "the check of the whole storage",
    "outbox.heavy": "the sum of everything that waits, once a minute",
    "files.count": "the number of all files, for a person's check of them",
    "keys.attempts_after": "a backup, which reads all rows, a page at a time",
    "keys.jobs": "the number of all jobs, for a backup",
    "keys.named": "files that were missing when a backup was made",
    "tasks.item_at[newest]": "the items up to a place, which a page chooses",
    "tasks.item_at[oldest]": "the same",
}

FIELDS: Final[tuple[dict[str, Any], ...]] = (
    {"statuses": (JobStatus.FAILED,)},
    {"statuses": (JobStatus.FAILED, JobStatus.PENDING)},
    {"ids": (1,)},
    {"target_id": 1},
    {"has_target": True},
    {"has_target": False},
    {"name": "a"},
    {"core_id": "a"},
    {"engine_ids": ("a",)},
    {"engine_ids": ("a", "b")},
    {"failure_reasons": ("a",)},
    {"paused": True},
    {"schedule_ids": (1,)},
    {"has_schedule": True},
    {"has_schedule": False},
    {"created_from": 1},
    {"above": 1},
    {"modified_from": 1},
)


def lists_of_jobs() -> Iterator[str]:
    """The names of the statements behind the lists of jobs: with each filter, each pair, each order."""
    for number, applying in product((0, 1, 2), (False, True)):
        for fields in combinations(FIELDS, number):
            merged = {name: value for each in fields for name, value in each.items()}
            for by_change in (False, True):
                criteria = JobFilter(**merged, order_by="modified_at" if by_change else "created_at")
                how = "applied" if applying else "modified"
                orders = (f"last_{how}", f"first_{how}") if by_change else ("newest", "oldest")
                few = by_change and not applying and bool(criteria.engine_ids)
                sets = few and not criteria.statuses and filter_choice.driver(criteria, total=False) == "status"
                for scan in (
                    *job_scans.scans(1, criteria, applying=applying),
                    *(job_scans.scans(1, criteria, few_of_engines=True) if few else ()),
                    *(job_scans.scans(1, criteria, engine_sets=(1,)) if sets else ()),
                ):
                    yield from (scan.statement(order) for order in orders)
                for scan in job_scans.scans(1, criteria, applying=applying, total=True):
                    yield scan.number()
                    yield scan.number("applied_tally" if applying else "tally")


def first_jobs() -> Iterator[str]:
    """The names of the statements behind the jobs among which the first tasks in the order of changes are sought."""
    for driver, created in product(((), ("by_status",)), ((), ("created",))):
        orders = ("newest", "oldest", "last_modified", "first_modified") if driver else ("newest", "oldest")
        yield from (shape("jobs.list", ("page", order, *driver, *created)) for order in orders)


def audits() -> Iterator[str]:
    parts = sorted(statements("sqlite").families["audit.in_time"].parts - {"newest", "oldest"})
    for order in ("newest", "oldest"):
        for number in (0, 1, 2):
            yield from (shape("audit.in_time", (order, *some)) for some in combinations(parts, number))


def lists_of_targets() -> Iterator[str]:
    """The names of the statements behind the lists of targets: with each order, each filter and each pair."""
    filters = ("by_id", "in_start", "in_stop", "in_created", "in_modified", "of_source", "of_schedule")
    for order, down, number in product(("start", "stop", "created", "modified"), ((), ("descending",)), (0, 1, 2)):
        for some in combinations(filters, number):
            yield from (shape("targets.page", (order, *down, *some, *owner)) for owner in ((), ("public",)))


def deliveries() -> Iterator[str]:
    """The names of the statements behind the list of deliveries."""
    for number in (0, 1, 2):
        yield from (shape("outbox.list", parts) for parts in combinations(("by_status", "by_job"), number))


def lists_of_exports() -> Iterator[str]:
    """The names of the statements behind the list of exports."""
    for number in range(5):
        parts = ("modified", "descending", "by_status", "by_id")
        yield from (shape("exports.page", some) for some in combinations(parts, number))


TASK_FIELDS: Final[tuple[dict[str, Any], ...]] = (
    {"statuses": (TaskStatus.FAILED,)},
    {"statuses": (TaskStatus.ABORTED,)},
    {"statuses": (TaskStatus.RUNNING,)},
    {"job_ids": (1,)},
    {"job_ids": (1,), "ordinal": 1},
    {"target_id": 1},
    {"source_id": 1},
    {"engine_ids": ("a",)},
    {"failure_reasons": ("a",)},
    {"other_reasons_than": ("a",)},
    {"in_backlog": True},
    {"in_backlog": False},
    {"is_claimable": True},
    {"is_claimable": False},
    {"created_from": 1},
    {"modified_from": 1},
)


def lists_of_tasks() -> Iterator[str]:
    """The names of the statements behind the lists of tasks: with each filter, each pair, each order."""
    for number in (0, 1, 2):
        for fields in combinations(TASK_FIELDS, number):
            merged = {name: value for each in fields for name, value in each.items()}
            for by_change in (False, True):
                criteria = TaskFilter(**merged, order_by="modified_at" if by_change else "created_at")
                orders = ("last_modified", "first_modified") if by_change else ("newest", "oldest")
                failed = task_scans.statuses_of(criteria) <= {TaskStatus.FAILED}  # such a task has ended
                for scan in (
                    *task_scans.scans(1, criteria),
                    *task_scans.scans(1, criteria, few_of_engines=True),
                    *(() if failed else task_scans.scans(1, criteria, unended=True)),
                    *(() if failed else task_scans.scans(1, criteria, unended=True, few_of_engines=True)),
                ):
                    yield from (*(scan.page(order) for order in orders), scan.number())
                for scan in task_scans.scans(1, criteria, by_engine=False):
                    yield from (scan.number("tally"), scan.number("tally_by_mark"))


def changes_of_tasks() -> Iterator[str]:
    """The names of the statements behind the tasks by their last change: with each filter, each order."""
    orders = ("last_modified", "first_modified")
    for fields in ({}, *TASK_FIELDS):
        criteria = TaskFilter(**fields)
        failed = task_scans.statuses_of(criteria) <= {TaskStatus.FAILED}
        if failed or not task_scans.is_wide(criteria) or criteria.created_from is not None:
            continue
        for scan in task_live.scans(1, replace(criteria, modified_from=1, modified_to=2)):
            yield from (*(scan.page(order) for order in orders), scan.number())
    for some in ((), ("created",), ("of_reasons",), ("without_reasons",)):
        yield from (shape("tasks.ended", ("page", order, *some)) for order in orders)
        yield shape("tasks.ended", ("total", *some))
    yield from (shape("tasks.unended_jobs", (part,)) for part in task_live.LOOKS)
    for order in ("newest", "oldest"):
        yield shape("tasks.item_at", (order,))
        yield from (shape("tasks.claimable_page", (order, *how)) for how in ((), ("of_lanes",)))


def numbers_of_jobs() -> Iterator[str]:
    """The names of the statements behind the statistics of jobs."""
    for how in ("at_once", "by_mark"):
        yield from (shape("statistics.jobs", (how, *engines)) for engines in ((), ("of_engines",)))


def lists_of_work_requests() -> Iterator[str]:
    """The names of the statements behind the work requests of a job: with each filter and each order."""
    orders = ("last_created", "first_created", "last_modified", "first_modified")
    for number in range(4):
        for some in combinations(("of_task", "of_item", "of_statuses"), number):
            yield shape("work_requests.list", (*some, "total"))
            yield from (shape("work_requests.list", (*some, "page", order)) for order in orders)


def every(dialect: Dialect) -> dict[str, Statement]:
    """Every statement of storage."""
    named = statements(dialect)
    shapes = {
        *lists_of_jobs(),
        *first_jobs(),
        *lists_of_tasks(),
        *changes_of_tasks(),
        *numbers_of_jobs(),
        *lists_of_work_requests(),
        *audits(),
        *lists_of_targets(),
        *lists_of_exports(),
        *deliveries(),
    }
    shapes |= {shape("assets.pages", ()), shape("assets.pages", ("descending",))}
    shapes |= {shape("lanes.waiting", ()), shape("lanes.waiting", ("sizes",))}
    leases = "work.lease_items" if dialect == "postgres" else "work.free_items"
    shapes |= {shape(leases, ()), shape(leases, ("for_token",))}
    assert {name.partition("[")[0] for name in shapes} == named.families.keys()
    return dict(named) | {name: named[name] for name in sorted(shapes)}


_TABLES: Final = re.compile(
    r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\s+(?:AS\s+)?(?!WHERE|SET|ON|ORDER|GROUP|LEFT|JOIN)(\w+))?"
)


def walked_on_sqlite(connection: sqlite3.Connection, statement: Statement) -> set[str]:
    """What the plan of the statement walks through: growing tables, with the index."""
    tables = {alias or table: table for table, alias in _TABLES.findall(statement.text)}
    values: Any = ("[]",) if statement.columns else dict.fromkeys(statement.params)
    walked = set()
    for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement.each or statement.text}", values):
        if scan := re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step):
            walked.add((tables.get(scan[1], scan[1]), scan[2] or ""))
    return {f"{table} {index}" for table, index in walked if table in GROWING and index not in CURRENT}


async def walked_on_postgresql(connection: Any, statement: Statement) -> set[str]:
    """What the plan of the statement, for any values, walks through: growing tables, with the index."""
    await connection.execute(f"PREPARE planned AS {statement.each or statement.text}")
    try:
        nothing = ", ".join(["NULL"] * len(statement.columns or statement.params))
        executed = f"EXECUTE planned({nothing})" if nothing else "EXECUTE planned"
        [plan] = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {executed}"))
    finally:
        await connection.execute("DEALLOCATE planned")
    walked = set(walks(plan["Plan"]))
    return {f"{table} {index}" for table, index in walked if table in GROWING and index not in CURRENT}


def walks(node: dict[str, Any], table: str = "") -> Iterator[tuple[str, str]]:
    table = node.get("Relation Name", table)
    if node["Node Type"] in ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan") and (
        "Index Cond" not in node
    ):
        yield table, node.get("Index Name", "")
    for child in node.get("Plans", ()):
        yield from walks(child, table)


def unexplained(walked: dict[str, set[str]]) -> dict[str, list[str]]:
    """Returns the walks that have no reason, by statement."""
    assert walked.keys() >= WALKS.keys()
    return {name: sorted(tables) for name, tables in walked.items() if tables and name not in WALKS}


async def test_on_sqlite_every_statement_searches(tmp_path: Path) -> None:
    for history in HISTORIES:
        await history.sqlite(tmp_path / "plans.db")
    named = every("sqlite")
    with closing(sqlite3.connect(tmp_path / "plans.db")) as connection:
        for has_statistics in (False, True):
            if has_statistics:
                connection.execute("ANALYZE")
            walked = {name: walked_on_sqlite(connection, each) for name, each in named.items()}
            assert (has_statistics, unexplained(walked)) == (has_statistics, {})


async def test_on_postgresql_every_statement_searches(postgres_dsn: str) -> None:
    await (await PostgresDatabase.open(postgres_dsn, allow_unsafe_durability=FSYNC == "off")).close()
    named = every("postgres")
    connection = await asyncpg.connect(postgres_dsn)
    try:
        # Statistics of some tables only, which it may gather meanwhile, would be a third state.
        for (table,) in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"):
            await connection.execute(f'ALTER TABLE "{table}" SET (autovacuum_enabled = off)')
        for history in HISTORIES:
            await history.add_to_postgres(postgres_dsn)
        # It is right to read a small table whole, but not those that these stand for.
        await connection.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
        for has_statistics in (False, True):
            if has_statistics:
                await connection.execute("ANALYZE")
            walked = {}
            for name, each in named.items():
                if each.text.split()[0] in ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE"):
                    walked[name] = await walked_on_postgresql(connection, each)
            assert (has_statistics, unexplained(walked)) == (has_statistics, {})
    finally:
        await connection.close()


async def test_a_writing_connection_of_a_new_server_plans_by_key(postgres_dsn: str) -> None:
    """Its plans are kept, and its tables grow faster than PostgreSQL analyzes them."""
    names = [
        f"work.{each}"
        for each in ("start_tasks", "set_tasks", "set_jobs", "tasks_of", "held", "lock_jobs", "claimable_jobs")
    ]
    names += [shape("work.lease_items", ()), "lanes.first_of_each"]
    named = every("postgres")
    database = await PostgresDatabase.open(postgres_dsn, allow_unsafe_durability=FSYNC == "off")

    async def plan(tx: Tx) -> dict[str, set[str]]:
        connection = cast("PostgresTx", tx)._connection
        return {name: await walked_on_postgresql(connection, named[name]) for name in names}

    try:
        assert await database.write(plan) == {name: set() for name in names}
    finally:
        await database.close()


async def test_a_reading_connection_expects_few_rows_of_the_indexes_of_changes_and_starts_no_workers(
    postgres_dsn: str,
) -> None:
    """PostgreSQL knows nothing of these conditions: of `… > 0` it would expect a third of all jobs."""
    database = await PostgresDatabase.open(postgres_dsn, allow_unsafe_durability=FSYNC == "off")
    await History(2_000).add_to_postgres(postgres_dsn, analyze=True)

    async def read(tx: Tx) -> tuple[str, dict[str, int]]:
        connection = cast("PostgresTx", tx)._connection
        indexes = await connection.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '%CASE%'")
        expected = dict[str, int]()
        for name, text in indexes:
            condition, table = text.partition(" WHERE ")[2], text.partition(" ON ")[2].partition(" ")[0]
            found = await connection.fetchval(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {table} WHERE {condition}")
            expected[name] = json.loads(found)[0]["Plan"]["Plan Rows"]
        return await connection.fetchval("SHOW max_parallel_workers_per_gather"), expected

    try:
        workers, expected = await database.read(read)
    finally:
        await database.close()
    assert workers == "0"
    assert {"job_waiting_changed", "job_cancelled_changed", "job_partly_queued"} <= expected.keys()
    assert {name for name, rows in expected.items() if rows > 100} == set()
