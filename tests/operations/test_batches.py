"""The work of a server goes in small portions while clients create jobs, and in large ones otherwise."""

import pytest
from tests import make

from enginehouse.operations import batches, jobs
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


async def test_portions_are_small_as_long_as_a_creation_takes(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[int]()
    plural = ready.creates._plural

    async def slow(creations: list[object]) -> object:
        seen.append(ready.finishes.largest())
        return await plural(creations)  # type: ignore[arg-type]

    monkeypatch.setattr(ready.creates, "_plural", slow)
    await jobs.create(ready, make.principal(), [make.independent(1)])
    assert seen == [batches.WHILE_CREATING]
