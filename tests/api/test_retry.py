"""Retries, their lineage and the attempts of tasks, over both interfaces."""

from typing import Any

from tests.api.clients import Api
from tests.api.samples import BATCH
from tests.api.verbs import Answer

from enginehouse.domain import ids
from enginehouse.domain.artifact import log_key
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.operations import artifacts

LINEAGE = """query ($id: ID!) { job(id: $id) {
  status retryOf rootJobId retries tasks { records { status reusedFrom { jobId taskId } } } } }"""
RETRY = "mutation ($id: ID!, $only: Boolean) { retryJob(id: $id, onlyFailed: $only) { id } }"
ATTEMPTS = """query ($id: ID!, $offset: Int, $limit: Int) { task(id: $id) {
  attempts(offset: $offset, limit: $limit) { offset limit count records {
    item number worker outcome startedDateTime endedDateTime failureReason failureMessage
    stopRequestedDateTime stopSignalledDateTime logUri } } } }"""
FAILED = {"onlyFailed": True}


async def retry(api: Api, job: str, body: Any = None, **headers: str) -> Answer:
    return await api.ask(f"POST /api/v1/jobs/{job}/retry", body, **headers)


async def attempts(api: Api, job: str, query: str = "") -> Any:
    return (await api.ask(f"GET /api/v1/jobs/{job}/tasks/0/attempts{query}")).result


async def half_failed(api: Api) -> str:
    """A job of two tasks, of which the first has published a.txt and the second failed."""
    job = await api.edge.create({"tasks": [{"engineId": BATCH}, {"engineId": BATCH, "maxRetries": 0}]})
    await api.edge.run_one(("a.txt", "text/plain", b"said"))
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    return job


def number_of(job: str) -> int:
    job_id = ids.parse_job(job)
    assert job_id is not None
    return job_id


def spelled(job: str) -> str:
    return ids.job_graphql(number_of(job))


async def test_only_what_failed_runs_and_the_rest_is_named(api: Api) -> None:
    old = await half_failed(api)
    made = (await retry(api, old, FAILED)).result
    new = made["internalJobID"]
    assert made == {"internalJobID": new, "coreJobID": spelled(new), "retryOf": old}
    shown = await api.edge.own_detail(new)
    assert [task["taskStatus"] for task in shown["tasks"]] == ["complete", "pending"]
    assert shown["jobStatus"] == "pending"
    assert "reusedFrom" not in shown["tasks"][1]
    job_id = number_of(old)
    assert shown["tasks"][0]["reusedFrom"] == {"internalJobID": old, "internalTaskID": ids.task_uuid(job_id, 0)}
    first = {"status": "complete", "reusedFrom": {"jobId": spelled(old), "taskId": ids.task_graphql(job_id, 0)}}
    tasks = (await api.ask(LINEAGE, {"id": new})).result["tasks"]["records"]
    assert tasks == [first, {"status": "pending", "reusedFrom": None}]
    await api.edge.run_one(("b.txt", "text/plain", b"too"))
    assert (await api.edge.own_detail(new))["jobStatus"] == "complete"


async def test_the_outputs_outlive_the_job_that_made_them(api: Api) -> None:
    old = await half_failed(api)
    new = (await retry(api, old, FAILED)).result["internalJobID"]
    assert (await api.edge.post(f"/proc/job/{old}/delete")).status_code < 300
    listed = (await api.edge.get(f"/proc/job/{new}/outputs")).json()["outputs"]["outputs"]
    assert [each["name"] for each in listed] == ["a.txt"]
    assert (await api.edge.get(f"/proc/job/{new}/download/a.txt")).content == b"said"
    shown = await api.edge.own_detail(new)
    assert shown["retryOf"] == shown["rootJobID"] == old
    assert shown["tasks"][0]["reusedFrom"]["internalJobID"] == old
    [artifact] = await artifacts.of_job(api.house, await api.principal(), Ref.of(number_of(new)))
    assert (await api.edge.post(f"/proc/job/{new}/delete")).status_code < 300
    assert await api.house.store.missing([artifact.key]) == [artifact.key]


async def test_a_line_of_retries_in_both_interfaces(api: Api) -> None:
    first = await half_failed(api)
    second = (await retry(api, first)).result["internalJobID"]
    third = (await api.ask(RETRY, {"id": second, "only": False})).result["id"]
    shown = [(await api.ask(LINEAGE, {"id": job})).result for job in (first, second, third)]
    a, b = spelled(first), spelled(second)
    assert [(job["retryOf"], job["rootJobId"], job["retries"]) for job in shown] == [
        (None, None, [b]), (a, a, [third]), (b, a, []),
    ]  # fmt: skip
    details = [await api.edge.own_detail(job) for job in (first, second, third)]
    uuid = details[2]["internalJobID"]
    assert [(job.get("retryOf"), job.get("rootJobID"), job.get("retries")) for job in details] == [
        (None, None, [second]), (first, first, [uuid]), (second, first, None),
    ]  # fmt: skip


async def test_what_is_refused_says_why(api: Api) -> None:
    job = await api.edge.create()
    refused = await retry(api, job, FAILED)
    assert refused.status == 400
    assert refused.message.startswith("Job is pending and none of its tasks has failed")
    assert (await api.ask(RETRY, {"id": job, "only": True})).message == refused.message
    await api.edge.run_one()
    for body, beginning in (
        ({}, "Job is complete;"),
        (FAILED, "Job is complete;"),
        ({"onlyFailed": "yes"}, "onlyFailed"),
    ):
        refused = await retry(api, job, body)
        assert (refused.status, refused.message[: len(beginning)]) == (400, beginning)
    assert (await api.edge.get("/proc/jobs")).json()["count"] == 1


async def test_bytes_that_are_gone_are_not_reused(api: Api) -> None:
    old = await half_failed(api)
    [artifact] = await artifacts.of_job(api.house, await api.principal(), Ref.of(number_of(old)))
    await api.house.store.delete([artifact.key])
    refused = await retry(api, old, FAILED)
    text = 'The stored output "a.txt" of task 0 is gone; only a whole retry is possible.'
    assert (refused.status, refused.message) == (400, text)
    assert (await retry(api, old)).status == 200


async def test_one_key_makes_one_retry(api: Api) -> None:
    old = await half_failed(api)
    first, again = [await retry(api, old, FAILED, idempotency_key="k1") for _ in range(2)]
    assert first.body == again.body
    assert "idempotent-replayed" in again.response.headers
    assert (await retry(api, old, {"onlyFailed": False}, idempotency_key="k1")).status == 422


async def test_the_attempts_of_a_task_in_both_interfaces(api: Api) -> None:
    job = await api.edge.create({"tasks": [{"engineId": BATCH, "maxRetries": 3}]})
    task = {"id": ids.task_graphql(number_of(job), 0)}
    await api.edge.fail_one(FailureKind.WORKER_LOST)
    lease = await api.edge.start_one()
    found = await attempts(api, job)
    assert [(each["number"], each["outcome"], each.get("failureReason")) for each in found] == [
        (1, "lost", "worker_lost"), (2, "running", None),
    ]  # fmt: skip
    assert found[0]["failureDetail"] == "it broke"
    assert found[0]["startedDateTime"] <= found[0]["endedDateTime"] <= found[1]["startedDateTime"]
    assert "endedDateTime" not in found[1]
    shown = (await api.ask(ATTEMPTS, task)).result["attempts"]
    assert shown["count"] == 2
    for own, theirs in zip(found, shown["records"], strict=True):
        assert theirs["logUri"].endswith(own["log"])
        assert (theirs["item"], theirs["number"], theirs["worker"]) == (0, own["number"], own["worker"])
        assert (theirs["outcome"], theirs["failureReason"]) == (own["outcome"], own.get("failureReason"))
        assert (theirs["endedDateTime"] is None) == ("endedDateTime" not in own)
    page = (await api.ask(ATTEMPTS, {**task, "offset": 1, "limit": 1})).result["attempts"]["records"]
    assert [each["number"] for each in page] == [2]
    assert [each["number"] for each in await attempts(api, job, "?offset=1")] == [2]
    assert (await api.ask(f"GET /api/v1/jobs/{job}/tasks/0/attempts?limit=0")).status == 400
    await api.edge.post("/proc/jobs/cancel", {"jobID": job, "includeRunning": True})
    [_, running] = await attempts(api, job)
    assert running["outcome"] == "running"
    assert running["stopRequestedDateTime"]
    await api.edge.end_stopped(lease)
    [_, stopped] = await attempts(api, job)
    assert stopped["outcome"] == "stopped"
    assert stopped["stopRequestedDateTime"] == running["stopRequestedDateTime"]


async def test_the_log_of_one_attempt(api: Api, foreign: Api) -> None:
    job = await api.edge.create()
    lease = await api.edge.start_one()
    [one] = await attempts(api, job)
    show = f"GET {one['log']}"
    assert (await api.ask(show)).status == 404
    await api.house.store.put(log_key(lease.organization_id, *lease.key, lease.attempt), b"hello\n")
    log = (await api.ask(show)).response
    assert (log.status_code, log.text) == (200, "hello\n")
    assert log.headers["content-type"] == "text/plain; charset=utf-8"
    for path in ("0/2", "1/1", "0/99999999999999999999", "x/1"):
        assert (await api.ask(f"GET /api/v1/jobs/{job}/tasks/0/attempts/{path}/log")).status == 404
    assert (await foreign.ask(show)).status == 404


async def test_no_such_task_has_no_attempts(api: Api) -> None:
    job = await api.edge.create()
    for number in ("1", "-1", "x", "99999999999999999999"):
        assert (await api.ask(f"GET /api/v1/jobs/{job}/tasks/{number}/attempts")).status == 404
