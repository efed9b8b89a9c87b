"""A claim gives an item only to a worker that has what its engine takes; `why` says what nobody has."""

import pytest
from msgspec import structs
from tests import make

from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.identity import Principal
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


async def arrive(house: House, *, elastic: bool) -> tuple[Principal, str]:
    """Returns a worker without a GPU."""
    root = make.principal(super_admin=True)
    who = await identity.authenticate(house, (await worker_tokens.create(house, root)).secret)
    arrival = await instances.register(
        house, who, name="b", slots={"native": 4}, specs=[GPU, NOOP], resources=Resources(cpus=1), elastic=elastic
    )
    return who, arrival.state.instance.id


async def test_a_worker_takes_no_more_items_of_an_engine_than_it_says(known: House) -> None:
    who, worker = await arrive(known, elastic=True)
    await jobs.create(known, CALLER, jobs_of("gpu", "noop", "noop", "noop"))

    async def takes(**most: int) -> list[str]:
        said = ExchangeRequest(claims={"native": 4}, free=Resources(gpus=8), most=most)
        done = await exchange.exchange(known, who, worker, said)
        return sorted(lease.engine_id for lease, _ in done.work)

    assert await takes(gpu=0, noop=2) == ["noop", "noop"]
    for most, ready in (({"gpu": 0, "noop": 0}, []), ({"gpu": 1, "noop": 0}, ["native"])):
        found, _ = await exchange.wait(known, who, worker, ["native"], 0, free=Resources(gpus=8), most=most)
        assert found == ready, most
    assert await takes(noop=0) == ["gpu"]
    with pytest.raises(InvalidInput) as refused:
        await exchange.exchange(known, who, worker, ExchangeRequest(most={"gpu": -1}, unable={"x" * 300: ("gpu",)}))
    assert [problem.path for problem in refused.value.problems] == ["most.gpu", f"unable.{'x' * 40}"]


async def test_an_elastic_worker_offers_what_it_cannot_start_yet_and_says_why_not(known: House) -> None:
    [job] = await jobs.create(known, CALLER, jobs_of("gpu"))

    async def sentence() -> str:
        _, explained = await why.job(known, CALLER, Ref.of(job.job_id))
        return explained.sentence

    await arrive(known, elastic=False)
    assert await sentence() == 'The engine "gpu" takes 1 GPU, and no connected worker has that.'
    who, worker = await arrive(known, elastic=True)
    state = await instances.known(known, who, worker)

    async def says(resources: Resources, **unable: tuple[str, ...]) -> None:
        state.changed_at = float("-inf")  # the last change was long ago
        await exchange.exchange(known, who, worker, ExchangeRequest(resources=resources, unable=unable))

    await says(Resources(cpus=2), full=("gpu",))
    assert await sentence() == 'No worker can start the engine "gpu" now: full.'
    [_, shown] = await workers.list_(known, CALLER)
    assert shown.resources == Resources(cpus=2)
    assert shown.engines == {"gpu", "noop"}
    another, other = await arrive(known, elastic=True)
    assert "next to start" in await sentence(), "another one can"
    await instances.terminate(known, another, other)
    await says(Resources(gpus=2))
    assert "next to start" in await sentence()


async def test_the_demand_is_what_the_worker_could_start(known: House) -> None:
    who, worker = await arrive(known, elastic=True)
    assert await instances.demand(known, who, worker, most=10) == {}
    await jobs.create(known, CALLER, jobs_of("gpu", "gpu", "gpu", "noop"))
    assert await instances.demand(known, who, worker, most=10) == {"gpu": 3, "noop": 1}
    assert await instances.demand(known, who, worker, most=2) == {"gpu": 2, "noop": 1}
    _, plain = await arrive(known, elastic=False)
    with pytest.raises(NotFound):
        await instances.demand(known, who, plain, most=10)
    root = make.principal(super_admin=True)
    only = await identity.authenticate(known, (await worker_tokens.create(known, root, engine_names=["noop"])).secret)
    arrival = await instances.register(known, only, name="c", slots={"native": 1}, specs=[GPU, NOOP], elastic=True)
    assert await instances.demand(known, only, arrival.state.instance.id, most=10) == {"noop": 1}


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
