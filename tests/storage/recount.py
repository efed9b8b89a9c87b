"""Compares the stored counts with the rows that they count."""

from collections import Counter, defaultdict
from typing import Any

from enginehouse.domain.planning.edges import engine_set
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import task_counts


async def store(tx: Tx) -> None:
    """The counts are those of the rows, which a test has written without them."""
    for name in ("forget_counts", "recount", "forget_schedule_counts", "recount_schedules"):
        await tx.run(f"test.{name}")


async def check(database: Database) -> None:
    """The counts of tasks, and of jobs by engine, failure and schedule, are those of the rows, as engine sets are."""

    async def read(tx: Tx) -> tuple[Any, ...]:
        names = (
            "stored_counts",
            "counted_tasks",
            "counted_engines",
            "counted_failures",
            "stored_schedules",
            "counted_schedules",
            "ready_drift",
            "engines_of_jobs",
            "end_drift",
        )
        found = [await tx.all(f"test.{name}") for name in names]
        for organization_id, number in await tx.all("test.claimable_tasks"):
            if not await barriers.is_open(tx, organization_id):
                assert await task_counts.number(tx, organization_id, TaskFilter(is_claimable=True)) == number
        return tuple(found)

    stored, tasks, engines, failures, of_schedules, schedules, drift, named, ends = await database.read(read)
    assert (drift, ends) == ([], [])
    engines_of, sets = defaultdict[Any, set[str]](set), dict[Any, int]()
    for organization_id, job_id, engine_id, stored_set in named:
        engines_of[organization_id, job_id].add(engine_id)
        sets[organization_id, job_id] = stored_set
    assert sets == {key: engine_set(found) for key, found in engines_of.items()}
    due, jobs = Counter[Any](), Counter[Any]()
    for organization_id, engine_id, status, reason, backlog, unended, number in tasks:
        due[organization_id, engine_id, status, reason, backlog] += number
        if unended:
            due[organization_id, "", status, reason, backlog] += number
    found = {tuple(row[:5]): row[6] for row in stored if row[6]}
    assert found == dict(due)
    failed = {(row[0], row[3]): row[5] for row in stored if row[1] == "" and row[3] and row[5]}
    assert failed == {tuple(row[:2]): row[2] for row in failures}
    kept = {tuple(row[:2]): row[2] for row in of_schedules if row[2]}
    assert kept == {tuple(row[:2]): row[2] for row in schedules}
    for organization_id, engine_id, *_, number, _ in stored:
        if engine_id:
            jobs[organization_id, engine_id] += number
    assert {key: number for key, number in jobs.items() if number} == {tuple(row[:2]): row[2] for row in engines}
