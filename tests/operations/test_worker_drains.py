"""A drained worker claims nothing from the commit of its drain on, also after a restart; the others take its work."""

import asyncio

import pytest
from tests import make

from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound
from enginehouse.domain.identity import Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.work import Done, Lease, Report, seat
from enginehouse.operations import jobs, why, work, worker_drains, workers
from enginehouse.operations.house import House
from enginehouse.operations.work import MICROS
from enginehouse.runtime.source import WorkerOffer
from enginehouse.server.in_process import InProcess

CHIEF = make.principal(super_admin=True)
CALLER = make.principal(role=Role.READER)
HERE, AGAIN, THERE = "server/host/0a1b2c:11", "server/host/0a1b2c:12", "server/host/ffffff:13"
ID = workers.worker_id
ROUNDS = 40


async def appear(house: House, *names: str) -> None:
    for name in names:
        await workers.appear(house, name=name, pools={"native": 4}, engines=["noop"])


async def claim(house: House, worker: str, limit: int = 1) -> list[Lease]:
    return await work.claim(house, pool="native", limit=limit, worker=worker)


async def create(house: House, count: int) -> list[int]:
    created = await jobs.create(house, CHIEF, [make.independent(1)] * count)
    return [one.job_id for one in created]


async def test_nothing_starts_on_it_and_what_runs_there_ends_as_usual(ready: House) -> None:
    await appear(ready, HERE, THERE)
    await create(ready, 3)
    [running] = await claim(ready, HERE)
    await worker_drains.drain(ready, CHIEF, ID(HERE), reason="hardware", detail="the fan")
    assert await claim(ready, HERE, 4) == []
    assert list(await work.heartbeat(ready, [(running.key, running.token)])) == [(running.key, running.token)]
    done = Report(running.key, running.token, Done(()))
    assert (await work.finish(ready, done)).job_ended
    assert len(await claim(ready, THERE)) == 1
    shown = {one.name: one.drain for one in await workers.list_(ready, make.principal())}
    assert shown[THERE] is None
    drain = shown[HERE]
    assert drain is not None
    assert (drain.seat, drain.reason, drain.detail) == (seat(HERE), "hardware", "the fan")
    await worker_drains.resume(ready, CHIEF, ID(HERE))
    assert len(await claim(ready, HERE)) == 1


async def test_it_stays_drained_when_it_is_started_again(ready: House) -> None:
    await appear(ready, HERE)
    await create(ready, 1)
    await worker_drains.drain(ready, CHIEF, ID(HERE))
    await workers.leave(ready, HERE)
    await workers.clear(ready)  # as the start of a server on an embedded database does
    await appear(ready, AGAIN)
    assert await claim(ready, AGAIN) == []
    [again] = await workers.list_(ready, CALLER)
    assert (again.id, again.drain is not None) == (ID(AGAIN), True)
    await worker_drains.resume(ready, CHIEF, ID(AGAIN))
    assert len(await claim(ready, AGAIN)) == 1


async def test_a_drained_server_does_not_look_for_work(ready: House) -> None:
    here, there = InProcess(ready), InProcess(ready)
    for source, name in ((here, HERE), (there, THERE)):
        await source.register(WorkerOffer(name=name, pools={"native": 1}, engines=["noop"]))
    await create(ready, 1)
    await worker_drains.drain(ready, CHIEF, ID(HERE))
    assert [await source.ready(pool="native") for source in (here, there)] == [False, True]
    await worker_drains.resume(ready, CHIEF, ID(HERE))
    assert await here.ready(pool="native")


async def test_a_task_says_that_it_waits_for_a_drained_worker(ready: House) -> None:
    await appear(ready, HERE)
    await worker_drains.drain(ready, CHIEF, ID(HERE))
    [created] = await jobs.create(ready, CHIEF, [make.independent(1)])
    assert [text.partition(": ")[2] for text in created.warnings] == [
        'no worker for engine "noop" is connected and takes work; the task will wait.'
    ]
    _, explained = await why.job(ready, CHIEF, Ref.of(created.job_id))
    assert explained.sentence == 'Every connected worker for the engine "noop" is drained.'
    await appear(ready, THERE)
    _, explained = await why.job(ready, CHIEF, Ref.of(created.job_id))
    assert "is drained" not in explained.sentence


async def test_a_claim_comes_before_the_drain_or_gets_nothing(ready: House) -> None:
    lease_micros, met = int(ready.limits.lease_seconds * MICROS), 0
    await appear(ready, HERE)
    for n in range(ROUNDS):
        await create(ready, 4)
        answered = asyncio.Event()

        async def keep_claiming(answered: asyncio.Event = answered) -> list[Lease]:
            leases = await claim(ready, HERE)
            while not answered.is_set():
                leases += await claim(ready, HERE)
            return leases + await claim(ready, HERE)

        claiming = [asyncio.create_task(keep_claiming()) for _ in range(2)]
        for _ in range(n):
            await asyncio.sleep(0)  # the drain comes at another moment in each round
        await worker_drains.drain(ready, CHIEF, ID(HERE))
        answered.set()
        leases = [lease for each in await asyncio.gather(*claiming) for lease in each]
        [worker] = await workers.list_(ready, CALLER)
        assert worker.drain is not None
        assert [one for one in leases if one.until - lease_micros > worker.drain.drained_at] == []
        met += 0 < len(leases) < 4
        await worker_drains.resume(ready, CHIEF, ID(HERE))
        leases += await claim(ready, HERE, 8)
        assert len(leases) == 4  # nothing was lost
        for lease in leases:
            await work.finish(ready, Report(lease.key, lease.token, Done(())))
    assert met, "no drain came between two claims: the race says nothing"


async def test_only_a_super_administrator_drains_and_only_what_is_there(ready: House) -> None:
    await appear(ready, HERE)
    for verb in (worker_drains.drain, worker_drains.resume):
        for role in Role:
            with pytest.raises(NotAllowed):
                await verb(ready, make.principal(role=role), ID(HERE))
        with pytest.raises(NotFound):
            await verb(ready, CHIEF, ID("nobody"))
    with pytest.raises(InvalidInput) as refused:
        await worker_drains.drain(ready, CHIEF, ID(HERE), reason="boredom", detail="d" * 10_000)
    assert [problem.path for problem in refused.value.problems] == ["detail", "reason"]
    await create(ready, 1)
    assert len(await claim(ready, HERE)) == 1


@pytest.mark.parametrize(
    ("name", "kept"), [("server/h/0a:7", "server/h/0a"), ("server/h/0a:8", "server/h/0a"), ("w", "w"), (":7", ":7")]
)
def test_a_seat_is_the_name_without_the_process(name: str, kept: str) -> None:
    assert seat(name) == kept
