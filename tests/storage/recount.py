"""Compares the stored counts with the rows that they count."""

from collections import Counter
from typing import Any

from enginehouse.storage.database.database import Database, Tx


async def store(tx: Tx) -> None:
    """The counts are those of the rows, which a test has written without them."""
    await tx.run("test.forget_counts")
    await tx.run("test.recount")


async def check(database: Database) -> None:
    """Every count of tasks, and of the jobs of an engine or a failure, is the number of the rows."""

    async def read(tx: Tx) -> tuple[Any, ...]:
        names = ("stored_counts", "counted_tasks", "counted_engines", "counted_failures", "ready_drift")
        return tuple([await tx.all(f"test.{name}") for name in names])

    stored, tasks, engines, failures, drift = await database.read(read)
    assert drift == []
    due, jobs = Counter[Any](), Counter[Any]()
    for organization_id, engine_id, status, reason, backlog, unended, number in tasks:
        due[organization_id, engine_id, status, reason, backlog] += number
        if unended:
            due[organization_id, "", status, reason, backlog] += number
    found = {tuple(row[:5]): row[6] for row in stored if row[6]}
    assert found == dict(due)
    failed = {(row[0], row[3]): row[5] for row in stored if row[1] == "" and row[3] and row[5]}
    assert failed == {tuple(row[:2]): row[2] for row in failures}
    for organization_id, engine_id, *_, number, _ in stored:
        if engine_id:
            jobs[organization_id, engine_id] += number
    assert {key: number for key, number in jobs.items() if number} == {tuple(row[:2]): row[2] for row in engines}
