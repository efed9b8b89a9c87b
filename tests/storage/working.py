"""A worker whose engines are pure functions: the outputs of a task depend only on its engine and its inputs."""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from msgspec import structs
from tests import make
from tests.storage.verbs import read_jobs

from enginehouse.domain.artifact import Artifact
from enginehouse.domain.job import FolderMode, FolderType, Job, TaskPlan
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Answer, Done, Failed, Lease, NewArtifact, Report
from enginehouse.operations import work as operations
from enginehouse.operations.house import House
from enginehouse.storage import artifacts
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import cancellation, creation, deletion
from enginehouse.storage.jobs.new_jobs import NewJob
from enginehouse.storage.work import claims, reports

CHUNKS = 3
LEASE = 30_000_000

Said = frozenset[tuple[int, int, int, str]]


class Worker:
    """Creates, runs and reads jobs, in a short form for tests."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.database = house.database
        self.plans = house.plans

    async def create(self, *new: NewJob) -> list[int]:
        made = await self.database.write_work(lambda tx: creation.create(tx, self.plans, new))
        return [job_id for job_id, _ in made]

    async def claim(self, limit: int = 100) -> list[Lease]:
        async def take(tx: Tx) -> list[Lease]:
            await tx.run("test.all_due")
            return await claims.claim(tx, self.plans, pool="native", limit=limit, worker="w", lease_micros=LEASE)

        return await self.database.write_work(take)

    async def finish(self, lease: Lease, outcome: Done | Failed) -> Answer:
        report = Report(lease.key, lease.token, outcome)
        [answer] = await self.database.write_work(lambda tx: reports.finish(tx, self.plans, [report]))
        return answer

    async def fail(self, lease: Lease) -> Answer:
        return await self.finish(lease, Failed(FailureKind.INVALID_DATA, "no"))

    async def run(self, lease: Lease) -> Answer:
        """Reports the result that the item's engine always gives for this input."""
        return await self.finish(lease, Done(self.outputs(lease, await self.inputs(lease))))

    async def work_off(self, fails: Callable[[Lease], bool] = lambda lease: False) -> list[Lease]:
        """Runs everything that can run, in order. Returns what ran."""
        ran: list[Lease] = []
        while leases := await self.claim():
            for lease in leases:
                await (self.fail(lease) if fails(lease) else self.run(lease))
            ran += leases
        return ran

    async def inputs(self, lease: Lease) -> tuple[Artifact, ...]:
        return await operations.inputs(self.house, lease)

    def outputs(self, lease: Lease, inputs: Sequence[Artifact]) -> tuple[NewArtifact, ...]:
        task = lease.plan.tasks[lease.key.ordinal]
        read = [task.engine_id, *(each.sha256 for each in inputs)]
        folders = [(n, each.mode) for n, each in enumerate(task.folders) if each.type is FolderType.OUTPUT]
        made = list[NewArtifact]()
        for folder, mode in folders or [(-1, FolderMode.STREAM)]:
            many = mode is FolderMode.CHUNK and not task.per_chunk
            for part in range(CHUNKS if many else 1):
                index = part if many or not inputs else inputs[0].index
                made.append(self._output(lease, folder, part, index, read))
        return tuple(made)

    def _output(self, lease: Lease, folder: int, part: int, index: int, read: list[str]) -> NewArtifact:
        content = hashlib.sha256("|".join([*read, str(folder), str(part)]).encode()).hexdigest()
        key = f"jobs/1/{lease.key.job_id}/{lease.key.ordinal}/{lease.key.item}-{folder + 1}-{part}"
        plain = make.outputs(folder, 1)[0]
        return structs.replace(plain, part=part, index=index, name=read[0], sha256=content, key=key)

    async def cancel(self, *job_ids: int) -> list[cancellation.CancelOutcome | None]:
        wanted = [(job_id, make.ORGANIZATION) for job_id in job_ids]
        return await self.database.write_work(lambda tx: cancellation.cancel(tx, wanted))

    async def delete(self, *job_ids: int) -> list[str]:
        """Deletes the jobs. Returns the keys of the outputs to remove."""
        keys = await self.database.write(lambda tx: deletion.delete(tx, job_ids, organization_id=make.ORGANIZATION))
        assert keys is not None
        return [key for key in keys if not key.endswith(".log")]

    async def job(self, job_id: int) -> Job:
        return (await read_jobs(self.database, [job_id], self.house.job_views))[job_id]

    async def artifacts(self, job_id: int) -> list[Artifact]:
        found = list[Artifact]()
        for task in (await self.job(job_id)).tasks:
            found += await self.database.read(
                lambda tx, n=task.ordinal: artifacts.of_task(tx, make.ORGANIZATION, job_id, ordinal=n)  # type: ignore[misc]
            )
        return found

    async def said(self, job_id: int) -> Said:
        """All outputs in the job, from any job; those of a standby count as its principal's."""
        found = await self.artifacts(job_id)
        assert len(found) == len({(each.ordinal, each.folder, each.item, each.part) for each in found})
        place = {n: n if task.standby_for is None else task.standby_for for n, task in await self._plan(job_id)}
        return frozenset((place[each.ordinal], each.folder, each.index, each.sha256) for each in found)

    async def _plan(self, job_id: int) -> Iterable[tuple[int, TaskPlan]]:
        return enumerate((await self.job(job_id)).plan.tasks)

    async def retry_failed(self, job_id: int) -> int:
        [made] = await self.create(make.retried(await self.job(job_id)))
        return made

    async def retry_whole(self, job_id: int) -> int:
        [made] = await self.create(make.retried(await self.job(job_id), only_failed=False))
        return made
