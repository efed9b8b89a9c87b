"""Pushes into jobs, on both databases: what must be true after each."""

from collections.abc import AsyncIterator

import pytest
from tests import make
from tests.storage.verbs import Verbs

from enginehouse.domain.artifact import pushed_folder
from enginehouse.domain.errors import EndpointClosed, InvalidInput, NotFound
from enginehouse.domain.ids import task_graphql
from enginehouse.domain.job import JobRequest, RouteRequest, TaskRequest
from enginehouse.domain.planning.additions import Addition
from enginehouse.domain.pushes import NewPush, Pushed, PushResult, PushWait
from enginehouse.domain.spelling import REST
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Lease
from enginehouse.storage import artifacts, consistency
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import JobRange
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import additions, deletion
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.pushes import pushes, results
from enginehouse.storage.work import task_statuses
from enginehouse.storage.work.task_statuses import NamedTask, StatusesOutcome

PENDING, QUEUED, RUNNING = TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.RUNNING
COMPLETE, FAILED, ABORTED = TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.ABORTED
OTHER = "7a1c9a3e-0000-4000-8000-00000000000b"
FOREIGN = 2


class Bench(Verbs):
    """The verbs, and pushes."""

    async def push(self, new: NewPush | None = None, *, plans: Plans | None = None) -> Pushed:
        pushed, plans = new or make.new_push(), self.plans if plans is None else plans
        return await self.database.write_work(lambda tx: pushes.push(tx, plans, pushed))

    async def wait(self, wait: PushWait | None) -> PushResult | None:
        assert wait is not None
        found = await self.database.read(lambda tx: results.ended(tx, [(make.ORGANIZATION, wait)]))
        return found.get(wait)

    async def close(self, job_id: int, *ordinals: int) -> StatusesOutcome:
        named = [NamedTask(job_id, n, f"taskIDs[{k}]", f"t{n}") for k, n in enumerate(ordinals)]
        return await self.database.write_work(lambda tx: task_statuses.close(tx, self.plans, make.ORGANIZATION, named))

    async def put_back(self, job_id: int, ordinal: int) -> StatusesOutcome:
        named = [NamedTask(job_id, ordinal, "taskIDs[0]", "t")]
        return await self.database.write_work(
            lambda tx: task_statuses.put_back(tx, self.plans, make.ORGANIZATION, named)
        )

    async def abort(self, job_id: int, ordinal: int) -> StatusesOutcome:
        named = [NamedTask(job_id, ordinal, "taskIDs[0]", "t")]
        return await self.database.write_work(lambda tx: task_statuses.abort(tx, self.plans, make.ORGANIZATION, named))

    async def read(self, lease: Lease) -> str:
        """The key of what the item reads."""
        source = lease.source
        place = (lease.key.job_id, source.ordinal, source.output_folder, source.item, source.part)
        found = await self.database.read(lambda tx: artifacts.input_(tx, *place))
        assert found is not None
        return found.key


@pytest.fixture
async def bench(database: Database, own_statements: None) -> Bench:
    return Bench(database)


@pytest.fixture(autouse=True)
async def consistent(bench: Bench) -> AsyncIterator[None]:
    """Every job of every test agrees with its tasks in the end."""
    yield
    _, found = await bench.database.read(consistency.check_jobs)
    assert found == []


@pytest.mark.parametrize("adapter", [True, False], ids=["adapter", "root-route"])
async def test_each_push_is_an_item_and_the_job_ends_when_it_is_closed(bench: Bench, adapter: bool) -> None:
    [job_id] = await bench.create(make.new_job(make.pushed(adapter=adapter)))
    holder = 2 if adapter else 0
    assert await bench.claim() == []
    assert (await bench.statuses(job_id))[0] is JobStatus.PENDING
    for n in range(3):
        assert (await bench.push(make.new_push(str(n)))).job_ids == (job_id,)
    leases = await bench.claim()
    assert [await bench.read(lease) for lease in leases] == ["p0", "p1", "p2"]
    for lease in leases:
        await bench.done(lease, make.outputs(1, 1))
    second = await bench.claim()
    assert make.ordinals(second) == [1, 1, 1]
    for lease in second:
        await bench.done(lease)
    status, tasks = await bench.statuses(job_id)
    assert (status, tasks[:2]) == (JobStatus.RUNNING, [RUNNING, RUNNING])
    await bench.push(make.new_push("late"))
    closed = await bench.close(job_id, holder)
    assert not closed.ended
    with pytest.raises(EndpointClosed, match="takes no more pushes"):
        await bench.push()
    [last] = await bench.claim()
    assert await bench.read(last) == "plate"
    assert (await bench.done(last)).job_ended
    assert (await bench.statuses(job_id))[0] is JobStatus.COMPLETE
    with pytest.raises(EndpointClosed, match="is complete; content can no longer be pushed"):
        await bench.push()


@pytest.mark.parametrize("adapter", [True, False], ids=["adapter", "root-route"])
async def test_a_closed_job_without_a_push_is_complete(bench: Bench, adapter: bool) -> None:
    [job_id] = await bench.create(make.new_job(make.pushed(adapter=adapter)))
    assert (await bench.close(job_id, 2 if adapter else 0)).ended == (job_id,)
    assert (await bench.statuses(job_id))[0] is JobStatus.COMPLETE
    assert (await bench.close(job_id, 2 if adapter else 0)).tasks == ()  # once more changes nothing


async def test_only_a_task_that_waits_for_pushes_is_closed(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.pushed()))
    with pytest.raises(InvalidInput) as refused:
        await bench.close(job_id, 0, 1)
    assert [problem.path for problem in refused.value.problems] == ["taskIDs[0]", "taskIDs[1]"]
    await bench.abort(job_id, 2)
    with pytest.raises(InvalidInput, match="is aborted, and takes no pushes"):
        await bench.close(job_id, 2)


async def test_a_push_goes_to_every_route_of_the_organization_with_the_endpoint(bench: Bench) -> None:
    one, two = await bench.create(*(make.new_job(make.pushed(adapter=n > 0)) for n in range(2)))
    [foreign] = await bench.create(make.new_job(make.pushed(), organization_id=FOREIGN))
    [other] = await bench.create(make.new_job(make.pushed(endpoint=OTHER)))
    assert (await bench.push()).job_ids == (one, two)
    assert [lease.key.job_id for lease in await bench.claim()] == [one, two]
    assert (await bench.push(make.new_push(organization_id=FOREIGN))).job_ids == (foreign,)
    assert (await bench.push(make.new_push(endpoint=OTHER))).job_ids == (other,)


@pytest.mark.parametrize(("endpoint", "organization_id"), [(OTHER, make.ORGANIZATION), (make.ENDPOINT, FOREIGN)])
async def test_an_unknown_endpoint_and_a_foreign_one_are_not_found(
    bench: Bench, endpoint: str, organization_id: int
) -> None:
    await bench.create(make.new_job(make.pushed()))
    new = make.new_push(endpoint=endpoint, organization_id=organization_id)
    with pytest.raises(NotFound):
        await bench.push(new)
    with pytest.raises(NotFound):
        await bench.database.read(lambda tx: pushes.refuse_closed(tx, organization_id, endpoint))


async def test_a_folder_with_two_endpoints_numbers_all_pushes(bench: Bench) -> None:
    request = make.pushed(adapter=False)
    second = RouteRequest(child_folder="in1", endpoint=OTHER)
    [job_id] = await bench.create(make.new_job(JobRequest(tasks=request.tasks, routes=(*request.routes, second),
                                                          spelling=request.spelling)))  # fmt: skip
    for n in range(2):
        await bench.push(make.new_push(f"a{n}"))
        await bench.push(make.new_push(f"b{n}", endpoint=OTHER))
    assert [await bench.read(lease) for lease in await bench.claim()] == ["pa0", "pb0", "pa1", "pb1"]
    rows = await bench.database.read(lambda tx: artifacts.inputs(tx, [(job_id, 0, pushed_folder(0))]))
    assert [(row.item, row.index) for row in rows] == [(n, n) for n in range(4)]


async def test_fan_out_in_one_job_gives_each_child_the_chunk_once(bench: Bench) -> None:
    request = make.pushed(adapter=False)
    second = RouteRequest(child_folder="in2", endpoint=make.ENDPOINT)
    again = RouteRequest(child_folder="in1", endpoint=make.ENDPOINT)
    routes = (*request.routes, second, again)
    [job_id] = await bench.create(
        make.new_job(JobRequest(tasks=request.tasks, routes=routes, spelling=request.spelling))
    )
    assert (await bench.push()).job_ids == (job_id,)
    assert make.ordinals(await bench.claim()) == [0, 1]


async def test_a_push_to_a_cancelled_job_starts_nothing(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.pushed()))
    await bench.push()
    await bench.cancel(job_id)
    with pytest.raises(EndpointClosed, match="is cancelled; content can no longer be pushed"):
        await bench.push()
    with pytest.raises(EndpointClosed):
        await bench.database.read(lambda tx: pushes.refuse_closed(tx, make.ORGANIZATION, make.ENDPOINT))
    assert await bench.claim() == []


async def test_a_job_that_a_bulk_cancel_covers_takes_nothing(bench: Bench) -> None:
    await bench.create(make.new_job(make.pushed()))
    covered = JobRange(organization_id=make.ORGANIZATION, created_from=0, created_to=2**62)
    await bench.database.write(lambda tx: barriers.accept(tx, covered, include_running=False, created_by=None))
    with pytest.raises(EndpointClosed):
        await bench.push()


async def test_jobs_that_have_ended_are_passed_over_and_looked_at_once(bench: Bench) -> None:
    old, new = await bench.create(*(make.new_job(make.pushed()) for _ in range(2)))
    await bench.close(old, 2)
    assert (await bench.push()).job_ids == (new,)
    assert dict(await bench.rows("test.endpoints")) == {old: 0, new: 1}
    assert (await bench.push()).job_ids == (new,)


async def test_a_job_that_is_put_back_takes_pushes_again_and_works_on_the_earlier_ones(bench: Bench) -> None:
    job_id, other = await bench.create(*(make.new_job(make.pushed(adapter=False)) for _ in range(2)))
    await bench.push(make.new_push("0"))
    await bench.abort(job_id, 0)
    assert (await bench.statuses(job_id))[0] is JobStatus.FAILED
    assert (await bench.push(make.new_push("1"))).job_ids == (other,)
    await bench.put_back(job_id, 0)
    assert (await bench.push(make.new_push("2"))).job_ids == (job_id, other)
    mine = [lease for lease in await bench.claim() if lease.key.job_id == job_id]
    assert [await bench.read(lease) for lease in mine] == ["p0", "p2"]


async def test_a_failed_chunk_does_not_end_the_task(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.pushed()))
    await bench.push()
    [lease] = await bench.claim()
    await bench.fail(lease)
    await bench.push()
    [lease] = await bench.claim()
    await bench.done(lease)
    await bench.close(job_id, 2)
    job = await bench.job(job_id)
    assert job.status is JobStatus.COMPLETE
    assert (job.tasks[0].items, job.tasks[0].items_failed) == (2, 1)


async def test_what_was_pushed_is_no_output_and_goes_with_the_job(bench: Bench) -> None:
    job_id, other = await bench.create(*(make.new_job(make.pushed()) for _ in range(2)))
    await bench.push(make.new_push("shared"))
    outputs = await bench.database.read(lambda tx: artifacts.of_task(tx, make.ORGANIZATION, job_id, ordinal=0))
    assert outputs == ()

    async def delete(job: int) -> list[str] | None:
        return await bench.database.write_work(lambda tx: deletion.delete(tx, [job], organization_id=make.ORGANIZATION))

    assert await delete(job_id) == []  # the other job still reads the bytes
    assert (await bench.push()).job_ids == (other,)
    assert sorted(await delete(other) or ()) == ["p", "pshared"]
    with pytest.raises(NotFound):
        await bench.push()


async def test_a_task_that_gathers_gets_what_was_pushed_when_it_is_closed(bench: Bench) -> None:
    task = TaskRequest(engine_id="write", reference="w", folders=(make.folder("w-in", "chunk", "input"),))
    route = RouteRequest(child_folder="w-in", endpoint=make.ENDPOINT)
    request = JobRequest(tasks=(task,), routes=(route,), spelling=REST)
    [job_id] = await bench.create(make.new_job(request))
    await bench.push()
    assert await bench.claim() == []
    await bench.close(job_id, 0)
    [lease] = await bench.claim()
    assert (await bench.done(lease)).job_ended


async def test_a_route_with_an_endpoint_can_be_added(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    reader = TaskRequest(engine_id="read", reference="r", folders=(make.folder("r-in", "chunk", "input"),))
    new_route = make.new_route(job_id, None, "r", endpoint=OTHER)
    added: list[Addition] = [make.addition(job_id, reader), new_route]
    outcome = await bench.database.write_work(lambda tx: additions.add(tx, bench.plans, added, max_tasks=9))
    assert all(not isinstance(answer, Exception) for answer in outcome.answers)
    assert (await bench.push(make.new_push(endpoint=OTHER), plans=Plans())).job_ids == (job_id,)
    assert make.ordinals(await bench.claim()) == [0, 1]


async def test_what_is_pushed_has_its_turn_when_it_arrives(bench: Bench) -> None:
    await bench.create(make.new_job(make.pushed()))
    for _ in range(3):
        await bench.push()
    assert await bench.rows("test.turns") == [(0, 0), (1, 0), (2, 0)]


# -- results ------------------------------------------------------------------------------------------------


async def test_the_result_is_that_of_the_child(bench: Bench) -> None:
    await bench.create(make.new_job(make.pushed(sync=True, sync_seconds=7)))
    first, second = (await bench.push()).wait, (await bench.push()).wait
    assert first is not None
    assert first.seconds == 7
    assert await bench.wait(first) is None
    one, two = await bench.claim()
    await bench.done(two, make.outputs(1, 2))
    assert await bench.wait(first) is None
    found = await bench.wait(second)
    assert found is not None
    assert found.output is not None
    assert (found.output.item, found.output.part) == (1, 0)
    await bench.done(one)
    assert await bench.wait(first) == PushResult()  # it ended without an output


async def test_the_result_is_that_of_the_callback_route_further_down(bench: Bench) -> None:
    await bench.create(make.new_job(make.pushed(sync=True, callback=True)))
    waits = [(await bench.push()).wait for _ in range(3)]
    first = await bench.claim()
    for lease in reversed(first):
        await bench.done(lease, make.outputs(1, 1))
    assert [await bench.wait(wait) for wait in waits] == [None] * 3
    below = await bench.claim()
    assert make.ordinals(below) == [1, 1, 1]
    await bench.done(below[0], make.outputs(-1, 1))  # that of the last push, which was done first
    found = [await bench.wait(wait) for wait in waits]
    assert [result is not None for result in found] == [False, False, True]
    await bench.fail(below[1])
    failed = await bench.wait(waits[1])
    assert failed is not None
    assert failed.failure is not None
    assert failed.failure.endswith("failed (invalid_data): no")


async def test_a_wait_ends_with_the_job(bench: Bench) -> None:
    cancelled, deleted, aborted = await bench.create(
        *(make.new_job(make.pushed(sync=True, endpoint=f"{OTHER[:-1]}{n}")) for n in range(3))
    )
    waits = [(await bench.push(make.new_push(endpoint=f"{OTHER[:-1]}{n}"))).wait for n in range(3)]
    await bench.cancel(cancelled)
    await bench.database.write_work(lambda tx: deletion.delete(tx, [deleted], organization_id=make.ORGANIZATION))
    await bench.abort(aborted, 0)
    found = [await bench.wait(wait) for wait in waits]
    assert [result.failure if result else None for result in found] == [
        "The job was cancelled before there was a result.",
        "The job was deleted before there was a result.",
        f"Task {task_graphql(aborted, 0)} is aborted; it makes no result.",
    ]


async def test_a_client_of_another_organization_gets_no_result(bench: Bench) -> None:
    await bench.create(make.new_job(make.pushed(sync=True)))
    wait = (await bench.push()).wait
    [lease] = await bench.claim()
    await bench.done(lease, make.outputs(1, 1))
    await bench.done((await bench.claim())[0])
    assert wait is not None
    found = await bench.database.read(lambda tx: results.ended(tx, [(FOREIGN, wait)]))
    assert found[wait] == PushResult(failure="The job was deleted before there was a result.")
    assert (await bench.wait(wait)) != found[wait]


async def test_items_that_get_new_numbers_do_not_mix_up_results(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.pushed(sync=True, adapter=False)))
    first = (await bench.push()).wait
    await bench.abort(job_id, 0)
    await bench.put_back(job_id, 0)
    assert await bench.wait(first) == PushResult()
    second = (await bench.push()).wait
    one, two = await bench.claim()
    await bench.done(one, make.outputs(1, 1))
    assert await bench.wait(second) is None
    await bench.done(two, make.outputs(1, 1))
    assert (await bench.wait(second)) is not None


async def test_pushes_into_two_folders_of_a_task_do_not_mix_up_results(bench: Bench) -> None:
    folders = tuple(make.folder(name, "chunk", "input") for name in ("a", "b"))
    routes = (
        RouteRequest(child_folder="a", endpoint=make.ENDPOINT, sync=True),
        RouteRequest(child_folder="b", endpoint=OTHER),
    )
    task = TaskRequest(engine_id="read", folders=folders)
    await bench.create(make.new_job(JobRequest(tasks=(task,), routes=routes, spelling=REST)))
    wait = (await bench.push()).wait
    assert (await bench.push(make.new_push(endpoint=OTHER))).wait is None
    one, other = await bench.claim()
    await bench.done(other, make.outputs(-1, 1))
    assert await bench.wait(wait) is None
    await bench.done(one)
    assert await bench.wait(wait) == PushResult()


async def test_pushes_that_nobody_waits_for_leave_nothing_but_their_chunks(bench: Bench) -> None:
    await bench.create(make.new_job(make.pushed()))
    for _ in range(3):
        await bench.push()
    for lease in await bench.claim():
        await bench.done(lease, make.outputs(1, 1))
    assert await bench.rows("test.push_items") == []
