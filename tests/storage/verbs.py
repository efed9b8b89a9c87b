"""The hot verbs on one database, in a short form for the tests of storage."""

from collections.abc import Sequence

from tests import make

from enginehouse.domain.job import Job
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Answer, Done, Failed, Lease, NewArtifact, Report
from enginehouse.storage.database.database import Database, Row, Tx
from enginehouse.storage.jobs import cancellation, creation, queries
from enginehouse.storage.jobs.cancellation import CancelOutcome
from enginehouse.storage.jobs.new_jobs import NewJob
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.jobs.views import JobViews
from enginehouse.storage.work import claims
from enginehouse.storage.work import reports as work_reports

LEASE = 30_000_000


async def read_jobs(
    database: Database, job_ids: Sequence[int], views: JobViews, organization_id: int = make.ORGANIZATION
) -> dict[int, Job]:
    """Returns the jobs. What `views` has of them is what is stored."""

    async def read(tx: Tx) -> dict[int, Job]:
        stored = await queries.by_ids(tx, organization_id, job_ids)
        assert await queries.by_ids(tx, organization_id, job_ids, views) == stored
        return stored

    return await database.read(read)


class Verbs:
    """A database with one organization, and the verbs in a short form."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.plans = Plans()
        self.views = JobViews()

    async def create(self, *new: NewJob) -> list[int]:
        made = await self.database.write_work(lambda tx: creation.create(tx, self.plans, new))
        return [job_id for job_id, _ in made]

    async def claim(self, limit: int = 100, *, lease: int = LEASE) -> list[Lease]:
        return await self.database.write_work(
            lambda tx: claims.claim(tx, self.plans, pool="native", limit=limit, worker="w", lease_micros=lease)
        )

    async def finish(self, *reports: Report) -> list[Answer]:
        return await self.database.write_work(lambda tx: work_reports.finish(tx, self.plans, reports))

    async def done(self, lease: Lease, outputs: Sequence[NewArtifact] = ()) -> Answer:
        [answer] = await self.finish(Report(lease.key, lease.token, Done(tuple(outputs))))
        return answer

    async def fail(self, lease: Lease, kind: FailureKind = FailureKind.INVALID_DATA) -> Answer:
        [answer] = await self.finish(Report(lease.key, lease.token, Failed(kind, "no")))
        return answer

    async def cancel(self, *job_ids: int, organization_id: int = make.ORGANIZATION) -> list[CancelOutcome | None]:
        wanted = [(job_id, organization_id) for job_id in job_ids]
        return await self.database.write_work(lambda tx: cancellation.cancel(tx, wanted))

    async def job(self, job_id: int) -> Job:
        return (await read_jobs(self.database, [job_id], self.views))[job_id]

    async def statuses(self, job_id: int) -> tuple[JobStatus, list[TaskStatus]]:
        job = await self.job(job_id)
        return job.status, [task.status for task in job.tasks]

    async def counts(self) -> dict[str, int]:
        found = (await self.database.read(lambda tx: queries.counts_by_status(tx, make.ORGANIZATION))).totals
        return {word: n for word, n in found.items() if n}

    async def rows(self, statement: str) -> list[Row]:
        return await self.database.read(lambda tx: tx.all(statement))
