"""The consistency check names each stored number, engine set and end of a task that contradicts the rows."""

from typing import Final

import pytest
from msgspec import structs
from tests import make
from tests.storage.verbs import Verbs

from enginehouse.storage import consistency, count_consistency
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs.new_jobs import JobOrigin

pytestmark = pytest.mark.usefixtures("own_statements")

# A count that is added to those of the rows, and what it says then.
COUNTS: Final = (
    (("", "complete", "", 0, 1, 0), "counts 2 jobs that are complete, but has 1"),
    (("", "failed", "invalid_data", 0, 1, 0), "counts 2 jobs with a task that failed for invalid_data, but has 1"),
    (("noop", "pending", "", 1, 1, 0), "counts 5 jobs of engine noop, but has 4"),
    (
        ("noop", "failed", "invalid_data", 0, 0, 1),
        "counts 2 tasks of engine noop that are failed for invalid_data, but has 1",
    ),
    (("noop", "pending", "", 1, 0, 1), "counts 3 tasks of engine noop that are pending and may run, but has 2"),
    (("", "pending", "", 1, 0, -1), "counts 0 tasks of cancelled jobs that are pending and may run, but has 1"),
)
SCHEDULES: Final = {
    "miscount_schedules": "counts 2 jobs of schedule 7, but has 1",
    "forget_counts_of_schedules": "counts 0 jobs of schedule 7, but has 1",
}
JOBS: Final = {
    "other_engines": ["is listed with the jobs of other engines than its tasks name"],
    "unlisted_job": ["is not in the list of the jobs of engine noop"],
    "ended_otherwise": ["has task 0, which is complete, in the list of ended tasks as failed"],
    "ended_at_another_time": [
        "has task 0, which is complete, in the list of ended tasks at another time than it ended"
    ],
    "end_forgotten": ["has task 0, which is complete, but is not in the list of ended tasks"],
    "end_invented": [
        f"has task 0, which is {status}, in the list of ended tasks as complete"
        for status in ("failed", "pending", "pending")
    ],
    "foreign_task": ["has task 0, which is complete, in the lists of another organization"],
}


class Undone(Exception):
    """The transaction leaves nothing but what it has seen."""


async def test_what_contradicts_the_rows_is_named(database: Database) -> None:
    verbs = Verbs(database)
    new = make.new_job(make.independent(1, max_retries=0))
    await verbs.create(new, new)
    done, failed = await verbs.claim()
    await verbs.done(done)
    await verbs.fail(failed)
    _, cancelled = await verbs.create(structs.replace(new, origin=JobOrigin(scheduled_job_id=7)), new)
    await verbs.cancel(cancelled)

    async def found(tx: Tx) -> tuple[list[str], list[str]]:
        looked, wrong = await consistency.check_jobs(tx)
        assert looked == 4
        return await count_consistency.check_counts(tx), [each.text for each in wrong]

    async def corrupt(tx: Tx, name: str, params: dict[str, object]) -> None:
        assert await tx.run(f"test.{name}", **params)
        raise Undone(*await found(tx))

    async def after(name: str, **params: object) -> tuple[object, ...]:
        with pytest.raises(Undone) as undone:
            await database.write(lambda tx: corrupt(tx, name, params))
        return undone.value.args

    assert await database.read(found) == ([], [])
    for row, text in COUNTS:
        count = dict(zip(("engine_id", "status", "reason", "backlog", "jobs", "tasks"), row, strict=True))
        assert await after("add_count", **count) == ([f"organization 1 {text}"], [])
    for name, text in SCHEDULES.items():
        assert await after(name) == ([f"organization 1 {text}"], [])
    assert {name: (await after(name))[1] for name in JOBS} == JOBS
    assert await database.read(found) == ([], [])


async def test_only_so_many_are_named(database: Database) -> None:
    verbs = Verbs(database)
    await verbs.create(*[make.new_job(make.independent(1))] * 5)

    async def corrupt(tx: Tx) -> tuple[int, int]:
        for engine_id in ("other", "noop"):
            await tx.run("test.add_count", engine_id=engine_id, status="queued", reason="", backlog=1, jobs=1, tasks=1)
        await tx.run("test.end_invented")
        _, jobs = await consistency.check_jobs(tx, limit=3)
        return len(await count_consistency.check_counts(tx, limit=1)), len(jobs)

    assert await database.write(corrupt) == (1, 3)
