"""A claim gives an item only to a worker that has what its engine takes; `why` says what nobody has."""

import pytest
from msgspec import structs
from tests import make

from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.work import Done, Report
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import engines, exchange, identity, instances, jobs, why, worker_tokens, workers
from enginehouse.operations.exchange import ExchangeRequest
from enginehouse.operations.house import House
from enginehouse.runtime.capacity import Capacity
from enginehouse.server.in_process import InProcess

CALLER = make.principal()
GPU = structs.replace(make.spec("gpu"), category_id=CATEGORIES[0].id, resources=Resources(gpus=1))
NOOP = structs.replace(make.ENGINES["noop"], category_id=CATEGORIES[0].id)


@pytest.fixture
async def known(house: House, ready: House) -> House:
    await engines.register(ready, [GPU, NOOP], CATEGORIES)
    return ready


def jobs_of(*names: str) -> list[JobRequest]:
    return [JobRequest(tasks=(TaskRequest(engine_id=name),)) for name in names]


async def test_a_remote_worker_gets_only_what_fits_now(known: House) -> None:
    root = make.principal(super_admin=True)
    who = await identity.authenticate(known, (await worker_tokens.create(known, root)).secret)
    has = Resources(gpus=1)
    arrival = await instances.register(known, who, name="b", slots={"native": 4}, specs=[GPU, NOOP], resources=has)
    await jobs.create(known, CALLER, jobs_of("gpu", "gpu", "gpu", "noop", "noop"))

    async def takes(free: Resources) -> list[str]:
        said = ExchangeRequest(claims={"native": 4}, free=free)
        done = await exchange.exchange(known, who, arrival.state.instance.id, said)
        return sorted(lease.engine_id for lease, _ in done.work)

    assert await takes(NOTHING) == ["noop", "noop"]
    assert await takes(has) == ["gpu"], "one fits, and two do not beside each other"
    ready, _ = await exchange.wait(known, who, arrival.state.instance.id, ["native"], 0, free=NOTHING)
    assert ready == []
    ready, _ = await exchange.wait(known, who, arrival.state.instance.id, ["native"], 0, free=has)
    assert ready == ["native"]


async def test_a_server_counts_what_its_own_engines_take(known: House) -> None:
    needs = {"gpu": GPU.resources, "noop": NOOP.resources}
    capacity = Capacity({"native": 4}, resources=Resources(gpus=1), needs=needs.__getitem__)
    source = InProcess(known, free=capacity.free_resources)
    known.queues["native"].offer({"gpu", "noop"}.__contains__)
    await jobs.create(known, CALLER, jobs_of("gpu", "gpu", "noop"))
    leases = await source.claim(pool="native", limit=4, worker="server/x")
    assert sorted(lease.engine_id for lease in leases) == ["gpu", "noop"]
    running = next(lease for lease in leases if lease.engine_id == "gpu")

    async def engine() -> None:
        assert not await source.ready(pool="native"), "the GPU is taken"
        await source.finish(Report(running.key, running.token, Done()))

    capacity.start(running, "native", engine(), now=0.0)
    assert capacity.free_resources() == NOTHING
    await capacity.drain(10)
    assert await source.ready(pool="native")


async def test_why_says_what_no_connected_worker_has(known: House) -> None:
    [job] = await jobs.create(known, CALLER, jobs_of("gpu"))
    for name, has in (("a", Resources(cpus=4)), ("b", Resources(cpus=8))):
        await workers.beat(known, name=name, pools={"native": 1}, engines=["noop"], resources=has)
    _, explained = await why.job(known, CALLER, Ref.of(job.job_id))
    assert explained.sentence == 'The engine "gpu" takes 1 GPU, and no connected worker has that.'
    [shown, _] = await workers.list_(known, CALLER)
    assert shown.resources == Resources(cpus=4)
