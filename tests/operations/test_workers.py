"""Workers are known while they report, and a creation warns at once if no worker offers the engine."""

import pytest
from msgspec import structs
from tests import make

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.identity import Role
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.work import GONE_AFTER, REMEMBERED
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import engines, jobs, work, workers
from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database

CALLER = make.principal()
SLOTS = {"native": 4, "python": 2}


@pytest.fixture
async def ready(house: House) -> House:
    """A house that knows the engines of the builders."""
    specs = [structs.replace(spec, category_id=CATEGORIES[0].id) for spec in make.ENGINES.values()]
    await engines.register(house, specs, CATEGORIES)
    return house


async def last_seen(house: House, name: str, ago: int) -> None:
    """Moves the worker's last report this many µs back."""
    await house.database.write(lambda tx: tx.run("situation.worker_seen", name=name, ago=ago))


async def test_a_worker_is_there_from_its_first_beat_until_it_leaves(ready: House) -> None:
    await workers.beat(ready, name="a", pools=SLOTS, engines=["noop"])
    [before] = await workers.list_(ready, CALLER)
    await workers.beat(ready, name="a", pools=SLOTS, engines=["noop", "read"])
    [after] = await workers.list_(ready, CALLER)
    assert (after.name, after.pools, after.engines, after.connected) == ("a", SLOTS, frozenset({"noop", "read"}), True)
    assert (after.started_at, after.running) == (before.started_at, 0)
    assert after.seen_at > before.seen_at
    await workers.appear(ready, name="a", pools=SLOTS, engines=["noop"])
    [again] = await workers.list_(ready, CALLER)
    assert again.started_at > after.seen_at
    await workers.leave(ready, "a")
    assert await workers.list_(ready, CALLER) == []


async def test_what_is_leased_to_a_worker_is_counted(ready: House) -> None:
    await workers.beat(ready, name="a", pools=SLOTS, engines=["noop"])
    await workers.beat(ready, name="b", pools=SLOTS, engines=["noop"])
    await jobs.create(ready, CALLER, [make.independent(3)])
    await work.claim(ready, pool="native", limit=2, worker="b")
    assert {each.name: each.running for each in await workers.list_(ready, CALLER)} == {"a": 0, "b": 2}


async def test_one_that_fell_silent_is_gone_and_after_a_day_forgotten(ready: House, own_statements: None) -> None:
    await workers.beat(ready, name="silent", pools=SLOTS, engines=["noop"])
    await workers.beat(ready, name="there", pools=SLOTS, engines=["read"])
    await last_seen(ready, "silent", GONE_AFTER + 1_000_000)
    assert [(each.name, each.connected) for each in await workers.list_(ready, CALLER)] == [
        ("there", True),
        ("silent", False),
    ]
    await workers.look(ready)
    assert ready.presence.offered == frozenset({"read"})
    await last_seen(ready, "silent", REMEMBERED + 1_000_000)
    await workers.beat(ready, name="there", pools=SLOTS, engines=["read"])
    assert [each.name for each in await workers.list_(ready, CALLER)] == ["there"]


async def test_a_new_server_on_an_embedded_database_finds_nobody(ready: House) -> None:
    await workers.beat(ready, name="a", pools=SLOTS, engines=["noop"])
    await workers.clear(ready)
    assert await workers.list_(ready, CALLER) == []


async def test_who_has_no_slot_is_no_worker(ready: House) -> None:
    await workers.beat(ready, name="a", pools={"native": 0, "python": 0}, engines=[])
    assert await workers.list_(ready, CALLER) == []
    assert ready.presence.offered == frozenset()


async def test_names_are_for_administrators(ready: House) -> None:
    await workers.beat(ready, name="a", pools=SLOTS, engines=["noop"])
    for role in (Role.READER, Role.USER):
        [shown] = await workers.list_(ready, make.principal(role=role))
        assert (shown.name, shown.pools) == (None, SLOTS)
    [shown] = await workers.list_(ready, CALLER)
    assert shown.name == "a"


async def test_a_create_warns_of_an_engine_that_nobody_runs(ready: House) -> None:
    [unknown] = await jobs.create(ready, CALLER, [make.independent(1)])
    assert unknown.warnings == ()
    await workers.beat(ready, name="a", pools=SLOTS, engines=["ingest", "split", "stream"])
    standby = TaskRequest(engine_id="noop", standby=TaskRequest(engine_id="read"))
    created = await jobs.create(ready, CALLER, [make.chain(2), JobRequest(tasks=(standby,), prefix="jobs[1].")])
    assert [each.warnings for each in created] == [
        (),
        (
            'jobs[1].tasks[0]: no worker for engine "noop" is connected; the task will wait.',
            'jobs[1].tasks[0].standbyTask: no worker for engine "read" is connected; the task will wait.',
        ),
    ]
    await workers.beat(ready, name="b", pools=SLOTS, engines=["noop", "read"])
    [served] = await jobs.create(ready, CALLER, [JobRequest(tasks=(standby,))])
    assert served.warnings == ()


@pytest.mark.parametrize("state", ["paused", "disabled"])
async def test_a_create_warns_of_an_engine_that_is_stopped(ready: House, own_statements: None, state: str) -> None:
    await ready.database.write(lambda tx: tx.run("situation.engine_state", id="noop", state=state))
    await engines.refresh(ready)
    [created] = await jobs.create(ready, CALLER, [make.independent(1)])
    assert created.warnings == (f'tasks[0]: engine "noop" is {state}; the task will wait.',)


async def test_what_another_server_has_paused_is_known_at_the_next_beat(
    postgres_database: Database, store: DiskStore, own_statements: None
) -> None:
    here, there = House.build(postgres_database, store), House.build(postgres_database, store)
    specs = [structs.replace(spec, category_id=CATEGORIES[0].id) for spec in make.ENGINES.values()]
    await engines.register(here, specs, CATEGORIES)
    await workers.beat(there, name="there", pools=SLOTS, engines=["noop"])
    await there.database.write(lambda tx: tx.run("situation.engine_state", id="noop", state="paused"))
    await workers.beat(here, name="here", pools=SLOTS, engines=["noop"])
    [created] = await jobs.create(here, CALLER, [make.independent(1)])
    assert created.warnings == ('tasks[0]: engine "noop" is paused; the task will wait.',)
