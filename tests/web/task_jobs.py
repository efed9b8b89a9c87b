"""Jobs whose tasks have run as a test says: with outputs, failures and logs."""

from dataclasses import dataclass, field

from tests.web.conftest import Place

from enginehouse.domain.artifact import PUBLISHED, log_key
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import JobRequest
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed, Lease, NewArtifact, Report
from enginehouse.operations import jobs, work

NASTY = '"><svg onload=alert(1)>\u202egnp'
DOWN = Failed(FailureKind.INTERNAL_ERROR, "the engine is down")


@dataclass(slots=True)
class Bench:
    """A place in which a test runs what it has created. `job` is the last job."""

    place: Place
    job: str = ""
    leases: list[Lease] = field(default_factory=list)

    async def create(self, request: JobRequest) -> str:
        [made] = await jobs.create(self.place.house, self.place.caller, [request])
        self.job = job_graphql(made.job_id)
        return self.job

    async def start(self) -> Lease:
        """Returns the next lease."""
        if not self.leases:
            self.leases = await work.claim(self.place.house, pool="native", limit=100, worker="w")
        return self.leases.pop(0)

    async def print(self, lease: Lease, text: str, offset: int = 0) -> None:
        key = log_key(lease.organization_id, *lease.key, lease.attempt)
        await self.place.house.store.append(key, offset, text.encode())

    async def end(self, lease: Lease, outcome: Done | Failed) -> None:
        await work.finish(self.place.house, Report(lease.key, lease.token, outcome))

    async def put(self, lease: Lease, *outputs: tuple[str, str, bytes]) -> str:
        """The attempt has ended with these outputs: name, media type and bytes. Returns the address of the first."""
        made = []
        for n, (name, media_type, data) in enumerate(outputs):
            stored = await self.place.house.store.put(f"out-{lease.key.job_id}-{n}", data)
            made.append(
                NewArtifact(
                    folder=PUBLISHED,
                    part=n,
                    index=n,
                    name=name,
                    media_type=media_type,
                    size=stored.size,
                    sha256=stored.sha256,
                    key=stored.key,
                )
            )
        await self.end(lease, Done(tuple(made)))
        return f"/jobs/{self.job}/tasks/{lease.key.ordinal}/outputs/{PUBLISHED}.{lease.key.item}.0"
