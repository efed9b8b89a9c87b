"""Quotas of tokens: requests, bytes and tasks, in an hour and at all, over both interfaces."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import BATCH, single

from enginehouse.domain.errors import NotAllowed, QuotaReached
from enginehouse.domain.token_quotas import HOUR, QuotaHolder, QuotaRequest, TokenQuota
from enginehouse.operations import identity
from enginehouse.operations.token_usage import TokenUsage
from enginehouse.storage import token_quotas as storage


async def limited(api: Api, **limits: int) -> Api:
    """Returns the interfaces with a new token that has these limits."""
    made = await api.edge.result("/admin/tokens/create", {"token": limits})
    assert {name: made[name] for name in limits} == limits
    return api.holding(made["tokenID"])


async def used(api: Api, of: Api) -> tuple[int, int, int]:
    """Returns what the token has used: requests, bytes, tasks."""
    await api.house.token_usage.store()
    shown = (await api.edge.get(f"/admin/token/{of.edge.token}/detail")).json()
    return shown["totalCountAPI"], shown["totalCountBytes"], shown["totalCountTasks"]


async def create(rest: Rest, tasks: int = 1, **headers: str) -> httpx.Response:
    job = {"tasks": [single()["tasks"][0]] * tasks}
    return await rest.post("/proc/job/create", {"jobs": [job]}, **headers)


async def test_tasks_are_counted_exactly_and_no_job_is_created_over_the_quota(api: Api) -> None:
    few = await limited(api, maxTasks=5)
    answers = await asyncio.gather(*(create(few.edge, 2) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 403, 403]
    refused = next(answer for answer in answers if answer.status_code == 403)
    assert refused.json()["detail"] == "This token may use 5 tasks in all; 1 are left."
    assert (await create(few.edge, 1)).status_code == 200
    assert (await create(few.edge, 1)).status_code == 403
    assert (await few.ask('mutation { createJob(input: {tasks: [{engineId: "x"}]}) { id } }')).error == "not_found"
    assert (await api.edge.get("/proc/jobs")).json()["count"] == 3
    assert (await used(api, few))[2] == 5


async def test_other_creations_of_a_batch_are_not_refused_with_it(api: Api) -> None:
    few = await limited(api, maxTasks=1)
    both = [(few.edge, 2), (api.edge, 2)] * 5
    answers = await asyncio.gather(*(create(rest, tasks) for rest, tasks in both))
    assert [answer.status_code for answer in answers] == [403, 200] * 5
    assert (await used(api, few))[2] == 0


async def test_an_hourly_limit_of_tasks_says_when_to_come_back(api: Api) -> None:
    few = await limited(api, taskRateLimitHour=1)
    assert (await create(few.edge)).status_code == 200
    answer = await create(few.edge)
    assert (answer.status_code, answer.json()["id"]) == (429, "rate_limited")
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    assert (await few.ask(f'mutation {{ retryJob(id: "{await own_job(api)}") {{ id }} }}')).error == "rate_limited"


async def own_job(api: Api) -> str:
    return str((await api.edge.get("/proc/jobs")).json()["result"][0]["coreJobID"])


async def test_a_repeated_request_with_a_key_is_counted_once(api: Api) -> None:
    few = await limited(api, maxTasks=1)
    first, second = [await create(few.edge, Idempotency_Key="k") for _ in range(2)]
    assert first.json() == second.json()
    over = await create(few.edge, Idempotency_Key="k2")
    assert over.status_code == 403
    await api.edge.result(f"/admin/token/{few.edge.token}/update", {"token": {"maxTasks": 2}})
    assert (await create(few.edge, Idempotency_Key="k2")).status_code == 200  # the refused request took no key


async def test_tasks_that_templates_launch_are_counted(api: Api) -> None:
    few = await limited(api, maxTasks=1)
    schedule = await api.schedule(runMode="Once")
    run = f'mutation {{ launchScheduledJobs(input: {{scheduledJobId: "{schedule["id"]}"}}) {{ id }} }}'
    assert (await few.ask(run)).error == ""
    assert (await few.ask(run)).error == "not_allowed"
    assert (await used(api, few))[2] == 1


async def test_requests_are_counted_over_both_interfaces(api: Api) -> None:
    few = await limited(api, maxAPI=3)
    assert (await few.edge.get("/proc/jobs")).status_code == 200
    assert (await few.v1.get("schedules")).status_code == 200
    assert (await few.ask("{ me { id } }")).error == ""
    for request, status in (("GET /edge/v1/proc/jobs", 403), ("{ me { id } }", 403)):
        answer = (await few.ask(request)).response
        assert (answer.status_code, "3 requests in all; 0 are left" in answer.text) == (status, True)
    assert (await used(api, few))[0] == 3
    hourly = await limited(api, apiRateLimitHour=1)
    assert (await hourly.edge.get("/proc/jobs")).status_code == 200
    answer = await hourly.edge.get("/proc/jobs")
    assert (answer.status_code, answer.json()["id"]) == (429, "rate_limited")
    assert 0 < int(answer.headers["retry-after"]) <= 3600


async def test_bytes_are_those_of_the_bodies_of_requests(api: Api) -> None:
    few = await limited(api, maxBytes=100)
    small = await few.edge.post("/proc/jobs/cancel", raw=b"x" * 60)
    assert small.status_code == 400
    assert (await few.edge.post("/proc/jobs/cancel", raw=b"x" * 60)).status_code == 403
    assert (await few.edge.get("/proc/jobs")).status_code == 200

    async def unknown() -> Any:
        for _ in range(3):
            yield b"x" * 30

    signed = {"Authorization": f"Bearer {few.edge.token}"}
    answer = await few.edge.client.post("/proc/jobs/cancel", content=unknown(), headers=signed)
    assert answer.status_code == 403
    query = await few.graphql.http.post("/v3/graphql", content=unknown(), headers=signed)
    assert (query.status_code, query.json()["errors"][0]["name"]) == (403, "not_allowed")
    assert (await used(api, few))[1] == 90  # of the last two, what arrived before the refusal


async def test_limits_are_changed_lifted_and_shown(api: Api) -> None:
    few = await limited(api, maxAPI=1, maxTasks=7)
    path = f"/admin/token/{few.edge.token}/update"
    assert (await few.edge.get("/proc/jobs")).status_code == 200
    assert (await few.edge.get("/proc/jobs")).status_code == 403
    lifted = await api.edge.result(path, {"token": {"maxAPI": 0}})
    assert (lifted["maxAPI"], lifted["maxTasks"]) == (0, 7)
    few.house.token_usage._counted.clear()  # a second later
    assert (await few.edge.get("/proc/jobs")).status_code == 200
    wrong = await api.edge.post(path, {"token": {"maxAPI": -1, "maxTasks": -2}})
    assert [line.partition(": ")[0] for line in wrong.json()["detail"].split("\n")] == [
        "token.maxAPI",
        "token.maxTasks",
    ]
    shown = await api.edge.result("/admin/tokens")
    assert [one.get("maxTasks") for one in shown] == [7, None]
    none = await api.edge.result("/admin/tokens/create", {"token": {"maxTasks": 0}})
    assert "maxTasks" not in none


async def test_servers_learn_what_the_others_have_counted(api: Api) -> None:
    secret = (await limited(api, maxAPI=10)).edge.token
    caller = await identity.authenticate(api.house, secret)
    now = 0.0
    one, other = [TokenUsage(api.house.database, clock=lambda: now) for _ in range(2)]
    for _ in range(8):
        await one.take(caller, None)
    await other.take(caller, None)  # it does not know yet
    now = 1.0
    await one.take(caller, None)  # 8 are stored
    await other.take(caller, None)  # 9 are known
    with pytest.raises(NotAllowed):
        await other.take(caller, None)
    await one.store()
    await other.store()
    now = 2.0
    with pytest.raises(NotAllowed):
        await one.take(caller, None)


def test_a_new_hour_begins_with_nothing() -> None:
    quota = TokenQuota("t", 1).with_request(QuotaRequest(tasks_per_hour=2))._replace(hour=5, hour_tasks=2, tasks=2)
    with pytest.raises(QuotaReached) as refused:
        quota.refuse(5 * HOUR + HOUR - 1_500_000, tasks=1)
    assert refused.value.data == {"allowed": 2, "retry_after": 2}
    quota.refuse(6 * HOUR, tasks=2)
    with pytest.raises(QuotaReached):
        quota.refuse(6 * HOUR, tasks=3)


async def test_the_counts_of_an_hour_end_with_it(api: Api) -> None:
    few = await limited(api, taskRateLimitHour=3)
    token = (await identity.authenticate(api.house, few.edge.token)).quota
    assert isinstance(token, QuotaHolder)
    first = await api.house.database.write(lambda tx: storage.add(tx, token, 7 * HOUR, api=2, octets=5))
    later = await api.house.database.write(lambda tx: storage.add(tx, token, 8 * HOUR, api=1))
    early = await api.house.database.write(lambda tx: storage.add(tx, token, 7 * HOUR, api=1))
    assert [(one.api, one.hour, one.hour_api, one.hour_bytes) for one in (first, later, early) if one] == [
        (2, 7, 2, 5), (3, 8, 1, 0), (4, 8, 2, 0),
    ]  # fmt: skip


async def test_tasks_that_are_added_to_a_job_are_counted(api: Api) -> None:
    few = await limited(api, maxTasks=2)
    job = await api.edge.create()
    path = f"/proc/job/{job}/addtask"
    assert (await few.edge.post(path, {"task": {"engineId": BATCH}})).status_code == 200
    assert (await few.edge.post(path, {"task": {"engineId": "none"}})).status_code == 400
    assert (await used(api, few))[2] == 1
    new = {
        "id": "00000000-0000-4000-8000-000000000001", "jobId": job, "engineId": BATCH, "buildId": "b",
        "status": "pending", "createdDateTime": 1,
    }  # fmt: skip
    add = "mutation($in: AddTasksToJobs) { addTasksToJobs(input: $in) { createdTasks { id } errors { message } } }"
    for _ in range(2):  # the second adds nothing
        answer = (await few.graphql.ask(add, {"in": {"tasks": [new]}}))["addTasksToJobs"]
        assert (len(answer["createdTasks"]), answer["errors"]) == (1, [])
    assert (await used(api, few))[2] == 2
    over = {**new, "id": "00000000-0000-4000-8000-000000000002"}
    assert (await few.graphql.refused(add, {"in": {"tasks": [over]}}))["name"] == "not_allowed"
    assert (await few.edge.post(path, {"task": {"engineId": BATCH}})).status_code == 403
    assert len((await api.edge.detail(job))["tasks"]) == 3


async def test_a_limited_token_gives_nobody_more(api: Api) -> None:
    few = await limited(api, maxAPI=100)
    for path, body in (("/admin/tokens/create", {}), (f"/admin/token/{few.edge.token}/update", {"maxAPI": 0})):
        answer = await few.edge.post(path, {"token": body})
        assert (answer.status_code, "cannot create or change tokens" in answer.json()["detail"]) == (403, True)
