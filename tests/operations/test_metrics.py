"""The numbers for the operator: what may start now and what only waits, the slots, the jobs, and their bounds."""

from collections.abc import Mapping

import pytest
from msgspec import structs
from tests import make

from enginehouse.domain.resources import Resources
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import GONE_AFTER, Failed, Report
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import engines, jobs, limits, metrics, work, worker_drains, workers
from enginehouse.operations.house import House
from enginehouse.operations.metrics import EngineLabels, SlotLabels

ROOT, STRANGER = make.principal(super_admin=True), make.principal(organization_id=2)
NOOP = EngineLabels("native", "noop", "")


def counted(numbers: Mapping[EngineLabels, int]) -> dict[str, int]:
    """Returns the numbers that are not 0, by engine."""
    return {labels.engine: number for labels, number in numbers.items() if number}


async def test_every_engine_has_a_number_also_if_nothing_waits_for_it(ready: House) -> None:
    gpu = make.spec("gpu", slug="on-a-gpu", resources=Resources(cpus=2, gpus=0.5, labels={"speech": 1}))
    await engines.register(ready, [structs.replace(gpu, category_id=CATEGORIES[0].id)], CATEGORIES)
    seen = await metrics.look(ready)
    assert seen.runnable[NOOP] == seen.waiting[NOOP] == 0
    assert EngineLabels("native", "on-a-gpu", "cpus=2,gpus=0.5,speech=1") in seen.runnable
    assert len(seen.runnable) == len(make.ENGINES) + 1
    assert set(seen.jobs) == {"pending", "queued", "running", "complete", "failed", "aborted"}


async def test_what_waits_is_told_from_what_may_start(ready: House) -> None:
    await jobs.create(ready, ROOT, [make.independent(3)])
    await jobs.create(ready, STRANGER, [make.independent(2), make.chain(2)])
    seen = await metrics.look(ready)
    assert counted(seen.waiting) == counted(seen.runnable) == {"noop": 5, "ingest": 1}
    assert (seen.jobs["pending"], counted(seen.running)) == (3, {})
    await limits.pause_organization(ready, STRANGER)
    seen = await metrics.look(ready)
    assert (counted(seen.waiting), counted(seen.runnable)) == ({"noop": 5, "ingest": 1}, {"noop": 3})
    await limits.resume_organization(ready, STRANGER)
    await limits.pause_engine(ready, ROOT, "ingest")
    await limits.limit_engine(ready, ROOT, "noop", 4)
    [lease] = await work.claim(ready, pool="native", limit=1, worker="w")
    seen = await metrics.look(ready)
    assert counted(seen.waiting) == {"noop": 4, "ingest": 1}
    assert counted(seen.runnable) == {"noop": 3}, "one of the four runs"
    assert counted(seen.running) == {"noop": 1}
    await work.finish(
        ready, Report(lease.key, lease.token, Failed(FailureKind.RATE_LIMITED, "later", retry_after=60.0))
    )
    seen = await metrics.look(ready)
    assert (seen.waiting[NOOP], seen.runnable[NOOP]) == (5, 4), "the limit leaves all that need not wait"
    await limits.limit_engine(ready, ROOT, "noop", None)
    assert (await metrics.look(ready)).runnable[NOOP] == 4, "one waits for its next try"


async def test_the_limit_of_an_organization_counts_for_all_its_engines_together(ready: House) -> None:
    await jobs.create(ready, ROOT, [make.independent(3), make.chain(1), make.chain(1)])
    await limits.set_organization(ready, ROOT, None, running_limit=4)
    seen = await metrics.look(ready)
    assert counted(seen.waiting) == {"noop": 3, "ingest": 2}
    assert sum(seen.runnable.values()) == 4


async def test_slots_of_connected_workers_are_busy_or_free(ready: House, own_statements: None) -> None:
    await jobs.create(ready, ROOT, [make.independent(6)])
    for name, slots in (("a:1", 2), ("b:1", 3), ("gone:1", 50)):
        await workers.beat(ready, name=name, pools={"native": slots, "python": 1}, engines=["noop"])
    await ready.database.write(lambda tx: tx.run("situation.worker_seen", name="gone:1", ago=GONE_AFTER + 1_000_000))
    await work.claim(ready, pool="native", limit=3, worker="a:1")
    seen = await metrics.look(ready)
    assert seen.workers == {"active": 2, "drained": 0}
    assert seen.slots[SlotLabels("native", "busy")] == 2, "one lease is ahead of the slots"
    assert seen.slots[SlotLabels("native", "free")] == 3
    assert seen.slots[SlotLabels("python", "free")] == 2
    await worker_drains.drain(ready, ROOT, workers.worker_id("b:1"))
    seen = await metrics.look(ready)
    assert seen.workers == {"active": 1, "drained": 1}
    assert seen.slots[SlotLabels("native", "free")] == 0, "a drained worker takes nothing"


async def test_numbers_and_their_labels_are_bounded(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await jobs.create(ready, ROOT, [make.independent(5), make.chain(1)])
    monkeypatch.setattr(metrics, "MOST_COUNTED", 4)
    assert counted((await metrics.look(ready)).runnable) == {"noop": 4, "ingest": 1}
    monkeypatch.setattr(metrics, "MOST_ENGINES", 1)
    seen = await metrics.look(ready)
    assert seen.runnable == {NOOP: 4, EngineLabels("native", "other", ""): 1}
