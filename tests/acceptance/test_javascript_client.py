"""The published JavaScript client `veritone-client-js`, unmodified, against a running server."""

import json
import subprocess
from typing import Any

from tests.acceptance import toolchains
from tests.acceptance.servers import Server, clean

CREATE_TARGET = "mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"


def session(server: Server, script: str, **given: str) -> list[dict[str, Any]]:
    """Returns the result of each call of the session."""
    toolchains.node_modules()
    environment = {"ENGINEHOUSE_URL": server.url, "ENGINEHOUSE_TOKEN": server.token, **given}
    how: dict[str, Any] = {"cwd": toolchains.NODE, "env": clean(environment), "timeout": 60}
    ended = subprocess.run(["node", script], capture_output=True, text=True, check=False, **how)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_its_calls_for_jobs_and_graphql_work(server: Server) -> None:
    assert server.cli("organization", "pause", "1").code == 0  # so that the jobs of the session wait
    try:
        with server.client() as client:
            made = client.post("/v3/graphql", json={"query": CREATE_TARGET}).json()
            target: str = made["data"]["createTDO"]["id"]
            count = client.post("/v3/graphql", json={"query": "{ jobs(limit: 2) { count } }"}).json()["data"]["jobs"]
        results = session(server, "session.js", ENGINEHOUSE_TARGET=target)
    finally:
        assert server.cli("organization", "resume", "1").code == 0

    graphql, created, got, listed, of_target, cancelled, restarted, retried, absent, refused = results
    assert graphql["result"]["data"] == {"jobs": count, "me": {"name": "admin"}}
    job = created["result"]
    assert (job["status"], job["recordingId"]) == ("pending", target)
    assert [(task["taskStatus"], task["taskPayload"]) for task in job["tasks"]] == [("pending", {"a": 1})]
    assert got["result"] == job
    assert listed["result"]["jobs"][0] == job
    assert of_target["result"] == {"jobs": [job], "offset": 0, "limit": 10, "count": 1}
    assert (cancelled["result"]["jobId"], cancelled["result"]["status"]) == (job["jobId"], "aborted")
    again = {restarted["result"]["jobId"], retried["result"]["jobId"]}
    assert len(again | {job["jobId"]}) == 3
    assert {restarted["result"]["status"], retried["result"]["status"]} == {"pending"}
    assert (absent["status"], absent["data"]["id"]) == (404, "not_found")
    assert refused["status"] in (400, 404)
    assert 'tasks[0].engineId: engine "nobody" does not exist' in refused["data"]["detail"]


CREATE_ENGINE = """mutation($in: CreateEngine) { createEngine(input: $in) { id } }"""


def test_its_calls_for_tasks_work(server: Server) -> None:
    with server.client() as client:
        category = client.post("/v3/graphql", json={"query": "{ engineCategories(limit: 1) { records { id } } }"})
        new = {
            "name": "by a person",
            "categoryId": category.json()["data"]["engineCategories"]["records"][0]["id"],
            "deploymentModel": "HumanReview",
        }
        made = client.post("/v3/graphql", json={"query": CREATE_ENGINE, "variables": {"in": new}}).json()
        results = session(server, "tasks.js", ENGINEHOUSE_ENGINE=made["data"]["createEngine"]["id"])
        created, polled, running, complete, refused, got = results
        task = created["result"]["tasks"][0]["taskId"]
        shown = client.post("/v3/graphql", json={"query": f'{{ task(id: "{task}") {{ output runtimePayload }} }}'})
    assert [each["result"]["taskStatus"] for each in (polled, running, complete)] == ["running", "running", "complete"]
    assert complete["result"]["taskOutput"] == {"words": 3}
    assert (refused["status"], refused["data"]["detail"]) == (400, "The task is already complete.")
    assert got["result"]["status"] == "complete"
    assert shown.json()["data"]["task"] == {"output": {"words": 3}, "runtimePayload": {"at": 7}}
