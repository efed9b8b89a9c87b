"""What the requests of many clients and attempts share: portions of work, and reads of inputs."""

import asyncio

import pytest
from tests import make

from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.work import Done, Lease, Report
from enginehouse.operations import batches, jobs, work
from enginehouse.operations.house import House
from enginehouse.storage.database.batcher import LARGEST


async def test_portions_are_small_while_clients_create(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("enginehouse.storage.database.batcher.perf_counter", lambda: now)
    portion = ready.finishes.largest
    assert portion() == LARGEST
    await jobs.create(ready, make.principal(), [make.independent(1)])
    await ready.creates.close()  # the batch has ended
    assert portion() == batches.WHILE_CREATING
    now += 2 * batches.PAUSE
    assert portion() == LARGEST


async def test_portions_are_smaller_beside_many_creations_if_one_writer_stores_both(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enginehouse.storage.database.batcher.perf_counter", lambda: 100.0)

    async def together(number: int) -> int:
        await asyncio.gather(*(jobs.create(ready, make.principal(), [make.independent(1)]) for _ in range(number)))
        return ready.finishes.largest()

    one_writer = ready.database.dialect == "sqlite"
    assert await together(9) == (batches.AMONG_MANY if one_writer else batches.WHILE_CREATING)  # one, and the others
    assert await together(2) == batches.WHILE_CREATING


async def test_portions_are_small_as_long_as_a_creation_takes(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[int]()
    plural = ready.creates._plural

    async def slow(creations: list[object]) -> object:
        seen.append(ready.finishes.largest())
        return await plural(creations)  # type: ignore[arg-type]

    monkeypatch.setattr(ready.creates, "_plural", slow)
    await jobs.create(ready, make.principal(), [make.independent(1)])
    assert seen == [batches.WHILE_CREATING]


async def test_attempts_read_their_inputs_together(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await jobs.create(ready, make.principal(), [_two_readers()] * 2)
    for outputs, root in enumerate(await _claim(ready), start=2):
        await work.finish(ready, Report(root.key, root.token, Done(make.outputs(0, outputs))))
    readers = await _claim(ready)
    reads = list[object]()
    for name in ("read", "glance"):

        async def counted(of: object, read: object = getattr(ready.database, name)) -> object:
            reads.append(of)
            return await read(of)  # type: ignore[operator]

        monkeypatch.setattr(ready.database, name, counted)
    found = await asyncio.gather(*(work.inputs(ready, lease) for lease in readers))
    assert len(reads) == 1
    got = {
        (lease.key.job_id, lease.key.ordinal): [one.index for one in of]
        for lease, of in zip(readers, found, strict=True)
    }
    first, second = sorted({job_id for job_id, _ in got})
    assert got == {(first, 1): [0, 1], (first, 2): [0, 1], (second, 1): [0, 1, 2], (second, 2): [0, 1, 2]}
    assert {one.job_id == lease.key.job_id for lease, of in zip(readers, found, strict=True) for one in of} == {True}


def _two_readers() -> JobRequest:
    root = TaskRequest(engine_id="ingest", folders=(make.folder("out", "stream", "output"),))
    readers = [TaskRequest(engine_id="stream", folders=(make.folder(f"in{n}", "stream", "input"),)) for n in range(2)]
    return JobRequest(tasks=(root, *readers), routes=tuple(make.route("out", f"in{n}") for n in range(2)))


async def _claim(house: House) -> list[Lease]:
    leases = await work.claim(house, pool="native", limit=100, worker="w")
    return sorted(leases, key=lambda lease: lease.key)
