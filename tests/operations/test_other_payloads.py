"""A retry with other payloads: a new job, whose lineage is kept, and whose old one does not change."""

import pytest
from tests import make

from enginehouse.domain.audit import AuditFilter
from enginehouse.domain.errors import InvalidInput, NotRetryable
from enginehouse.domain.ids import task_graphql, task_uuid
from enginehouse.domain.job import Job, JobRequest, TaskRequest
from enginehouse.domain.planning.payloads import TaskPayload
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import TaskStatus
from enginehouse.domain.work import Done, Failed, Lease, Report
from enginehouse.operations import jobs, work
from enginehouse.operations.audit.queries import list_
from enginehouse.operations.house import House

CALLER = make.principal()


async def ended(house: House, request: JobRequest, *outcomes: Done | Failed) -> Job:
    [made] = await jobs.create(house, CALLER, [request])
    leases = list[Lease]()
    for outcome in outcomes:
        leases = leases or await work.claim(house, pool="native", limit=100, worker="w")
        lease = leases.pop(0)
        await work.finish(house, Report(lease.key, lease.token, outcome))
    return await jobs.get(house, CALLER, Ref.of(made.job_id))


async def retried(house: House, job: Job, *payloads: TaskPayload, **how: object) -> Job:
    made = await jobs.retry(house, CALLER, Ref.of(job.id), payloads=payloads, **how)  # type: ignore[arg-type]
    return await jobs.get(house, CALLER, Ref.of(made.job_id))


def independent() -> JobRequest:
    tasks = [TaskRequest(engine_id="noop", payload={"n": n}, reference=f"t{n}") for n in range(3)]
    return JobRequest(tasks=tuple(tasks))


async def test_a_task_is_named_by_its_number_its_ids_and_its_reference(ready: House) -> None:
    old = await ended(ready, independent())
    for name in ("1", task_graphql(old.id, 1), task_uuid(old.id, 1), "t1"):
        new = await retried(ready, old, TaskPayload(task=name, payload={"n": "other"}))
        assert [task.plan.payload for task in new.tasks] == [{"n": 0}, {"n": "other"}, {"n": 2}]
        assert new.retry_of == old.id
    again = await jobs.get(ready, CALLER, Ref.of(old.id))
    assert [task.plan.payload for task in again.tasks] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert len(again.retries) == 4


async def test_everything_that_is_wrong_is_named_at_once(ready: House) -> None:
    old = await ended(ready, independent())
    wrong = [
        TaskPayload(task="3", payload={}),
        TaskPayload(task="0", payload_text="{"),
        TaskPayload(task="t0", payload={}),
        TaskPayload(task="1"),
        TaskPayload(task="2", payload={}, payload_text="{}"),
    ]
    with pytest.raises(InvalidInput) as refused:
        await retried(ready, old, *wrong)
    assert [problem.path for problem in refused.value.problems] == [
        "payloads[0].task", "payloads[1].payloadString", "payloads[2].task", "payloads[3]", "payloads[4]",
    ]  # fmt: skip


async def test_a_complete_job_is_done_again_only_with_another_payload(ready: House) -> None:
    old = await ended(ready, independent(), Done(), Done(), Done())
    for same in ((), (TaskPayload(task="0", payload={"n": 0}), TaskPayload(task="1", payload_text='{"n":1}'))):
        with pytest.raises(NotRetryable):
            await retried(ready, old, *same)
    new = await retried(ready, old, TaskPayload(task="0", payload={"n": True}), TaskPayload(task="1", payload={"n": 1}))
    assert new.tasks[0].plan.payload == {"n": True}
    assert {task.status for task in new.tasks} == {TaskStatus.PENDING}


async def test_only_what_has_another_payload_and_what_follows_it_runs_again(ready: House) -> None:
    old = await ended(ready, make.chain(4), *[Done(make.outputs(0, 1))] * 3, Done(make.outputs(-1, 1)))
    for output in make.outputs(0, 1):
        await ready.store.put(output.key, b"x")
    new = await retried(ready, old, TaskPayload(task="2", payload={"a": 1}), only_failed=True)
    assert [task.reused_from for task in new.tasks] == [old.id, old.id, None, None]
    assert [task.status for task in new.tasks[:2]] == [TaskStatus.COMPLETE] * 2


async def test_what_failed_runs_again_too(ready: House) -> None:
    bad = Failed(FailureKind.INVALID_DATA, "bad")
    old = await ended(ready, independent(), Done(), bad, Done())
    new = await retried(ready, old, TaskPayload(task="2", payload={}), only_failed=True)
    assert [task.reused_from is not None for task in new.tasks] == [True, False, False]


async def test_the_same_key_with_another_payload_is_another_request(ready: House) -> None:
    old = await ended(ready, independent())
    one = await retried(ready, old, TaskPayload(task="0", payload={"a": 1}), key="k")
    same = await retried(ready, old, TaskPayload(task="0", payload={"a": 1}), key="k")
    assert one.id == same.id
    with pytest.raises(Exception, match="Key"):
        await retried(ready, old, TaskPayload(task="0", payload={"a": 2}), key="k")


async def test_the_audit_says_which_payloads_are_others(ready: House) -> None:
    old = await ended(ready, independent())
    await retried(ready, old, TaskPayload(task="2", payload={}), TaskPayload(task="0", payload={"n": 0}))
    found = await list_(ready, CALLER, AuditFilter())
    assert any((each.detail or "").endswith("other payload for task 2") for each in found)
