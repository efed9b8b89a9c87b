"""Tasks and routes that are added to jobs under way, on both databases: what must be true after each."""

from collections.abc import AsyncIterator, Sequence

import pytest
from tests import make
from tests.storage.verbs import Verbs

from enginehouse.domain.errors import InvalidInput, NoMoreTasks, NotFound, Refusal
from enginehouse.domain.event import EventKind
from enginehouse.domain.ids import job_uuid, task_graphql
from enginehouse.domain.job import FolderRequest, JobRequest, TaskRequest
from enginehouse.domain.planning.additions import Addition
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Accepted
from enginehouse.storage import consistency, events, limits
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import JobRange
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import additions, cancellation, queries
from enginehouse.storage.jobs.additions import Added
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims

PENDING, RUNNING, COMPLETE, ABORTED = TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.COMPLETE, TaskStatus.ABORTED


class Bench(Verbs):
    """The verbs, and additions."""

    async def add(self, *new: Addition, plans: Plans | None = None, max_tasks: int = 100) -> Sequence[Added | Refusal]:
        plans = self.plans if plans is None else plans
        outcome = await self.database.write_work(lambda tx: additions.add(tx, plans, new, max_tasks=max_tasks))
        return outcome.answers

    async def added(self, new: Addition) -> int:
        [answer] = await self.add(new)
        assert isinstance(answer, Added), answer
        return answer.ordinal

    async def refused(self, new: Addition, kind: type[Refusal] = InvalidInput, max_tasks: int = 100) -> str:
        [answer] = await self.add(new, max_tasks=max_tasks)
        assert type(answer) is kind, answer
        return answer.message


@pytest.fixture
async def bench(database: Database, own_statements: None) -> Bench:
    return Bench(database)


@pytest.fixture(autouse=True)
async def consistent(bench: Bench) -> AsyncIterator[None]:
    """Every job of every test agrees with its tasks in the end."""
    yield
    _, found = await bench.database.read(consistency.check_jobs)
    assert found == []


def reads(mode: str, reference: str = "more") -> TaskRequest:
    engine = "stream" if mode == "stream" else "read"
    folders = (FolderRequest(reference=f"{reference}-in", mode=mode, type="input"),)
    return TaskRequest(engine_id=engine, reference=reference, folders=folders)


def named_chain(count: int) -> JobRequest:
    chain = make.chain(count)
    tasks = [
        TaskRequest(engine_id=t.engine_id, folders=t.folders, reference=f"t{n}") for n, t in enumerate(chain.tasks)
    ]
    return JobRequest(tasks=tuple(tasks), routes=chain.routes)


async def test_an_added_task_runs_and_the_job_ends_with_it(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    [first] = await bench.claim()
    assert await bench.added(make.addition(job_id)) == 1
    answer = await bench.done(first)
    assert isinstance(answer, Accepted)
    assert not answer.job_ended
    assert await bench.statuses(job_id) == (JobStatus.RUNNING, [COMPLETE, PENDING])
    [second] = await bench.claim()
    assert (await bench.done(second)).job_ended
    assert await bench.statuses(job_id) == (JobStatus.COMPLETE, [COMPLETE] * 2)
    assert await bench.counts() == {"complete": 1}


async def test_several_tasks_of_several_jobs_are_added_at_once_and_one_may_feed_another(bench: Bench) -> None:
    one, other = await bench.create(*(make.new_job(make.independent(1)) for _ in range(2)))
    given = f"{job_uuid(one)}"
    answers = await bench.add(
        make.addition(one, TaskRequest(engine_id="noop", reference=given), given_id=given, digest="d"),
        make.addition(other),
        make.addition(one, "stream", parent=given),
        make.addition(one, "stream", parent="nobody"),
    )
    assert [(a.job_id, a.ordinal) for a in answers if isinstance(a, Added)] == [(one, 1), (other, 1), (one, 2)]
    assert isinstance(answers[3], InvalidInput)
    assert answers[3].code == "not_found"
    assert make.ordinals(await bench.claim()) == [0, 0, 1, 1]


async def test_a_parent_that_runs_holds_its_new_child_and_gives_it_its_output(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.chain(2)))
    [first] = await bench.claim()
    child = await bench.added(make.addition(job_id, "stream", parent=task_graphql(job_id, 0)))
    assert await bench.claim() == []
    await bench.done(first, make.outputs(0, 1))
    leases = await bench.claim()
    assert make.ordinals(leases) == [1, child]
    route = leases[1].plan.routes[-1]
    assert (route.parent, route.parent_folder, route.child, route.child_folder) == (0, 0, child, 0)


@pytest.mark.parametrize("again", [False, True], ids=["chunks-visible", "chunks-to-come"])
async def test_chunks_of_a_parent_are_items_of_its_new_child(bench: Bench, again: bool) -> None:
    [job_id] = await bench.create(make.new_job(make.fan_out(1)))
    await bench.done((await bench.claim())[0], make.outputs(0, 1))
    [split] = await bench.claim()
    parent = task_graphql(job_id, 1)
    if again:
        child = await bench.added(make.addition(job_id, "read", parent=parent))
    await bench.done(split, make.outputs(1, 3))
    if not again:
        child = await bench.added(make.addition(job_id, "read", parent=parent))
    ours = [lease for lease in await bench.claim() if lease.key.ordinal == child]
    assert sorted((lease.source.ordinal, lease.source.part) for lease in ours) == [(1, 0), (1, 1), (1, 2)]
    for lease in ours:
        await bench.done(lease)
    assert (await bench.statuses(job_id))[1][child] is COMPLETE


async def test_a_task_that_publishes_feeds_its_new_child_too(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    first, _ = await bench.claim()
    await bench.done(first, make.outputs(-1, 1))
    child = await bench.added(make.addition(job_id, "stream", parent=task_graphql(job_id, first.key.ordinal)))
    [lease] = await bench.claim()
    assert lease.key.ordinal == child
    assert (lease.plan.routes[0].parent, lease.plan.routes[0].parent_folder) == (first.key.ordinal, -1)


async def test_a_parent_that_failed_aborts_its_new_child(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(2)))
    first, second = await bench.claim()
    await bench.fail(first)
    child = await bench.added(make.addition(job_id, "stream", parent=task_graphql(job_id, first.key.ordinal)))
    grandchild = await bench.added(make.addition(job_id, "stream", parent=task_graphql(job_id, child)))
    _, tasks = await bench.statuses(job_id)
    assert [tasks[child], tasks[grandchild]] == [ABORTED, ABORTED]
    assert (await bench.done(second)).job_ended
    assert (await bench.statuses(job_id))[0] is JobStatus.FAILED


async def test_a_standby_of_the_parent_feeds_the_new_child(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.standby_chain()))
    [first] = await bench.claim()
    child = await bench.added(make.addition(job_id, "stream", parent=task_graphql(job_id, 0)))
    await bench.fail(first)
    [standby] = await bench.claim()
    later = await bench.added(make.addition(job_id, "stream", parent=task_graphql(job_id, 0)))
    await bench.done(standby, make.outputs(0, 1))
    assert make.ordinals(await bench.claim()) == [1, child, later]
    why = await bench.refused(make.addition(job_id, "stream", parent=task_graphql(job_id, 2)))
    assert why == "task.parentTaskId: is a standby task; name the task that it stands in for."


async def test_a_paused_job_takes_a_task_and_does_not_start_it(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    await bench.database.write(lambda tx: limits.pause_job(tx, make.ORGANIZATION, job_id))
    await bench.added(make.addition(job_id))
    assert await bench.claim() == []


async def test_a_bulk_cancel_covers_the_task_that_was_added_before_it(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    await bench.added(make.addition(job_id))
    everything = JobRange(organization_id=make.ORGANIZATION, created_from=0, created_to=2**62)
    await bench.database.write(lambda tx: barriers.accept(tx, everything, include_running=False, created_by=None))
    assert await bench.claim() == []
    assert await bench.refused(make.addition(job_id), NoMoreTasks) == "Job is cancelled; tasks can no longer be added."
    assert (await bench.statuses(job_id))[1] == [ABORTED, ABORTED]


@pytest.mark.parametrize("how", ["cancelled", "complete", "failed", "stopping"])
async def test_a_job_that_is_cancelled_or_has_ended_takes_nothing(bench: Bench, how: str) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    match how:
        case "cancelled":
            await bench.cancel(job_id)
        case "complete":
            await bench.done((await bench.claim())[0])
        case "failed":
            await bench.fail((await bench.claim())[0])
        case "stopping":
            await bench.claim()
            await bench.database.write_work(
                lambda tx: cancellation.cancel(tx, [(job_id, make.ORGANIZATION)], include_running=True)
            )
    before = (await bench.statuses(job_id), await bench.counts())
    word = "cancelled" if how == "stopping" else how
    why = await bench.refused(make.addition(job_id), NoMoreTasks)
    assert why == f"Job is {word}; tasks can no longer be added."
    why = await bench.refused(make.new_route(job_id, "a", "b"), NoMoreTasks)
    assert why == f"Job is {word}; routes can no longer be added."
    assert (await bench.statuses(job_id), await bench.counts()) == before


async def test_a_foreign_job_is_not_found(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    await bench.refused(make.addition(job_id, organization_id=2), NotFound)
    await bench.refused(make.addition(job_id + 1), NotFound)


async def test_the_same_id_adds_one_task_and_another_request_for_it_is_a_duplicate(bench: Bench) -> None:
    one, other = await bench.create(*(make.new_job(make.independent(1)) for _ in range(2)))
    new = make.addition(one, TaskRequest(engine_id="noop", reference="g"), given_id="g", digest="d")
    again = make.addition(other, TaskRequest(engine_id="noop", reference="g"), given_id="g", digest="d")
    first, twin = await bench.add(new, new)
    assert isinstance(first, Added)
    assert isinstance(twin, InvalidInput)
    await bench.cancel(one)
    assert await bench.add(new) == [Added(one, 1, again=True)]
    assert await bench.refused(again) == 'task.id: duplicate: "g" is a task already.'
    assert (await bench.statuses(other))[1] == [PENDING]
    await bench.database.write(lambda tx: tx.run("additions.delete_given_ids", ids=[one]))
    assert await bench.added(again) == 1


async def test_another_server_sees_the_plan_that_has_grown(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.chain(2)))
    elsewhere = Plans()
    assert isinstance((await bench.add(make.addition(job_id, "noop"), plans=elsewhere))[0], Added)
    first, added = await bench.claim()  # with the plans of this server, which knew two tasks
    assert make.ordinals([first, added]) == [0, 2]
    await bench.add(make.addition(job_id, "stream", parent=task_graphql(job_id, 0)), plans=elsewhere)
    await bench.done(first if first.key.ordinal == 0 else added, make.outputs(0, 1))
    assert make.ordinals(await bench.claim()) == [1, 3]


async def test_a_plan_that_was_never_committed_is_not_used(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.chain(2)))

    class GaveUpError(Exception):
        pass

    async def give_up(tx: object) -> None:
        await additions.add(tx, bench.plans, [make.addition(job_id, "noop")], max_tasks=9)  # type: ignore[arg-type]
        await additions.add(tx, bench.plans, [make.addition(job_id, "noop")], max_tasks=9)  # type: ignore[arg-type]
        raise GaveUpError

    with pytest.raises(GaveUpError):
        await bench.database.write_work(give_up)
    await bench.added(make.addition(job_id, "stream", parent=task_graphql(job_id, 0)))
    await bench.done((await bench.claim())[0], make.outputs(0, 1))
    assert make.ordinals(await bench.claim()) == [1, 2]


async def test_a_retry_has_the_added_task_and_its_route(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.chain(2)))
    await bench.added(make.addition(job_id, "stream", parent=task_graphql(job_id, 0)))
    await bench.added(make.addition(job_id, reads("stream")))
    [first] = await bench.claim()
    await bench.fail(first)
    await bench.added(make.new_route(job_id, None, "more"))
    await bench.done((await bench.claim())[0])
    old = (await bench.database.read(lambda tx: queries.by_ids(tx, 1, [job_id])))[job_id]
    assert old.status is JobStatus.FAILED
    [again] = await bench.create(make.retried(old, only_failed=False))
    leases = await bench.claim()
    assert [lease.key.ordinal for lease in leases if lease.key.job_id == again] == [0, 3]
    await bench.done(leases[0], make.outputs(0, 1))
    assert make.ordinals(await bench.claim()) == [1, 2]


async def test_an_added_task_keeps_its_time_and_is_in_the_history(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.independent(1)))
    await bench.added(make.addition(job_id))
    job = (await bench.database.read(lambda tx: queries.by_ids(tx, 1, [job_id])))[job_id]
    assert job.tasks[1].created_at > job.tasks[0].created_at
    [head] = (await bench.database.read(lambda tx: events.heads(tx, [(job_id, make.ORGANIZATION)]))).values()
    told, _ = await bench.database.read(lambda tx: events.page(tx, head, -1, 10))
    assert [(event.ordinal, event.kind) for event in told][1:] == [(1, EventKind.ADDED)]


# -- routes -------------------------------------------------------------------------------------------------


async def test_a_task_with_an_input_folder_waits_for_its_first_route(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(named_chain(2)))
    child = await bench.added(make.addition(job_id, reads("stream")))
    [first] = await bench.claim()
    assert await bench.added(make.new_route(job_id, "t0", "more")) == child
    await bench.done(first, make.outputs(0, 1))
    assert make.ordinals(await bench.claim()) == [1, child]


async def test_a_route_without_a_parent_lets_the_task_start(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(make.chain(1)))
    child = await bench.added(make.addition(job_id, reads("stream")))
    assert make.ordinals(await bench.claim()) == [0]
    await bench.added(make.new_route(job_id, None, "more"))
    assert make.ordinals(await bench.claim()) == [child]


async def test_a_route_holds_a_child_that_was_ready_and_was_queued(bench: Bench) -> None:
    tasks = (TaskRequest(engine_id="ingest", reference="a"), reads("stream", "b"))
    [job_id] = await bench.create(make.new_job(JobRequest(tasks=tasks)))
    assert await bench.database.write_work(lambda tx: claims.mark_queued(tx, pool="native", limit=9)) == 2
    await bench.added(make.new_route(job_id, "a", "b"))
    assert (await bench.statuses(job_id))[1] == [TaskStatus.QUEUED, PENDING]
    [first] = await bench.claim()
    assert first.key.ordinal == 0
    await bench.done(first, make.outputs(-1, 1))
    assert make.ordinals(await bench.claim()) == [1]


async def test_a_chunk_task_that_was_ready_gets_chunks_instead(bench: Bench) -> None:
    tasks = (
        TaskRequest(engine_id="split", reference="a", folders=(make.folder("o", "chunk", "output"),)),
        reads("chunk", "b"),
        TaskRequest(engine_id="noop"),
    )  # fmt: skip
    [job_id] = await bench.create(make.new_job(JobRequest(tasks=tasks)))
    first = (await bench.claim(1))[0]
    assert first.key.ordinal == 0
    await bench.done(first, make.outputs(0, 2))
    await bench.added(make.new_route(job_id, "a", "b"))
    assert make.ordinals(await bench.claim()) == [1, 1, 2]


REFUSED = [
    ("t1", "t1", 'task: task "t1" feeds itself.'),
    ("t1", "t0", 'task.taskChildInputId: task "t0" has no input folder.'),
    ("t9", "t1", 'task.taskParentId: "t9" matches no task.'),
    ("t0", "t1", "task: a route joins these folders already."),
    ("t2", "t1", "task: cycle t1 → t2 → t1. Routes must form a DAG."),
    ("t0", "c", 'task: "out0" is stream but "c-in" is chunk.'),
]


@pytest.mark.parametrize(("parent", "child", "why"), REFUSED)
async def test_a_route_that_does_not_fit_is_refused(bench: Bench, parent: str, child: str, why: str) -> None:
    request = named_chain(3)
    folders = (*request.tasks[2].folders, make.folder("out2", "stream", "output"))
    tasks = (*request.tasks[:2], TaskRequest(engine_id="stream", reference="t2", folders=folders), reads("chunk", "c"))
    [job_id] = await bench.create(make.new_job(JobRequest(tasks=tasks, routes=request.routes)))
    before = await bench.statuses(job_id)
    assert (await bench.refused(make.new_route(job_id, parent, child))).startswith(why)
    assert await bench.statuses(job_id) == before


async def test_a_child_that_has_begun_takes_no_route(bench: Bench) -> None:
    tasks = (TaskRequest(engine_id="ingest", reference="a"), reads("stream", "b"))
    [job_id] = await bench.create(make.new_job(JobRequest(tasks=tasks)))
    await bench.claim()
    why = await bench.refused(make.new_route(job_id, "a", "b"), NoMoreTasks)
    assert why == 'Task "b" has started; routes into it can no longer be added.'


async def test_what_a_job_has_already_is_not_added_twice(bench: Bench) -> None:
    [job_id] = await bench.create(make.new_job(named_chain(2)))
    again = TaskRequest(engine_id="noop", reference="t0", folders=(make.folder("out0", "stream", "output"),))
    assert (await bench.refused(make.addition(job_id, again))).splitlines() == [
        'task.correlationTaskId: duplicate: "t0" is a task of this job.',
        'task.ioFolders[0].correlationID: "out0" is already used by a folder of this job.',
    ]
    why = await bench.refused(make.addition(job_id), max_tasks=2)
    assert why == "task: the job has 2 tasks, at most 2 per job (setting limits.tasks_per_job)."
