"""updateJobs of GraphQL: paused jobs are resumed, failed ones run again under their ids; all or none."""

import asyncio
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH, single, transcription

from enginehouse.domain import ids
from enginehouse.domain.identity import Role
from enginehouse.domain.retry import FailureKind
from enginehouse.operations import limits

QUEUE = "mutation($ids: [ID!]) { updateJobs(input: {ids: $ids, status: queued}) { count records { id paused } } }"


async def test_paused_jobs_are_put_back_into_the_queue_all_or_none(api: Api) -> None:
    paused, waiting, ended = [await api.graphql.create_job() for _ in range(3)]
    await api.graphql.ask("mutation($i: ID!) { pauseJob(id: $i) { id } }", {"i": paused})
    await api.graphql.ask("mutation($i: ID!) { cancelJob(id: $i) { id } }", {"i": ended})
    refused = await api.graphql.refused(QUEUE, {"ids": [paused, ended, "nothing"]})
    assert refused["message"] == (
        "ids[1]: is aborted; retryJob creates a new job that does the same.\n"
        'ids[2]: "nothing" was not found.'
    )  # fmt: skip
    assert (await api.graphql.ask("query($i: ID!) { job(id: $i) { paused } }", {"i": paused}))["job"]["paused"]
    queued = (await api.graphql.ask(QUEUE, {"ids": [paused, waiting]}))["updateJobs"]
    assert queued == {"count": 2, "records": [{"id": paused, "paused": False}, {"id": waiting, "paused": False}]}


async def test_a_running_job_and_no_job_are_refused(api: Api) -> None:
    await api.edge.create()
    lease = await api.edge.start_one()
    refused = await api.graphql.refused(QUEUE, {"ids": [ids.job_graphql(lease.key.job_id)]})
    assert refused["message"] == "ids[0]: is running and not paused; there is nothing to put back into the queue."
    assert (await api.graphql.refused(QUEUE, {"ids": []}))["message"] == "ids: must name at least one job."


async def failed_job(api: Api, body: dict[str, Any] | None = None) -> str:
    """Returns the GraphQL id of a job whose first task has failed."""
    job = ids.parse_job(await api.edge.create(body or single()))
    assert job is not None
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    return ids.job_graphql(job)


async def shown(api: Api, job: str) -> tuple[str, list[str]]:
    """Returns the status of the job and of its tasks."""
    query = "query($j: ID!) { job(id: $j) { status tasks { records { status } } } }"
    found = (await api.graphql.ask(query, {"j": job}))["job"]
    return found["status"], [task["status"] for task in found["tasks"]["records"]]


async def test_a_failed_job_runs_again_under_its_id_and_completes(api: Api) -> None:
    job = await failed_job(api)
    await api.graphql.ask(QUEUE, {"ids": [job]})
    await api.edge.run_one()
    assert await shown(api, job) == ("complete", ["complete"])
    attempts = (await api.v1.get(f"jobs/{job}/tasks/0/attempts")).json()["result"]
    assert [(each["number"], each["outcome"]) for each in attempts] == [(1, "failed"), (2, "complete")]
    [entry] = [each for each in await api.audit() if each.event == "updateJobs"][-1:]
    assert (entry.object_id, entry.detail) == (str(ids.parse_job(job)), "queued")


async def test_the_tasks_that_waited_for_the_failed_one_wait_again(api: Api) -> None:
    job = await failed_job(api, transcription())
    before = await shown(api, job)
    assert (before[0], set(before[1])) == ("failed", {"failed", "aborted"})
    assert (await api.graphql.ask(QUEUE, {"ids": [job, job]}))["updateJobs"]["count"] == 1
    again = await shown(api, job)
    assert (again[0], set(again[1])) == ("running", {"pending"})


async def test_what_completed_stays_and_what_failed_runs_again(api: Api) -> None:
    job = ids.job_graphql(ids.parse_job(await api.edge.create({"tasks": [single()["tasks"][0]] * 2})) or 0)
    await api.edge.run_one(("a.json", "application/json", b"{}"))
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    assert (await shown(api, job))[0] == "failed"
    await api.graphql.ask(QUEUE, {"ids": [job]})
    assert sorted((await shown(api, job))[1]) == ["complete", "pending"]
    await api.edge.run_one(("b.json", "application/json", b"{}"))
    assert await shown(api, job) == ("complete", ["complete", "complete"])


async def test_a_job_that_failed_while_it_was_paused_is_resumed_and_runs_again(api: Api) -> None:
    job = ids.job_graphql(ids.parse_job(await api.edge.create(single())) or 0)
    lease = await api.edge.start_one()
    await api.graphql.ask("mutation($i: ID!) { pauseJob(id: $i) { id } }", {"i": job})
    await api.edge.fail_leased(lease, FailureKind.INVALID_DATA)
    assert (await shown(api, job))[0] == "failed"
    queued = (await api.graphql.ask(QUEUE, {"ids": [job]}))["updateJobs"]
    assert queued == {"count": 1, "records": [{"id": job, "paused": False}]}
    await api.edge.run_one()
    assert (await shown(api, job))[0] == "complete"


async def test_every_job_that_cannot_be_put_back_is_named_and_none_is(api: Api) -> None:
    complete = ids.job_graphql(ids.parse_job(await api.edge.create(single())) or 0)
    await api.edge.run_one()
    failed, cancelled = await failed_job(api), await api.graphql.create_job()
    await api.graphql.ask("mutation($i: ID!) { cancelJob(id: $i) { id } }", {"i": cancelled})
    other = await (await api.another_organization()).graphql.create_job()
    refused = await api.graphql.refused(QUEUE, {"ids": [other, failed, complete, cancelled]})
    assert refused["message"].splitlines() == [
        f'ids[0]: "{other}" was not found.',
        "ids[2]: is complete; there is nothing to put back into the queue.",
        "ids[3]: is aborted; retryJob creates a new job that does the same.",
    ]
    assert await shown(api, failed) == ("failed", ["failed"])


async def test_a_job_one_of_whose_tasks_cannot_run_again_is_refused_with_that_task(api: Api) -> None:
    job = ids.job_graphql(ids.parse_job(await api.edge.create(transcription())) or 0)
    tasks = (await api.edge.detail(job))["tasks"]
    await api.edge.run_one(("a", "text/plain", b"x"), folder=0)
    body = {"taskIDs": [each["internalTaskID"] for each in tasks[1:]], "taskStatus": "aborted"}
    await api.edge.post("/proc/tasks/update_status", body)
    assert (await shown(api, job))[0] == "failed"
    assert (await api.edge.post(f"/proc/task/{tasks[0]['internalTaskID']}/delete")).status_code == 200
    refused = await api.graphql.refused(QUEUE, {"ids": [job]})
    assert refused["message"].startswith('ids[0]: its task "')
    assert "and that task was deleted." in refused["message"]
    assert (await shown(api, job))[0] == "failed"


async def test_a_job_whose_failed_tasks_were_deleted_is_refused(api: Api) -> None:
    job = await failed_job(api)
    [task] = (await api.edge.detail(job))["tasks"]
    await api.edge.post(f"/proc/task/{task['internalTaskID']}/delete")
    refused = await api.graphql.refused(QUEUE, {"ids": [job]})
    assert "its tasks that failed were deleted; retryJob" in refused["message"]


async def test_a_reader_puts_nothing_back(api: Api) -> None:
    job = await failed_job(api)
    reader = await api.in_role(Role.READER)
    assert (await reader.graphql.refused(QUEUE, {"ids": [job]}))["name"] == "not_allowed"


async def test_one_of_two_requests_at_once_puts_the_job_back(api: Api) -> None:
    job = await failed_job(api)
    answers = await asyncio.gather(*(api.graphql.post(QUEUE, {"ids": [job]}) for _ in range(4)))
    assert sum("errors" not in each.json() for each in answers) == 1
    assert (await shown(api, job)) == ("running", ["pending"])


async def test_a_paused_engine_holds_a_job_that_was_put_back(api: Api) -> None:
    job = await failed_job(api)
    await limits.pause_engine(api.house, await api.principal(), BATCH)
    await api.graphql.ask(QUEUE, {"ids": [job]})
    with pytest.raises(ValueError, match="not enough values"):
        await api.edge.start_one()
