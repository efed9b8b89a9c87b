"""Results of a job are assets of its target, from the commit that accepts them, and once."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from msgspec import structs
from tests import make
from tests.storage.working import Worker

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.artifact import Artifact, Asset, AssetFilter
from enginehouse.domain.engine import EngineCategory
from enginehouse.domain.job import JobRequest, TargetRequest
from enginehouse.domain.work import Accepted, Done, Lease, NewArtifact, Report
from enginehouse.operations.house import House
from enginehouse.storage import artifacts, assets, engines, targets
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import cancellation
from enginehouse.storage.jobs.new_jobs import NewJob
from enginehouse.storage.targets import NewTarget
from enginehouse.storage.work import reports

ROUNDS = 40
KINDS = {"noop": "Cognition", "ingest": "Ingestion", "read": "Cognition", "write": "Aggregator"}


@pytest.fixture
async def worker(database: Database, own_statements: None, tmp_path: Path) -> AsyncIterator[Worker]:
    async def engines_exist(tx: Tx) -> None:
        for name in ("First", "Second"):
            await stored_organizations.create_organization(tx, name=name, application_id=name, default_retries=None)
        categories = [EngineCategory(kind, kind, kind) for kind in set(KINDS.values())]
        specs = [structs.replace(make.ENGINES[one], category_id=kind) for one, kind in KINDS.items()]
        await engines.register(tx, specs, categories)

    await database.write(engines_exist)
    store = DiskStore(tmp_path / "store")
    yield Worker(House.build(database, store))
    store.close()


async def new_target(worker: Worker, organization_id: int = 1, **fields: object) -> int:
    async def insert(tx: Tx) -> int:
        request = TargetRequest(**fields)  # type: ignore[arg-type]
        row = NewTarget(id=await targets.reserve(tx), organization_id=organization_id, created_by=None, request=request)
        [target] = await targets.insert(tx, [row])
        return target.id

    return await worker.database.write(insert)


async def kept(worker: Worker, target_id: int) -> list[Asset]:
    criteria = AssetFilter(descending=False, limit=1000)
    pages = await worker.database.read(lambda tx: assets.pages(tx, 1, [target_id], criteria))
    return pages.get(target_id, [])


def document(lease: Lease, folder: int = -1, media_type: str = "application/json") -> NewArtifact:
    key = f"jobs/1/{lease.key.job_id}/{lease.key.ordinal}/{lease.token}/{lease.key.item}-{folder}"
    return structs.replace(make.outputs(folder, 1)[0], key=key, media_type=media_type)


def one_task(target_id: int | None, engine: str = "noop") -> NewJob:
    request = JobRequest(tasks=(structs.replace(make.independent(1).tasks[0], engine_id=engine),))
    return make.new_job(request, target_id=target_id)


async def finished(worker: Worker, new: NewJob, outputs: Sequence[tuple[int, str]]) -> Lease:
    await worker.create(new)
    [lease] = await worker.claim()
    await worker.finish(lease, Done(tuple(document(lease, *each) for each in outputs)))
    return lease


async def stop(worker: Worker, job_id: int) -> None:
    await worker.database.write_work(lambda tx: cancellation.cancel(tx, [(job_id, 1)], include_running=True))


async def finish_all(worker: Worker, leases: Sequence[Lease]) -> None:
    told = [Report(lease.key, lease.token, Done((document(lease),))) for lease in leases]
    await worker.database.write_work(lambda tx: reports.finish(tx, worker.plans, told))


async def output(worker: Worker, lease: Lease) -> Artifact | None:
    outputs = await worker.database.read(
        lambda tx: artifacts.of_task(tx, 1, lease.key.job_id, ordinal=lease.key.ordinal)
    )
    return outputs[0] if outputs else None


@pytest.mark.parametrize(
    ("engine", "outputs", "types"),
    [
        ("noop", [(-1, "application/json")], ["vtn-standard"]),
        ("write", [(-1, "application/vnd.veritone.aion+json")], ["vtn-standard"]),
        ("noop", [(-1, "text/plain")], ["text"]),
        ("noop", [(-1, "video/mp4")], ["media"]),
        ("noop", [(-1, "application/zip")], ["x-output"]),
        ("ingest", [(-1, "application/json")], []),  # it only brings data in
        ("noop", [(3, "application/json")], ["vtn-standard"]),  # a folder that no task reads
        ("noop", [(3, "video/mp4")], []),
    ],
)
async def test_what_an_engine_makes_of_a_target_is_an_asset_of_it(
    worker: Worker, engine: str, outputs: list[tuple[int, str]], types: list[str]
) -> None:
    target = await new_target(worker)
    lease = await finished(worker, one_task(target, engine), outputs)
    found = await kept(worker, target)
    assert [one.asset_type for one in found] == types
    for one in found:
        assert (one.job_id, one.ordinal, one.engine_id) == (lease.key.job_id, 0, engine)
        made = await output(worker, lease)
        assert made is not None
        assert (one.key, one.size, one.sha256, one.name) == (made.key, made.size, made.sha256, made.name)


async def test_the_writer_makes_the_asset_of_what_the_readers_said(worker: Worker) -> None:
    target = await new_target(worker)
    await worker.create(make.new_job(make.fan_out(2), target_id=target))
    await worker.work_off()
    [one] = await kept(worker, target)
    assert (one.ordinal, one.engine_id) == (4, "write")


async def test_a_job_without_its_own_target_makes_none(worker: Worker) -> None:
    foreign, gone = await new_target(worker, 2, is_public=True), await new_target(worker)
    await worker.database.write(lambda tx: targets.delete(tx, 1, gone))
    for target_id in (None, foreign, gone):
        lease = await finished(worker, one_task(target_id), [(-1, "application/json")])
        assert await output(worker, lease) is not None
    rows = await worker.database.read(lambda tx: tx.all("files.count"))
    assert rows == [(3,)]  # the three outputs, no asset


async def test_a_whole_retry_makes_its_own_asset_and_a_reused_result_none(worker: Worker) -> None:
    target = await new_target(worker)
    [old] = await worker.create(make.new_job(make.independent(2), target_id=target))
    await worker.work_off(fails=lambda lease: lease.key.ordinal == 1)
    [first] = await kept(worker, target)
    new = await worker.retry_failed(old)
    await worker.work_off()
    assert [(one.job_id, one.ordinal) for one in await kept(worker, target)] == [(old, 0), (new, 1)]
    whole = await worker.retry_whole(old)
    await worker.work_off()
    assert {(one.job_id, one.ordinal) for one in await kept(worker, target)} == {
        (old, 0), (new, 1), (whole, 0), (whole, 1)
    }  # fmt: skip
    # The jobs are deleted; the bytes of the assets stay.
    keys = {one.key for one in await kept(worker, target)}
    assert first.key in keys
    assert not keys & set(await worker.delete(old, new, whole))
    gone = await worker.database.write(lambda tx: assets.delete_of_target(tx, 1, target))
    assert set(gone) == keys


async def test_an_asset_is_deleted_and_the_output_keeps_the_bytes(worker: Worker) -> None:
    target = await new_target(worker)
    lease = await finished(worker, one_task(target), [(-1, "application/json")])
    [one] = await kept(worker, target)
    assert await worker.database.write(lambda tx: assets.delete(tx, 2, target, one.id)) is None
    assert await worker.database.write(lambda tx: assets.delete(tx, 1, target, one.id)) == []
    assert await kept(worker, target) == []
    assert await worker.delete(lease.key.job_id) == [one.key]


async def test_the_job_is_deleted_first_and_then_the_asset_takes_the_bytes(worker: Worker) -> None:
    target = await new_target(worker)
    lease = await finished(worker, one_task(target), [(-1, "application/json")])
    [one] = await kept(worker, target)
    assert await worker.delete(lease.key.job_id) == []
    assert await worker.database.write(lambda tx: assets.delete(tx, 1, target, one.id)) == [one.key]


async def test_a_deleted_target_takes_the_bytes_of_results_and_the_outputs_say_so(worker: Worker) -> None:
    target = await new_target(worker)
    lease = await finished(worker, one_task(target), [(-1, "application/json")])
    [one] = await kept(worker, target)
    assert await worker.database.write(lambda tx: assets.delete_of_target(tx, 1, target)) == [one.key]
    made = await output(worker, lease)
    assert made is not None
    assert made.bytes_deleted_at is not None
    assert await worker.delete(lease.key.job_id) == []


async def test_the_result_of_one_lease_is_reported_twice_at_once(worker: Worker) -> None:
    target = await new_target(worker)
    for _ in range(ROUNDS):
        await worker.create(one_task(target))
        [lease] = await worker.claim()
        outcome = Done((document(lease),))
        answers = await asyncio.gather(*(worker.finish(lease, outcome) for _ in range(3)))
        assert sum(isinstance(answer, Accepted) for answer in answers) == 1
    assert len({one.job_id for one in await kept(worker, target)}) == len(await kept(worker, target)) == ROUNDS


async def test_a_result_against_a_cancel_is_an_asset_exactly_if_it_was_accepted(worker: Worker) -> None:
    target, chance = await new_target(worker), random.Random(7)
    for _ in range(ROUNDS):
        [job_id] = await worker.create(one_task(target))
        [lease] = await worker.claim()
        both = [worker.finish(lease, Done((document(lease),))), stop(worker, job_id)]
        if chance.random() < 0.5:
            both.reverse()
        answers = await asyncio.gather(*both)
        accepted = any(isinstance(answer, Accepted) for answer in answers)
        assert [one.job_id for one in await kept(worker, target)].count(job_id) == accepted


async def test_a_result_against_the_deletion_of_its_target_leaves_no_row_without_bytes(worker: Worker) -> None:
    for _ in range(ROUNDS):
        target = await new_target(worker)
        await worker.create(one_task(target))
        [lease] = await worker.claim()

        async def delete(tx: Tx, target: int = target) -> list[str]:
            await targets.lock(tx, 1, target)
            keys = await assets.delete_of_target(tx, 1, target)
            await targets.delete(tx, 1, target)
            return keys

        _, keys = await asyncio.gather(worker.finish(lease, Done((document(lease),))), worker.database.write(delete))
        made = await output(worker, lease)
        assert made is not None
        assert (made.bytes_deleted_at is not None) == (made.key in keys)


async def test_two_batches_with_the_same_targets_do_not_wait_for_each_other_forever(worker: Worker) -> None:
    both = [await new_target(worker), await new_target(worker)]
    for _ in range(ROUNDS):
        await worker.create(*(one_task(target) for target in (*both, *both)))
        leases = await worker.claim()
        reports = [finish_all(worker, leases[:2]), finish_all(worker, leases[:1:-1])]
        await asyncio.gather(*reports)
    assert [len(await kept(worker, target)) for target in both] == [2 * ROUNDS, 2 * ROUNDS]
