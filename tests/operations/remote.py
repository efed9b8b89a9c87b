"""A worker on another machine, which the test moves by hand."""

import hashlib
from collections.abc import AsyncIterator

from msgspec import structs
from tests import make

from enginehouse.domain.artifact import PUBLISHED
from enginehouse.domain.identity import Principal
from enginehouse.domain.work import Done, Failed, Lease, NewArtifact, Report
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import attempt_bytes, exchange, identity, instances, worker_tokens
from enginehouse.operations.exchange import ExchangeRequest
from enginehouse.operations.house import House
from enginehouse.operations.instance_states import LeaseId

SLOTS = {"native": 4}
SPECS = [structs.replace(spec, category_id=CATEGORIES[0].id) for spec in make.ENGINES.values()]


async def holder(house: House, **scope: list[str]) -> Principal:
    """Returns the holder of a new token for workers."""
    root = make.principal(super_admin=True)
    issued = await worker_tokens.create(
        house, root, organizations=scope.get("organizations"), engine_names=scope.get("engines")
    )
    return await identity.authenticate(house, issued.secret)


class Remote:
    """A worker on another machine."""

    def __init__(self, house: House, who: Principal, instance_id: str) -> None:
        self.house, self.who, self.id = house, who, instance_id

    @classmethod
    async def arrive(cls, house: House, **scope: list[str]) -> "Remote":
        who = await holder(house, **scope)
        arrival = await instances.register(house, who, name="box", slots=SLOTS, specs=SPECS)
        return cls(house, who, arrival.state.instance.id)

    async def says(self, **said: object) -> exchange.ExchangeResult:
        request = ExchangeRequest(**said)  # type: ignore[arg-type]
        return await exchange.exchange(self.house, self.who, self.id, request)

    async def takes(self, limit: int = 4) -> list[Lease]:
        done = await self.says(claims={"native": limit})
        return [lease for lease, _ in done.work]

    async def puts(self, held: Lease, data: bytes, name: str = "000000-out") -> NewArtifact:
        """Returns an uploaded output as a report names it."""
        stored = await attempt_bytes.put_output(
            self.house, held, name, body(data), sha256=hashlib.sha256(data).hexdigest()
        )
        return NewArtifact(
            folder=PUBLISHED, part=0, index=0, name="out.txt", media_type="text/plain", size=stored.size,
            sha256=stored.sha256, key=stored.key,
        )  # fmt: skip


async def body(data: bytes) -> AsyncIterator[bytes]:
    yield data


def id_of(lease: Lease) -> LeaseId:
    return lease.key, lease.token


def report(lease: Lease, outcome: Done | Failed) -> Report:
    return Report(lease.key, lease.token, outcome)
