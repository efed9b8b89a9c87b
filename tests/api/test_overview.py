"""The numbers of the organization and of its engines, over both interfaces: the same, and of nobody else."""

import asyncio
import json
from typing import Any

import pytest
from tests.api.clients import Api

from enginehouse.api.asgi import application
from enginehouse.domain.retry import FailureKind
from enginehouse.operations import limits

MOVES = ("created", "started", "complete", "failed", "aborted")


async def ran(api: Api) -> None:
    """Of four jobs one is complete, one has failed, one runs and one waits."""
    for _ in range(4):
        await api.edge.create()
    await api.edge.run_one()
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    await api.edge.start_one()


async def test_the_overview_is_the_same_over_both(api: Api) -> None:
    await ran(api)
    rest = await api.v1.result("overview")
    assert {status: jobs for status, jobs in rest["jobs"].items() if jobs} == {
        "pending": 1, "running": 1, "complete": 1, "failed": 1,
    }  # fmt: skip
    assert rest["running"] == {"native": 1, "python": 0, "http": 0}
    assert [one["items"] for one in rest["waiting"]] == [1]
    assert rest["failures"] == {"invalid_data": 1}
    own = (
        "{ overview { jobs { name count } waiting { engineId items } running { name count } failures { name count } } }"
    )
    found = (await api.graphql.ask(own))["overview"]
    assert named(found["jobs"]) == rest["jobs"]
    assert named(found["running"]) == rest["running"]
    assert named(found["failures"]) == rest["failures"]
    assert [(one["engineId"], one["items"]) for one in found["waiting"]] == [
        (one["engineID"], one["items"]) for one in rest["waiting"]
    ]


def named(counts: list[dict[str, Any]]) -> dict[str, int]:
    return {one["name"]: one["count"] for one in counts}


async def test_rates_are_the_same_over_both_and_of_nobody_else(api: Api) -> None:
    await ran(api)
    rest = await api.v1.result("overview/rates")
    assert [sum(point[move] for point in rest) for move in MOVES] == [4, 3, 1, 1, 0]
    assert len(rest) in (61, 62)
    hours = await api.v1.result("overview/rates", sinceDateTime=rest[0]["dateTime"], step=3600)
    assert [sum(point[move] for point in hours) for move in MOVES] == [4, 3, 1, 1, 0]
    assert len(hours) in (1, 2)
    fields = " ".join(MOVES)
    document = f"query($since: DateTime) {{ jobRates(sinceDateTime: $since, stepSeconds: 60) {{ {fields} }} }}"
    found = (await api.graphql.ask(document, {"since": rest[0]["dateTime"]}))["jobRates"]
    assert [sum(point[move] for point in found) for move in MOVES] == [4, 3, 1, 1, 0]
    other = await api.another_organization()
    assert not any(point[move] for point in await other.v1.result("overview/rates") for move in MOVES)


@pytest.mark.parametrize(
    ("query", "path", "says"),
    [
        ({"step": 90}, "step", "whole minutes"),
        ({"step": 30}, "step", "60–172800"),
        ({"sinceDateTime": "soon"}, "sinceDateTime", "not a valid date-time"),
        ({"sinceDateTime": "2100-01-01"}, "since", "a time that has passed"),
        ({"sinceDateTime": "2001-01-01"}, "step", "or more for this time"),
    ],
)
async def test_what_cannot_be_drawn_is_refused_by_name(
    sqlite_api: Api, query: dict[str, Any], path: str, says: str
) -> None:
    answer = await sqlite_api.v1.request("GET", "overview/rates", **query)
    assert answer.status_code == 400
    assert path in answer.text
    assert says in answer.text


async def test_engines_have_their_numbers_over_both(api: Api) -> None:
    await ran(api)
    rest = {one["engineID"]: one for one in await api.v1.result("engine-numbers")}
    [(name, busy)] = [(name, one) for name, one in rest.items() if one["waiting"]]
    assert (busy["waiting"], busy["running"], busy["failures"]) == (1, 1, {"invalid_data": 1})
    [failure] = busy["lastFailures"]
    assert failure["reason"] == "invalid_data"
    assert failure["coreTaskID"].startswith(failure["coreJobID"])
    await limits.limit_engine(api.house, await api.principal(), name, 3)
    document = (
        "{ engineNumbers { engineId waiting running runningLimit failures { name count } "
        "lastFailures { jobId taskId reason } } }"
    )
    found = {one["engineId"]: one for one in (await api.graphql.ask(document))["engineNumbers"]}
    assert found.keys() == rest.keys()
    assert (found[name]["waiting"], found[name]["running"], found[name]["runningLimit"]) == (1, 1, 3)
    assert named(found[name]["failures"]) == {"invalid_data": 1}
    assert found[name]["lastFailures"] == [
        {"jobId": failure["coreJobID"], "taskId": failure["coreTaskID"], "reason": "invalid_data"}
    ]


async def test_the_stream_needs_a_token(sqlite_api: Api) -> None:
    answer = await sqlite_api.holding(None).v1.request("GET", "overview/stream")
    assert (answer.status_code, answer.json()["id"]) == (401, "authentication_error")


async def test_the_stream_sends_the_numbers_when_they_change(sqlite_api: Api) -> None:
    api, heard = sqlite_api, asyncio.Queue[dict[str, int]]()
    leave = asyncio.Event()
    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/overview/stream", "query_string": b"heartbeat=1",
        "headers": [(b"authorization", f"Bearer {api.v1.token}".encode())], "client": ("127.0.0.1", 1),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        for line in message.get("body", b"").decode().splitlines():
            if line.startswith("data: "):
                heard.put_nowait(json.loads(line.removeprefix("data: "))["jobs"])

    serving = asyncio.create_task(application(api.house)(scope, receive, send))
    assert (await asyncio.wait_for(heard.get(), 20))["pending"] == 0
    await api.edge.create()
    assert (await asyncio.wait_for(heard.get(), 20))["pending"] == 1
    leave.set()
    await serving
    assert not api.house.feeds._feeds
