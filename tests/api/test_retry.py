"""Retries, their lineage and the attempts of tasks, over both interfaces."""

from typing import Any

import httpx
import pytest
from tests.api.clients import TOKEN, Rest
from tests.api.samples import BATCH

from enginehouse.domain import ids
from enginehouse.domain.artifact import log_key
from enginehouse.domain.identity import Principal
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.operations import artifacts, identity

LINEAGE = (
    "{ job(id: %s) { status retryOf rootJobId retries tasks { records { status reusedFrom { jobId taskId } } } } }"
)
ATTEMPTS = """{ task(id: %s) { attempts%s { offset limit count records {
  item number worker outcome startedDateTime endedDateTime failureReason failureMessage
  stopRequestedDateTime stopSignalledDateTime logUri } } } }"""


class Both:
    """The two interfaces and our own operations, with one token."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest

    async def graphql(self, query: str) -> Any:
        answer = await self.rest.post("http://test/v3/graphql", {"query": query})
        return answer.json()

    async def own(self, path: str) -> httpx.Response:
        return await self.rest.get(f"http://test/api/v1/{path}")

    async def retry(self, job: str, body: Any = None, **headers: str) -> httpx.Response:
        path = f"http://test/api/v1/jobs/{job}/retry"
        return await (
            self.rest.post(path, raw=b"", **headers) if body is None else self.rest.post(path, body, **headers)
        )

    async def detail(self, job: str) -> Any:
        return (await self.rest.get(f"/proc/job/{job}/detail")).json()["job"]


@pytest.fixture
def both(rest: Rest) -> Both:
    return Both(rest)


async def half_failed(both: Both) -> str:
    """A job of two tasks, of which the first has published a.txt and the second failed."""
    job = await both.rest.create({"tasks": [{"engineId": BATCH}, {"engineId": BATCH, "maxRetries": 0}]})
    await both.rest.run_one(("a.txt", "text/plain", b"said"))
    await both.rest.fail_one(FailureKind.INVALID_DATA)
    return job


def spelled(job: str) -> str:
    job_id = ids.parse_job(job)
    assert job_id is not None
    return ids.job_graphql(job_id)


async def test_only_what_failed_runs_and_the_rest_is_named(both: Both) -> None:
    old = await half_failed(both)
    answer = await both.retry(old, {"onlyFailed": True})
    assert answer.status_code == 200, answer.text
    made = answer.json()["result"]
    new = made["internalJobID"]
    assert made == {"internalJobID": new, "coreJobID": spelled(new), "retryOf": old}
    detail = await both.detail(new)
    assert [task["taskStatus"] for task in detail["tasks"]] == ["complete", "pending"]
    assert detail["jobStatus"] == "pending"
    assert "reusedFrom" not in detail["tasks"][1]
    job_id = ids.parse_job(old)
    assert job_id is not None
    assert detail["tasks"][0]["reusedFrom"] == {"internalJobID": old, "internalTaskID": ids.task_uuid(job_id, 0)}
    shown = (await both.graphql(LINEAGE % f'"{new}"'))["data"]["job"]
    first = {"status": "complete", "reusedFrom": {"jobId": spelled(old), "taskId": ids.task_graphql(job_id, 0)}}
    assert shown["tasks"]["records"] == [first, {"status": "pending", "reusedFrom": None}]
    await both.rest.run_one(("b.txt", "text/plain", b"too"))
    assert (await both.detail(new))["jobStatus"] == "complete"


async def test_the_outputs_outlive_the_job_that_made_them(both: Both) -> None:
    old = await half_failed(both)
    new = (await both.retry(old, {"onlyFailed": True})).json()["result"]["internalJobID"]
    assert (await both.rest.post(f"/proc/job/{old}/delete")).status_code < 300
    listed = (await both.rest.get(f"/proc/job/{new}/outputs")).json()["outputs"]["outputs"]
    assert [each["name"] for each in listed] == ["a.txt"]
    assert (await both.rest.get(f"/proc/job/{new}/download/a.txt")).content == b"said"
    detail = await both.detail(new)
    assert detail["retryOf"] == detail["rootJobID"] == old
    assert detail["tasks"][0]["reusedFrom"]["internalJobID"] == old
    [artifact] = await artifacts.of_job(both.rest.house, await principal(both), Ref.of(ids.parse_job(new) or 0))
    assert (await both.rest.post(f"/proc/job/{new}/delete")).status_code < 300
    assert await both.rest.house.store.missing([artifact.key]) == [artifact.key]


async def principal(both: Both) -> Principal:
    return await identity.authenticate(both.rest.house, TOKEN)


async def test_a_line_of_retries_in_both_interfaces(both: Both) -> None:
    first = await half_failed(both)
    second = (await both.retry(first)).json()["result"]["internalJobID"]
    answer = await both.graphql(f'mutation {{ retryJob(id: "{second}", onlyFailed: false) {{ id }} }}')
    third = answer["data"]["retryJob"]["id"]
    shown = [(await both.graphql(LINEAGE % f'"{job}"'))["data"]["job"] for job in (first, second, third)]
    a, b = spelled(first), spelled(second)
    assert [(job["retryOf"], job["rootJobId"], job["retries"]) for job in shown] == [
        (None, None, [b]), (a, a, [third]), (b, a, []),
    ]  # fmt: skip
    details = [await both.detail(job) for job in (first, second, third)]
    uuid = details[2]["internalJobID"]
    assert [(job.get("retryOf"), job.get("rootJobID"), job.get("retries")) for job in details] == [
        (None, None, [second]), (first, first, [uuid]), (second, first, None),
    ]  # fmt: skip


async def test_what_is_refused_says_why(both: Both) -> None:
    job = await both.rest.create()
    refused = await both.retry(job, {"onlyFailed": True})
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("Job is pending and none of its tasks has failed")
    answer = await both.graphql(f'mutation {{ retryJob(id: "{job}", onlyFailed: true) {{ id }} }}')
    assert answer["errors"][0]["message"] == refused.json()["detail"]
    await both.rest.run_one()
    for body in ({}, {"onlyFailed": True}):
        refused = await both.retry(job, body)
        assert refused.status_code == 400
        assert refused.json()["detail"].startswith("Job is complete;")
    wrong = await both.retry(job, {"onlyFailed": "yes"})
    assert wrong.status_code == 400
    assert "onlyFailed" in wrong.text
    assert (await both.rest.get("/proc/jobs")).json()["count"] == 1


async def test_bytes_that_are_gone_are_not_reused(both: Both) -> None:
    old = await half_failed(both)
    house = both.rest.house
    [artifact] = await artifacts.of_job(house, await principal(both), Ref.of(ids.parse_job(old) or 0))
    await house.store.delete([artifact.key])
    refused = await both.retry(old, {"onlyFailed": True})
    assert refused.status_code == 400
    wanted = 'The stored output "a.txt" of task 0 is gone; only a whole retry is possible.'
    assert refused.json()["detail"] == wanted
    assert (await both.retry(old)).status_code == 200


async def test_one_key_makes_one_retry(both: Both) -> None:
    old = await half_failed(both)
    made = [(await both.retry(old, {"onlyFailed": True}, idempotency_key="k1")) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert "idempotent-replayed" in made[1].headers
    other = await both.retry(old, {"onlyFailed": False}, idempotency_key="k1")
    assert other.status_code == 422


async def test_the_attempts_of_a_task_in_both_interfaces(both: Both) -> None:
    job = await both.rest.create({"tasks": [{"engineId": BATCH, "maxRetries": 3}]})
    job_id = ids.parse_job(job)
    assert job_id is not None
    await both.rest.fail_one(FailureKind.WORKER_LOST)
    lease = await both.rest.start_one()
    found = (await both.own(f"jobs/{job}/tasks/0/attempts")).json()["result"]
    assert [(each["number"], each["outcome"], each.get("failureReason")) for each in found] == [
        (1, "lost", "worker_lost"), (2, "running", None),
    ]  # fmt: skip
    assert found[0]["failureDetail"] == "it broke"
    assert found[0]["startedDateTime"] <= found[0]["endedDateTime"] <= found[1]["startedDateTime"]
    assert "endedDateTime" not in found[1]
    shown = (await both.graphql(ATTEMPTS % (f'"{ids.task_graphql(job_id, 0)}"', "")))["data"]["task"]["attempts"]
    assert shown["count"] == 2
    for own, theirs in zip(found, shown["records"], strict=True):
        assert theirs["logUri"].endswith(own["log"])
        assert (theirs["item"], theirs["number"], theirs["worker"]) == (0, own["number"], own["worker"])
        assert (theirs["outcome"], theirs["failureReason"]) == (own["outcome"], own.get("failureReason"))
        assert (theirs["endedDateTime"] is None) == ("endedDateTime" not in own)
    page = (await both.graphql(ATTEMPTS % (f'"{ids.task_graphql(job_id, 0)}"', "(offset: 1, limit: 1)")))["data"]
    assert [each["number"] for each in page["task"]["attempts"]["records"]] == [2]
    page = (await both.own(f"jobs/{job}/tasks/0/attempts?offset=1")).json()["result"]
    assert [each["number"] for each in page] == [2]
    assert (await both.own(f"jobs/{job}/tasks/0/attempts?limit=0")).status_code == 400
    await both.rest.post("/proc/jobs/cancel", {"jobID": job, "includeRunning": True})
    [_, running] = (await both.own(f"jobs/{job}/tasks/0/attempts")).json()["result"]
    assert running["outcome"] == "running"
    assert running["stopRequestedDateTime"]
    await both.rest.end_stopped(lease)
    [_, stopped] = (await both.own(f"jobs/{job}/tasks/0/attempts")).json()["result"]
    assert stopped["outcome"] == "stopped"
    assert stopped["stopRequestedDateTime"] == running["stopRequestedDateTime"]


async def test_the_log_of_one_attempt(both: Both) -> None:
    job = await both.rest.create()
    lease = await both.rest.start_one()
    [one] = (await both.own(f"jobs/{job}/tasks/0/attempts")).json()["result"]
    assert (await both.rest.get(f"http://test{one['log']}")).status_code == 404
    await both.rest.house.store.put(log_key(lease.organization_id, *lease.key, lease.attempt), b"hello\n")
    log = await both.rest.get(f"http://test{one['log']}")
    assert (log.status_code, log.text) == (200, "hello\n")
    assert log.headers["content-type"] == "text/plain; charset=utf-8"
    for path in ("0/2", "1/1", "0/99999999999999999999", "x/1"):
        assert (await both.own(f"jobs/{job}/tasks/0/attempts/{path}/log")).status_code == 404
    stranger = await both.rest.another_organization()
    assert (await stranger.get(f"http://test{one['log']}")).status_code == 404


async def test_no_such_task_has_no_attempts(both: Both) -> None:
    job = await both.rest.create()
    for number in ("1", "-1", "x", "99999999999999999999"):
        assert (await both.own(f"jobs/{job}/tasks/{number}/attempts")).status_code == 404
