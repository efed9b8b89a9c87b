"""Tasks by their last change: those of jobs that wait and changed long after they were created."""

from typing import Final

import pytest
from tests.storage import recount

from enginehouse.domain.ids import first_job_id
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.domain.times import SECOND
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import task_pages

FIRST: Final = 1_700_000_000_000_000
# From the creation to the change, around each length of the seconds between them.
DELAYS: Final = [
    1, SECOND, *(10**digits * SECOND - 1 + n for digits in range(1, 9) for n in (0, 1)), 3_000_000_000 * SECOND
]  # fmt: skip


@pytest.mark.usefixtures("own_statements")
async def test_a_task_of_a_job_that_waits_is_found_by_its_change_however_long_after_the_creation(
    database: Database,
) -> None:
    jobs = {first_job_id(FIRST + n): (FIRST + n, FIRST + n + delay) for n, delay in enumerate(DELAYS)}

    async def store(tx: Tx) -> None:
        rows = [(job_id, 1, JobStatus.QUEUED, None, None, None, None, *at, 0) for job_id, at in jobs.items()]
        await tx.many("test.add_job", rows)
        await tx.many("test.add_task", [(job_id, 0, "noop", changed_at) for job_id, (_, changed_at) in jobs.items()])
        await tx.many("test.add_states", [(job_id, 0, TaskStatus.QUEUED, 1, None) for job_id in jobs])
        await recount.store(tx)

    await database.write(store)
    for job_id, (created_at, changed_at) in jobs.items():
        for since in (created_at + 1, changed_at):
            within = TaskFilter(modified_from=since, modified_to=changed_at, order_by="modified_at", descending=False)
            found = await database.read(lambda tx, within=within: task_pages.page(tx, 1, within))  # type: ignore[misc]
            assert found[-1] == (job_id, 0)
            assert found == [(one, 0) for one, (_, at) in jobs.items() if since <= at <= changed_at]
            assert await database.read(lambda tx, within=within: task_pages.count(tx, 1, within)) == len(found)  # type: ignore[misc]
