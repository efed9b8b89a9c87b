"""The backlog over time: a task comes with its job, and goes with its first attempt, its end, or a cancel."""

from typing import Any, Final

import pytest

from enginehouse.domain.ids import first_job_id
from enginehouse.domain.status import JobStatus
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import JobRange
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import statistics

SECOND: Final = 1_000_000
FIRST: Final = 1_700_000_000 * SECOND

# (created, status, changed, started, completed, aborted, job aborted) in seconds after FIRST.
Times = tuple[int, JobStatus, int, int | None, int | None, int | None, int | None]
CASES: Final[dict[str, tuple[list[Times], list[int]]]] = {
    "waits": ([(-50, JobStatus.PENDING, -50, None, None, None, None)], [1, 1, 1, 1]),
    "comes at a mark": ([(20, JobStatus.PENDING, 20, None, None, None, None)], [0, 0, 1, 1]),
    "comes after a mark": ([(21, JobStatus.PENDING, 21, None, None, None, None)], [0, 0, 0, 1]),
    "starts at a mark": ([(5, JobStatus.RUNNING, 20, 20, None, None, None)], [0, 1, 0, 0]),
    "starts after a mark": ([(5, JobStatus.RUNNING, 21, 21, None, None, None)], [0, 1, 1, 0]),
    "started before": ([(-9, JobStatus.RUNNING, -5, -5, None, None, None)], [0, 0, 0, 0]),
    "ran to its end": ([(-9, JobStatus.COMPLETE, 25, 15, 25, None, None)], [1, 1, 0, 0]),
    "ended before": ([(-9, JobStatus.COMPLETE, -1, -5, -1, None, None)], [0, 0, 0, 0]),
    "ended without an attempt": ([(0, JobStatus.COMPLETE, 15, None, 15, None, None)], [1, 1, 0, 0]),
    "aborted with its parent": ([(0, JobStatus.FAILED, 12, None, None, 12, None)], [1, 1, 0, 0]),
    "cancelled": ([(0, JobStatus.ABORTED, 11, None, None, None, 11)], [1, 1, 0, 0]),
    "starts after the range": ([(0, JobStatus.RUNNING, 90, 90, None, None, None)], [1, 1, 1, 1]),
    "comes after the range": ([(40, JobStatus.PENDING, 40, None, None, None, None)], [0, 0, 0, 0]),
    "several": (
        [(0, JobStatus.PENDING, 0, None, None, None, None), (9, JobStatus.RUNNING, 19, 19, None, None, None)],
        [1, 2, 1, 1],
    ),
}


async def waiting(database: Database) -> list[int]:
    """The backlog of the engine at 0, 10, 20 and 30 s."""

    async def read(tx: Tx) -> Any:
        return await statistics.backlog(tx, 1, first=FIRST, last=FIRST + 30 * SECOND, step=10 * SECOND)

    changes = [0] * 4
    for row in await database.read(read):
        assert row.engine_id == "noop"
        changes[row.mark] += int(row.change)
    return [sum(changes[: mark + 1]) for mark in range(4)]


async def store(database: Database, cases: list[Times]) -> None:
    async def rows(tx: Tx) -> None:
        for organization_id in (1, 2):
            for n, (created, status, changed, started, completed, aborted, job_aborted) in enumerate(cases):
                at = [None if s is None else FIRST + s * SECOND for s in (started, completed, aborted, job_aborted)]
                created_at = FIRST + created * SECOND
                job_id = first_job_id(created_at) + 10 * n + organization_id
                await tx.many("test.add_job", [
                    (job_id, organization_id, status, None, None, None, None, created_at, FIRST + changed * SECOND,
                     0 if status is JobStatus.PENDING else None)
                ])  # fmt: skip
                await tx.many("test.add_task", [(job_id, 0, "noop", FIRST)])
                await tx.many("test.add_times", [(job_id, *at[:3])])
                await tx.many("test.add_abortion", [(job_id, at[3])])

    await database.write(rows)


@pytest.mark.parametrize("case", CASES)
async def test_a_task_is_in_the_backlog_from_its_creation_to_its_first_attempt_or_end(
    database: Database, own_statements: None, case: str
) -> None:
    cases, expected = CASES[case]
    await store(database, cases)
    assert await waiting(database) == expected


async def test_a_bulk_cancel_empties_the_backlog_when_it_is_accepted(database: Database, own_statements: None) -> None:
    await store(database, CASES["waits"][0])
    cancelled = JobRange(organization_id=1, created_from=0, created_to=FIRST)
    await database.write(lambda tx: barriers.accept(tx, cancelled, include_running=False, created_by=None))
    [barrier] = await database.read(barriers.open_ones)
    at = barrier.accepted_at
    rows = await database.read(lambda tx: statistics.backlog(tx, 1, first=at - SECOND, last=at, step=SECOND))
    assert sorted((row.mark, int(row.change)) for row in rows) == [(0, 1), (1, -1)]
