"""A push on one server whose item runs on another, over PostgreSQL."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests import make
from tests.postgres import FSYNC

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.engine import EngineCategory
from enginehouse.domain.job import JobRequest, RouteRequest, TaskRequest
from enginehouse.domain.spelling import REST
from enginehouse.domain.work import Done, NewArtifact, Report
from enginehouse.operations import engines, identity, jobs, pushes, work
from enginehouse.operations.first_start import first_start
from enginehouse.operations.house import House
from enginehouse.storage.database.postgres import PostgresDatabase

NEVER = 3_600.0


@pytest.fixture
async def houses(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[list[House]]:
    """Yields the houses of two servers on the same database and the same store."""
    async with AsyncExitStack() as closing:
        store = DiskStore(tmp_path / "store")
        closing.callback(store.close)
        made = []
        for _ in range(2):
            database = await PostgresDatabase.open(
                postgres_dsn, writers=1, readers=1, allow_unsafe_durability=FSYNC == "off"
            )
            closing.push_async_callback(database.close)
            made.append(House.build(database, store))
            closing.push_async_callback(made[-1].push_waits.close)
        yield made


async def test_the_result_of_an_item_that_ran_elsewhere_wakes_the_client(houses: list[House]) -> None:
    here, there = houses
    here.push_waits._every = NEVER  # only the notification can wake it
    first = await first_start(here, init_token="a")
    principal = await identity.authenticate(here, "a")
    assert first is not None
    specs = [make.spec("00000000-0000-4000-8000-0000000000e1", slug="read")]
    for house in houses:
        await engines.register(house, specs, [EngineCategory("test", "Test", "Cognition")])
    task = TaskRequest(engine_id=specs[0].id, folders=(make.folder("i", "chunk", "input"),))
    route = RouteRequest(child_folder="i", endpoint=make.ENDPOINT, sync=True, sync_seconds=60)
    await jobs.create(here, principal, [JobRequest(tasks=(task,), routes=(route,), spelling=REST)])

    async def body() -> AsyncIterator[bytes]:
        yield b"hello"

    answer = await pushes.push(here, principal, make.ENDPOINT, body(), content_type="text/plain", headers={}, key=None)
    waiting = asyncio.create_task(pushes.result(here, principal, answer.pushed))
    [lease] = await work.claim(there, pool="native", limit=1, worker="there")
    [chunk] = await work.inputs(there, lease)
    content = (await there.store.read(chunk.key)).upper()
    await there.store.put("made", content)
    output = NewArtifact(
        folder=-1, part=0, index=0, name="o", media_type="text/plain", size=len(content),
        sha256=hashlib.sha256(content).hexdigest(), key="made",
    )  # fmt: skip
    await work.finish(there, Report(lease.key, lease.token, Done((output,))))
    found = await waiting
    assert found is not None
    artifact, stored = found
    assert artifact.name == "o"
    assert b"".join([piece async for piece in stored.stream()]) == b"HELLO"
