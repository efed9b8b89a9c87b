"""The oldest job interface, `/v1/job`: its requests, and what it refuses."""

from typing import Any

import httpx
import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH

from enginehouse.domain.identity import Role

JOB = {"tasks": [{"engineId": BATCH, "taskPayload": {"a": 1}}]}


async def send(api: Api, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    given = {"Authorization": f"Bearer {api.graphql.token}", **headers}
    return await api.graphql.http.request(method, f"/v1/{path}", json=body, headers=given)


async def test_a_job_is_created_under_any_label_once_for_its_key_and_is_the_same_in_graphql(api: Api) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": "k1"}
    first, second = [await send(api, "POST", "job", JOB, **headers) for _ in range(2)]
    assert (first.status_code, second.headers["idempotent-replayed"]) == (200, "true")
    job = first.json()
    assert job == second.json()
    query = f'{{ job(id: "{job["jobId"]}") {{ id status tasks {{ records {{ id payload engineId }} }} }} }}'
    shown = (await api.graphql.ask(query))["job"]
    assert (shown["id"], shown["status"]) == (job["jobId"], job["status"])
    [task], [other] = job["tasks"], shown["tasks"]["records"]
    assert (task["taskId"], task["taskPayload"], task["engineId"]) == (other["id"], other["payload"], other["engineId"])


async def test_foreign_and_absent_jobs_look_the_same_and_stay(api: Api) -> None:
    job = (await send(api, "POST", "job", JOB)).json()
    stranger = await api.another_organization()
    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", "/retry"), ("PUT", "/restart")):
        answers = [await send(stranger, method, f"job/{one}{path}") for one in (job["jobId"], "26010101_xxxxxxxxxx")]
        assert {answer.status_code for answer in answers} == {404}, (method, path)
        assert answers[0].text.replace(job["jobId"], "") == answers[1].text.replace("26010101_xxxxxxxxxx", "")
    assert (await send(stranger, "GET", "job")).json()["jobs"] == []
    assert (await send(api, "GET", f"job/{job['jobId']}")).json() == job


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "tasks: required"),
        ({"tasks": []}, "tasks"),
        ({"tasks": [{"engineId": "nobody"}, {"engineId": 3}]}, "tasks[1].engineId"),
        ({"tasks": [{"engineId": BATCH}], "recordingId": "99"}, "recordingId"),
        ([], "object"),
    ],
)
async def test_what_is_wrong_is_named(api: Api, body: Any, says: str) -> None:
    answer = await send(api, "POST", "job", body)
    assert answer.status_code in (400, 404)
    assert says in answer.json()["detail"]
    assert (await api.graphql.ask("{ jobs { count } }"))["jobs"]["count"] == 0


async def test_it_needs_a_token_and_a_role(api: Api) -> None:
    assert (await send(api.holding(None), "GET", "job")).status_code == 401
    assert (await send(await api.in_role(Role.READER), "POST", "job", JOB)).status_code == 403


async def test_an_engine_outside_polls_and_reports_about_its_task(api: Api) -> None:
    job = (await send(api, "POST", "job", JOB)).json()
    path = f"job/{job['jobId']}/task/{job['tasks'][0]['taskId']}"
    polled = await send(api, "POST", f"{path}/poll", {"at": 7})
    assert (polled.status_code, polled.json()["taskStatus"]) == (200, "running")
    assert (await send(api, "POST", f"{path}/poll")).status_code == 200
    query = f'{{ task(id: "{job["tasks"][0]["taskId"]}") {{ runtimePayload }} }}'
    assert (await api.graphql.ask(query))["task"] == {"runtimePayload": {"at": 7}}
    ended = await send(api, "PUT", path, {"taskStatus": "complete", "taskOutput": {"n": 1}})
    assert (ended.json()["taskStatus"], ended.json()["taskOutput"]) == ("complete", {"n": 1})
    refused = await send(api, "PUT", path, {"taskStatus": "failed"})
    assert (refused.status_code, refused.json()["detail"]) == (400, "The task is already complete.")
    assert (await send(api, "POST", f"{path}/poll", {})).status_code == 400


@pytest.mark.parametrize(
    ("body", "says"), [({}, "taskStatus: required"), ({"taskStatus": "waiting"}, "one of running")]
)
async def test_a_report_that_says_nothing_is_refused(api: Api, body: Any, says: str) -> None:
    job = (await send(api, "POST", "job", JOB)).json()
    answer = await send(api, "PUT", f"job/{job['jobId']}/task/{job['tasks'][0]['taskId']}", body)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


async def test_a_task_of_another_job_or_organization_is_not_found(api: Api) -> None:
    one, other = [(await send(api, "POST", "job", JOB)).json() for _ in range(2)]
    task = one["tasks"][0]["taskId"]
    stranger = await api.another_organization()
    for who, job in ((api, other["jobId"]), (stranger, one["jobId"])):
        for method, path in (("PUT", ""), ("POST", "/poll")):
            answer = await send(who, method, f"job/{job}/task/{task}{path}", {"taskStatus": "running"})
            assert answer.status_code == 404, answer.text
