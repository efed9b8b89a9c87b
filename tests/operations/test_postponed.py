"""An engine that asked to be called again, and what engines say of their work: on both databases."""

from typing import Any

import pytest
from tests import make

from enginehouse.domain.errors import InvalidInput, PastCancelling
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Done, Lease, Postponed, Report, Stale
from enginehouse.operations import attempts, jobs, task_updates, why, work
from enginehouse.operations.house import House
from enginehouse.storage import consistency

CALLER = make.principal()
ONE = JobRequest(tasks=(TaskRequest(engine_id="noop"),))


async def start(house: House) -> Lease:
    """Returns the lease of a new job's only task."""
    await jobs.create(house, CALLER, [ONE])
    [lease] = await claim(house)
    return lease


async def claim(house: House) -> list[Lease]:
    return await work.claim(house, pool="native", limit=10, worker="w")


async def end(house: House, lease: Lease, outcome: Done | Postponed) -> Any:
    return await work.finish(house, Report(lease.key, lease.token, outcome))


async def shown(house: House, lease: Lease) -> tuple[JobStatus, TaskStatus]:
    job = await jobs.get(house, CALLER, Ref.of(lease.key.job_id))
    return job.status, job.tasks[0].status


async def test_the_task_waits_and_the_next_attempt_has_the_payload_of_the_wish(ready: House) -> None:
    lease = await start(ready)
    assert await task_updates.poll_of(ready, lease) is None
    await end(ready, lease, Postponed(0.0, '{"state":7}'))
    assert await shown(ready, lease) == (JobStatus.RUNNING, TaskStatus.WAITING)
    [again] = await claim(ready)
    assert (again.key, again.attempt) == (lease.key, 2)
    assert await task_updates.poll_of(ready, again) == {"state": 7}
    assert await shown(ready, lease) == (JobStatus.RUNNING, TaskStatus.RUNNING)
    await end(ready, again, Postponed(0.0))  # with the same payload
    [last] = await claim(ready)
    assert await task_updates.poll_of(ready, last) == {"state": 7}
    await end(ready, last, Done())
    assert await shown(ready, lease) == (JobStatus.COMPLETE, TaskStatus.COMPLETE)
    page = await attempts.of_task(ready, CALLER, TaskRef.of(lease.key.job_id, 0), offset=0, limit=10)
    assert [(one.number, one.outcome) for one in page] == [(1, "postponed"), (2, "postponed"), (3, "complete")]


async def test_it_is_not_called_before_its_time_and_says_why_it_waits(ready: House) -> None:
    lease = await start(ready)
    await end(ready, lease, Postponed(600.0, "null"))
    assert await claim(ready) == []
    _, found = await why.task(ready, CALLER, TaskRef.of(lease.key.job_id, 0))
    assert found.sentence.startswith('Its engine "noop" has asked to be called again later; attempt 2 may start at ')
    assert await ready.database.read(consistency.check_jobs) == (1, [])


@pytest.mark.parametrize("seconds", [0.0, 600.0])
async def test_a_cancel_of_running_work_ends_it_at_once(ready: House, seconds: float) -> None:
    lease = await start(ready)
    await end(ready, lease, Postponed(seconds, "{}"))
    with pytest.raises(PastCancelling):
        await jobs.cancel(ready, CALLER, Ref.of(lease.key.job_id))
    await jobs.cancel(ready, CALLER, Ref.of(lease.key.job_id), include_running=True)
    assert await shown(ready, lease) == (JobStatus.ABORTED, TaskStatus.ABORTED)
    assert await claim(ready) == []


async def test_a_wish_that_comes_too_late_changes_nothing(ready: House) -> None:
    lease = await start(ready)
    await jobs.cancel(ready, CALLER, Ref.of(lease.key.job_id), include_running=True)
    answer = await end(ready, lease, Postponed(0.0, '{"late":1}'))
    assert answer == Stale(job_ended=True)
    assert await shown(ready, lease) == (JobStatus.ABORTED, TaskStatus.ABORTED)
    assert await task_updates.polls(ready, CALLER, [(lease.key.job_id, 0)]) == {}


async def test_what_an_engine_says_is_in_the_output_under_its_own_name(ready: House) -> None:
    lease = await start(ready)
    key = (lease.key.job_id, 0)
    for said in ("half", {"stage": 2}):
        await task_updates.tell(ready, lease, said)
        found = await task_updates.outputs(ready, CALLER, [key])
        assert found[key].shown() == {"infoMsg": said}
    assert found[key].shown({"series": []}) == {"series": [], "infoMsg": {"stage": 2}}
    assert found[key].shown({"infoMsg": "its own"}) == {"infoMsg": "its own"}
    assert found[key].shown([1]) == [1]
    assert await task_updates.outputs(ready, make.principal(organization_id=2), [key]) == {}


async def test_an_attempt_that_is_over_says_nothing_any_more(ready: House) -> None:
    lease = await start(ready)
    await end(ready, lease, Postponed(0.0))
    await task_updates.tell(ready, lease, "too late")
    [again] = await claim(ready)
    await task_updates.tell(ready, lease, "too late")
    assert await task_updates.outputs(ready, CALLER, [(lease.key.job_id, 0)]) == {}
    await task_updates.tell(ready, again, "in time")
    assert len(await task_updates.outputs(ready, CALLER, [(lease.key.job_id, 0)])) == 1


@pytest.mark.parametrize(
    ("said", "message"),
    [("x" * 70_000, "infoMsg: at most 65536 bytes, has 70002."), ("\ud800", "infoMsg: must be JSON")],
    ids=["long", "half a pair"],
)
async def test_what_cannot_be_shown_again_is_refused(ready: House, said: str, message: str) -> None:
    lease = await start(ready)
    with pytest.raises(InvalidInput, match=message):
        await task_updates.tell(ready, lease, said)
