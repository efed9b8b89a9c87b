"""Why a job waits: every reason, really produced, on both databases; and no details of other organizations."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from msgspec import structs
from tests import make

from enginehouse.domain.engine import EngineKind
from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Role
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import TaskStatus
from enginehouse.domain.wait_reasons import reasons
from enginehouse.domain.wait_reasons.explanation import COUNTED, Explanation
from enginehouse.domain.wait_reasons.reasons import OtherTask
from enginehouse.domain.work import GONE_AFTER, Done, Failed, Lease, Report
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import engines, jobs, limits, why, work, workers
from enginehouse.operations.house import House
from enginehouse.storage import organizations as stored_organizations

CALLER = make.principal()
CHIEF = make.principal(super_admin=True)
READER = make.principal(role=Role.READER)
STRANGER = make.principal(organization_id=2)
SLOTS = {"native": 2, "python": 0}
OFFERED = [*make.ENGINES]
THEN = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


@pytest.fixture
async def ready(house: House, own_statements: None) -> House:
    """A house with two organizations and a worker of two slots that offers the engines of the builders."""
    container = make.spec("container", kind=EngineKind.HTTP)
    specs = [structs.replace(spec, category_id=CATEGORIES[0].id) for spec in (*make.ENGINES.values(), container)]
    await engines.register(house, specs, CATEGORIES)
    for name in ("one", "two"):
        await house.database.write(
            lambda tx, name=name: stored_organizations.create_organization(  # type: ignore[misc]
                tx, name=name, application_id=str(uuid4()), default_retries=None
            )
        )
    await workers.beat(house, name="w", pools=SLOTS, engines=OFFERED)
    return house


async def create(house: House, request: JobRequest, caller: Any = CALLER) -> int:
    [created] = await jobs.create(house, caller, [request])
    return created.job_id


async def situation(house: House, made: str, **given: object) -> None:
    """Brings about a state that no operation of the product can."""
    await house.database.write(lambda tx: tx.run(f"situation.{made}", **given))


async def explained(house: House, job_id: int, ordinal: int = 0) -> Explanation:
    _, found = await why.task(house, CALLER, TaskRef.of(job_id, ordinal))
    return found


async def claim(house: House, limit: int = 100) -> list[Lease]:
    return await work.claim(house, pool="native", limit=limit, worker="w")


def kinds(explanation: Explanation) -> list[str]:
    return [reasons.kind(reason) for reason in explanation.reasons]


async def test_a_task_waits_for_its_parents_until_they_are_complete(ready: House) -> None:
    job_id = await create(ready, make.chain(3))
    assert kinds(await explained(ready, job_id, 0)) == ["next_up"]
    found = await explained(ready, job_id, 2)
    assert found.reasons == (reasons.WaitsForParents((OtherTask(1, "stream", TaskStatus.PENDING),)),)
    assert found.sentence == 'It waits for task 1 "stream", which is pending.'
    [lease] = await claim(ready)
    assert (await explained(ready, job_id, 0)).sentence == "It is running, 1 item of it now."
    await work.finish(ready, Report(lease.key, lease.token, Done()))
    assert (await explained(ready, job_id, 0)).sentence == "It is complete."
    assert kinds(await explained(ready, job_id, 1)) == ["next_up"]


async def test_a_standby_waits_for_its_principal_to_fail(ready: House) -> None:
    standby = TaskRequest(engine_id="noop", max_retries=0, standby=TaskRequest(engine_id="read"))
    job_id = await create(ready, JobRequest(tasks=(standby,)))
    assert (await explained(ready, job_id, 1)).sentence == ('It is a standby and runs only if task 0 "noop" fails.')
    [lease] = await claim(ready)
    await work.finish(ready, Report(lease.key, lease.token, Failed(FailureKind.INVALID_DATA, "no")))
    assert (await explained(ready, job_id, 0)).sentence == "It has failed (invalid_data)."
    assert kinds(await explained(ready, job_id, 1)) == ["next_up"]


async def test_a_parent_that_failed_is_not_waited_for_when_its_standby_is(ready: House) -> None:
    first = TaskRequest(
        engine_id="ingest", folders=(make.folder("out", "stream", "output"),), standby=TaskRequest(engine_id="ingest")
    )
    second = TaskRequest(engine_id="stream", folders=(make.folder("in", "stream", "input"),))
    job_id = await create(ready, JobRequest(tasks=(first, second), routes=(make.route("out", "in"),)))
    [lease] = await claim(ready)
    await work.finish(ready, Report(lease.key, lease.token, Failed(FailureKind.INVALID_DATA, "no")))
    [reason] = (await explained(ready, job_id, 1)).reasons
    assert reason == reasons.WaitsForParents((OtherTask(2, "ingest", TaskStatus.PENDING),))


async def test_a_failed_attempt_waits_for_its_time(ready: House) -> None:
    job_id = await create(ready, make.independent(1, max_retries=2))
    [lease] = await claim(ready)
    answer = await work.finish(ready, Report(lease.key, lease.token, Failed(FailureKind.URL_TIMEOUT, "no answer")))
    found = await explained(ready, job_id)
    assert found.reasons == (reasons.Until(answer.again_at, 2, "url_timeout", "no answer"),)  # type: ignore[union-attr, arg-type]
    assert found.sentence.endswith(", since attempt 1 failed (url_timeout).")
    assert await claim(ready) == []


async def test_slots_that_are_taken_and_who_is_ahead(ready: House) -> None:
    first = await create(ready, make.independent(2))
    await claim(ready, 2)
    second = await create(ready, make.independent(2))
    urgent = await create(ready, make.independent(1, priority=-5))
    elsewhere = await create(ready, make.independent(3), STRANGER)
    assert (await explained(ready, first)).status is TaskStatus.RUNNING
    assert (await explained(ready, urgent)).reasons == (reasons.NoFreeWorkerSlot("native", 2, 2, 0, False),)
    assert (await explained(ready, second, 0)).reasons == (reasons.NoFreeWorkerSlot("native", 2, 2, 1, False),)
    assert (await explained(ready, second, 1)).sentence == (
        "All 2 native slots are taken and 2 items of its organization are ahead of it."
    )
    # The stranger learns that the slots are taken, but not by whom.
    _, theirs = await why.job(ready, STRANGER, Ref.of(elsewhere))
    assert theirs.sentence == "All 2 native slots are taken and it is the next of its organization."


async def test_what_is_ahead_in_other_lanes_counts_and_what_cannot_start_does_not(ready: House) -> None:
    for _ in range(2):
        await create(ready, JobRequest(tasks=(TaskRequest(engine_id="ingest"),)))
    job_id = await create(ready, make.independent(1))
    [reason] = (await explained(ready, job_id)).reasons
    assert reason == reasons.NextUp("native", 2, 0, 2, False)
    await situation(ready, "engine_state", id="ingest", state="paused")
    [reason] = (await explained(ready, job_id)).reasons
    assert reason == reasons.NextUp("native", 2, 0, 0, False)


async def test_beyond_a_thousand_it_is_more_than(ready: House) -> None:
    # Of each job eight items have their turn at its creation. Later ones wait behind the jobs created meanwhile.
    await jobs.create(ready, CALLER, [make.independent(8)] * (COUNTED // 8))
    exactly = await create(ready, make.independent(1))
    more = await create(ready, make.independent(1))
    assert (await explained(ready, exactly)).reasons == (reasons.NextUp("native", 2, 0, COUNTED, False),)
    assert (await explained(ready, more)).reasons == (reasons.NextUp("native", 2, 0, COUNTED, True),)


Change = Callable[[House, int], Awaitable[object]]


async def disable(house: House, job_id: int) -> None:
    await situation(house, "engine_state", id="noop", state="disabled")


async def enable(house: House, job_id: int) -> None:
    await situation(house, "engine_state", id="noop", state="active")


# What stops a task, what frees it again, and the sentence and reasons in between.
STOPPED: dict[str, tuple[Change, Change, str, list[str]]] = {
    "engine paused": (
        lambda house, _: limits.pause_engine(house, CHIEF, "noop"),
        lambda house, _: limits.resume_engine(house, CHIEF, "noop"),
        'The engine "noop" is paused.',
        ["engine_paused"],
    ),
    "engine disabled": (disable, enable, 'The engine "noop" is disabled.', ["engine_disabled"]),
    "organization paused": (
        lambda house, _: limits.pause_organization(house, CALLER),
        lambda house, _: limits.resume_organization(house, CALLER),
        "The organization is paused.",
        ["organization_paused"],
    ),
    "job paused": (
        lambda house, job_id: limits.pause_job(house, CALLER, Ref.of(job_id)),
        lambda house, job_id: limits.resume_job(house, CALLER, Ref.of(job_id)),
        "Its job has been paused since <then>.",
        ["job_paused"],
    ),
    "organization limit": (
        lambda house, _: limits.set_organization(house, CHIEF, 1, running_limit=1),
        lambda house, _: limits.set_organization(house, CHIEF, 1, running_limit=None),
        "The organization has 1 attempt running and may have 1.",
        ["organization_limit"],
    ),
    "engine limit": (
        lambda house, _: limits.limit_engine(house, CHIEF, "noop", 1),
        lambda house, _: limits.limit_engine(house, CHIEF, "noop", None),
        'The engine "noop" has 1 attempt running and may have 1.',
        ["engine_limit"],
    ),
}


@pytest.mark.parametrize("case", STOPPED)
async def test_what_is_said_to_stop_a_task_does_stop_it(ready: House, case: str) -> None:
    stop, let_go, said, found = STOPPED[case]
    await create(ready, make.independent(1))
    assert len(await claim(ready, 1)) == 1
    job_id = await create(ready, make.independent(1))
    assert kinds(await explained(ready, job_id)) == ["next_up"]
    await stop(ready, job_id)
    explanation = await explained(ready, job_id)
    assert (THEN.sub("<then>", explanation.sentence), kinds(explanation)) == (said, found)
    _, whole = await why.job(ready, CALLER, Ref.of(job_id))
    assert whole.sentence == explanation.sentence
    assert await claim(ready) == []
    await let_go(ready, job_id)
    assert kinds(await explained(ready, job_id)) == ["next_up"]
    assert [lease.key.job_id for lease in await claim(ready)] == [job_id]


async def test_an_engine_that_nobody_offers(ready: House) -> None:
    job_id = await create(ready, JobRequest(tasks=(TaskRequest(engine_id="container"),)))
    assert (await explained(ready, job_id)).sentence == 'No worker for the engine "container" is connected.'
    await workers.beat(ready, name="c", pools={"http": 1}, engines=["container"])
    assert kinds(await explained(ready, job_id)) == ["next_up"]
    await situation(ready, "worker_seen", name="c", ago=GONE_AFTER + 120_000_000)
    found = await explained(ready, job_id)
    assert found.sentence == ('No worker for the engine "container" is connected; one was last seen 2 minutes ago.')
    await workers.leave(ready, "c")
    [reason] = (await explained(ready, job_id)).reasons
    assert isinstance(reason, reasons.NoWorker)
    assert (reason.pool, reason.last_seen) == ("http", None)


async def test_a_worker_leaves_alone_what_it_does_not_offer(ready: House) -> None:
    offered = await create(ready, make.independent(1))
    await workers.appear(ready, name="w", pools=SLOTS, engines=["noop"])
    job_id = await create(ready, JobRequest(tasks=(TaskRequest(engine_id="ingest"),)))
    assert (await explained(ready, job_id)).sentence == 'No worker for the engine "ingest" is connected.'
    assert [lease.key.job_id for lease in await claim(ready)] == [offered]
    assert await claim(ready) == []
    assert not await work.ready(ready, pool="native")
    await workers.appear(ready, name="w", pools=SLOTS, engines=["noop", "ingest"])
    assert kinds(await explained(ready, job_id)) == ["next_up"]
    assert [lease.key.job_id for lease in await claim(ready)] == [job_id]


async def test_two_servers_on_one_database_each_run_what_they_offer(ready: House) -> None:
    other = House.build(ready.database, ready.store)
    await workers.appear(ready, name="w", pools=SLOTS, engines=["noop"])
    await workers.appear(other, name="other", pools={"native": 1}, engines=["ingest"])
    job_id = await create(ready, JobRequest(tasks=(TaskRequest(engine_id="ingest"),)))
    assert (await explained(ready, job_id)).reasons == (reasons.NextUp("native", 3, 0, 0, False),)
    assert await claim(ready) == []
    assert [lease.key.job_id for lease in await work.claim(other, pool="native", limit=1, worker="other")] == [job_id]


async def test_an_engine_that_is_not_known_any_more(ready: House) -> None:
    job_id = await create(ready, JobRequest(tasks=(TaskRequest(engine_id="container"),)))
    await situation(ready, "engine_gone", id="container")
    assert (await explained(ready, job_id)).sentence == ('The engine "container" is not known to this server any more.')


async def test_a_task_waits_for_its_own_items(ready: House) -> None:
    job_id = await create(ready, make.fan_out(1, max_engines=1))
    for count in (1, 3):
        [lease] = await claim(ready)
        await work.finish(ready, Report(lease.key, lease.token, Done(make.outputs(0 if count == 1 else 1, count))))
    assert len(await claim(ready)) == 1
    found = await explained(ready, job_id, 2)
    assert found.reasons == (reasons.TaskLimit(1, 1, 2),)
    assert found.sentence == ("It is running, 1 item of it now. 2 items of it may start when another ends: 1 of 1 run.")


async def test_a_cancelled_job_waits_for_nothing(ready: House) -> None:
    job_id = await create(ready, make.chain(2))
    await jobs.cancel(ready, CALLER, Ref.of(job_id))
    _, whole = await why.job(ready, CALLER, Ref.of(job_id))
    assert (whole.sentence, whole.reasons) == ("It is aborted.", ())
    assert {each.sentence for each in whole.tasks} == {"It is aborted."}


async def test_a_reader_may_ask_and_what_is_foreign_is_unknown(ready: House) -> None:
    job_id = await create(ready, make.independent(1))
    _, whole = await why.job(ready, READER, Ref.of(job_id))
    assert len(whole.tasks) == 1
    for number, caller in ((job_id, STRANGER), (12345, CALLER)):
        with pytest.raises(NotFound, match=r'^Job "X" was not found\.$'):
            await why.job(ready, caller, Ref(number, "X"))
        with pytest.raises(NotFound, match=r'^Task "X" was not found\.$'):
            await why.task(ready, caller, TaskRef(number, 0, "X"))
    with pytest.raises(NotFound):
        await why.task(ready, CALLER, TaskRef.of(job_id, 1))
    assert await why.many(ready, STRANGER, [job_id]) == {}


async def test_several_jobs_are_explained_at_once(ready: House) -> None:
    first = await create(ready, make.independent(1))
    second = await create(ready, structs.replace(make.chain(2), prefix=""))
    found = await why.explanations(ready, CALLER, [first, second])
    assert {job_id: len(each.tasks) for job_id, each in found.items()} == {first: 1, second: 2}
