"""Engines over HTTP for workers elsewhere: whose they call, what they are told, and what they may say of one."""

import asyncio
from collections.abc import Sequence

import pytest
from tests import make
from tests.operations.remote import SPECS, Remote, holder

from enginehouse.domain.engine import EngineKind
from enginehouse.domain.engine_health import HealthEvent
from enginehouse.domain.errors import NotFound, StaleAttempt
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.work import Lease
from enginehouse.operations import (
    attempt_bytes,
    engine_addresses,
    engine_changes,
    engine_health,
    engine_loop,
    exchange,
    instances,
    jobs,
    remote_engines,
    task_tokens,
    workers,
)
from enginehouse.operations.engine_addresses import NewHttpEngine
from enginehouse.operations.exchange import LONGEST_WAIT, ExchangeRequest
from enginehouse.operations.house import House

ROOT, STRANGER = make.principal(super_admin=True), make.principal(organization_id=2)
WITHIN = 10.0  # seconds
LAB = {"lab": 1.0}


async def add(house: House, principal: Principal = ROOT, **more: object) -> str:
    """Returns the id of a new engine over HTTP."""
    fields = {"name": "over http", "url": "http://engine.example:8080", **more}
    made = await engine_addresses.add(house, principal, NewHttpEngine(**fields))  # type: ignore[arg-type]
    return made.id


async def caller(house: House, *, has: Resources = NOTHING, **scope: list[str]) -> Remote:
    """Returns a worker that calls engines over HTTP."""
    who = await holder(house, **scope)
    arrival = await instances.register(
        house, who, name="box", slots={"http": 4}, specs=[], resources=has, calls_engines=True
    )
    return Remote(house, who, arrival.state.instance.id)


async def offered(remote: Remote) -> frozenset[str]:
    """Returns the engines that the worker takes, as its next request finds."""
    return (await instances.known(remote.house, remote.who, remote.id)).offers


async def takes(remote: Remote) -> list[Lease]:
    said = ExchangeRequest(claims={"http": 4})
    return [lease for lease, _ in (await exchange.exchange(remote.house, remote.who, remote.id, said)).work]


async def create(house: House, principal: Principal, engine_ids: Sequence[str]) -> None:
    tasks = [TaskRequest(engine_id=engine_id) for engine_id in engine_ids]
    await jobs.create(house, principal, [JobRequest(tasks=(task,)) for task in tasks])


async def test_the_token_and_the_machine_decide_which_engines_a_worker_calls(ready: House) -> None:
    own, theirs, public = await add(ready), await add(ready, STRANGER), await add(ready, public=True)
    in_lab = await add(ready, needs=LAB)
    everything = await caller(ready, has=Resources(labels=LAB))
    assert await offered(everything) == {own, theirs, public, in_lab}
    assert await offered(await caller(ready)) == {own, theirs, public}
    assert await offered(await caller(ready, organizations=["2"])) == {theirs, public}
    assert await offered(await caller(ready, engines=[own])) == {own}
    await create(ready, ROOT, [own, in_lab])
    await create(ready, STRANGER, [theirs])
    second = await caller(ready, organizations=["2"])
    assert [lease.engine_id for lease in await takes(second)] == [theirs]
    assert {lease.engine_id for lease in await takes(everything)} == {own, in_lab}


async def test_engines_come_and_go_while_the_worker_is_there(ready: House) -> None:
    remote = await caller(ready)
    assert await offered(remote) == frozenset()
    added = await add(ready)
    assert await offered(remote) == {added}
    [shown] = [one for one in await workers.list_(ready, ROOT) if one.id == remote.id]
    assert shown.engines == {added}
    await create(ready, ROOT, [added])
    assert [lease.engine_id for lease in await takes(remote)] == [added]
    await engine_changes.delete(ready, ROOT, added)
    assert await offered(remote) == frozenset()


async def waiting(remote: Remote) -> "asyncio.Task[tuple[list[str], bool]]":
    """Returns the request of the worker that waits for work."""
    wait = asyncio.create_task(exchange.wait(remote.house, remote.who, remote.id, ["http"], LONGEST_WAIT))
    while not (remote.house.work_waits.waiting or wait.done()):  # noqa: ASYNC110 - it has no event for that
        await asyncio.sleep(0)
    return wait


async def test_a_worker_that_waits_learns_of_a_new_engine_at_once(ready: House) -> None:
    remote = await caller(ready)
    wait = await waiting(remote)
    added = await add(ready)
    assert await asyncio.wait_for(wait, WITHIN) == ([], False)
    wait = await waiting(remote)
    await create(ready, ROOT, [added])
    assert await asyncio.wait_for(wait, WITHIN) == (["http"], False)
    assert [lease.engine_id for lease in await takes(remote)] == [added]
    wait = await waiting(remote)
    await engine_changes.set_state(ready, ROOT, added, enabled=False)
    assert not wait.done()  # no worker calls another engine now
    ready.work_waits.end()
    await wait


async def test_a_worker_without_slots_for_them_and_a_toolkit_call_no_other_engine(ready: House) -> None:
    added, other = await add(ready), await add(ready)
    plain = await Remote.arrive(ready)
    assert await offered(plain) == {spec.id for spec in SPECS}
    who = await holder(ready)
    arrival = await engine_loop.register(ready, who, [("engineID", added)])
    toolkit = Remote(ready, who, arrival.state.instance.id)
    assert await offered(toolkit) == {added}
    assert other not in await offered(toolkit)


async def test_a_server_offers_only_the_engines_that_its_machine_has_room_for(ready: House) -> None:
    added, in_lab = await add(ready), await add(ready, needs=LAB)
    await workers.appear(ready, name="server/a:1", pools={EngineKind.HTTP: 1}, engines=[])
    [shown] = await workers.list_(ready, ROOT)
    assert shown.engines == {added}
    assert [ready.presence.offers(ready.catalogue.by_id[each]) for each in (added, in_lab)] == [True, False]
    probes, _ = await engine_health.take_due(ready, lambda spec: False)
    assert probes == []


async def test_what_a_worker_learns_of_its_engine_counts_for_all_and_of_others_nothing(ready: House) -> None:
    own, theirs = await add(ready), await add(ready, STRANGER)
    remote = await caller(ready, organizations=["1"])
    spec, health = await remote_engines.get(ready, remote.who, remote.id, own)
    assert (spec.id, health.on_trial) == (own, False)
    for engine_id in (theirs, "noop", "nothing"):
        with pytest.raises(NotFound):
            await remote_engines.get(ready, remote.who, remote.id, engine_id)
        with pytest.raises(NotFound):
            await remote_engines.record_health(
                ready, remote.who, remote.id, engine_id, HealthEvent.GIVEN_UP, "x", probed=False
            )
    await remote_engines.record_health(
        ready, remote.who, remote.id, own, HealthEvent.NOT_READY, "it sleeps", probed=False
    )
    await engine_health.record(ready, theirs, HealthEvent.NOT_READY, "it sleeps too", probed=False)
    assert (await engine_health.read(ready, own)).reason == "it sleeps"
    await ready.database.write(lambda tx: tx.run("engine_health.put", id=own, until=1, reason="x", probes=1))
    await ready.database.write(lambda tx: tx.run("engine_health.put", id=theirs, until=1, reason="x", probes=1))
    specs, _ = await remote_engines.due_probes(ready, remote.who, remote.id)
    assert [spec.id for spec in specs] == [own]


async def test_a_call_is_told_a_token_for_its_task_while_the_lease_is_held(ready: House) -> None:
    added, remote = await add(ready), await caller(ready)
    await create(ready, ROOT, [added])
    [lease] = await takes(remote)
    held = await attempt_bytes.lease(ready, remote.who, remote.id, lease.key, lease.token)
    token, _ = await task_tokens.of_attempt(ready, held)
    claims = await task_tokens.read(ready, token)
    assert claims is not None
    assert (claims.org, claims.job, claims.engine) == (1, lease.key.job_id, added)
    await jobs.cancel(ready, ROOT, Ref.of(lease.key.job_id), include_running=True)
    with pytest.raises(StaleAttempt):
        await attempt_bytes.lease(ready, remote.who, remote.id, lease.key, lease.token + 1)
