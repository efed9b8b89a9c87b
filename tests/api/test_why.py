"""The wait reasons of a job over both interfaces, and the workers that each caller may see."""

from dataclasses import replace
from typing import Any

import pytest
from tests.api.clients import TOKEN, Api, Rest, warnings
from tests.api.samples import BATCH, ENGINES, WEBSTREAM, single, transcription

from enginehouse.domain import ids
from enginehouse.domain.identity import Role
from enginehouse.domain.retry import FailureKind
from enginehouse.operations import identity, work, workers

WAITING = """waiting { sentence reasons { kind sentence tasks { id order name status } engineId engineName pool slots
  slotsTaken itemsAhead moreAhead limit running waiting attempt notBeforeDateTime sinceDateTime lastSeenDateTime
  failureReason failureMessage } }"""


@pytest.fixture
async def own(api: Api) -> Rest:
    """Yields our own interface with the token of the first administrator. There is a worker with one worker slot."""
    await workers.beat(api.house, name="w", pools={"native": 1}, engines=[engine.id for engine in ENGINES])
    return api.v1


async def why(own: Rest, path: str) -> Any:
    answer = await own.get(path)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["success"] is True
    return body["result"]


async def test_rest_says_why_a_job_and_each_task_waits(own: Rest, rest: Rest) -> None:
    job = await rest.create(transcription())
    found = await why(own, f"jobs/{job}/why")
    assert (found["internalJobID"], found["jobStatus"]) == (job, "pending")
    assert found["coreJobID"] == ids.job_graphql(ids.parse_job(job) or 0)
    assert found["sentence"] == "Nothing keeps it: it is the next to start."
    [reason] = found["reasons"]
    assert reason == {
        "kind": "next_up",
        "sentence": "Nothing keeps it: it is the next to start.",
        "pool": "native",
        "slots": 1,
        "slotsTaken": 0,
        "itemsAhead": 0,
        "moreAhead": False,
    }
    first, second, *_ = found["tasks"]
    assert (first["engineName"], first["taskStatus"], first["itemsRunning"]) == ("Webstream Adapter", "pending", 0)
    [waits] = second["reasons"]
    assert waits["kind"] == "waits_for_parents"
    assert waits["tasks"] == [
        {"internalTaskID": first["internalTaskID"], "order": 0, "name": "Webstream Adapter", "taskStatus": "pending"}
    ]
    assert await why(own, f"tasks/{second['internalTaskID']}/why") == second
    assert await why(own, f"tasks/{second['coreTaskID']}/why") == second


async def test_rest_says_what_a_failed_attempt_waits_for(own: Rest, rest: Rest) -> None:
    job = await rest.create()
    await rest.fail_one(FailureKind.URL_TIMEOUT)
    found = await why(own, f"jobs/{ids.job_graphql(ids.parse_job(job) or 0)}/why")
    [reason] = found["tasks"][0]["reasons"]
    at = reason.pop("notBeforeDateTime")
    assert reason.pop("sentence").startswith("Attempt 2 may start at ")
    assert reason == {"kind": "until", "attempt": 2, "failureReason": "url_timeout", "failureMessage": "it broke"}
    assert at.endswith("Z")


@pytest.mark.parametrize("path", ["jobs/{job}/why", "tasks/{task}/why"])
async def test_what_is_foreign_is_unknown(own: Rest, rest: Rest, path: str) -> None:
    job = await rest.create()
    stranger = await own.another_organization()
    task = ids.task_uuid(ids.parse_job(job) or 0, 0)
    unknown = {"job": ids.job_uuid(12345), "task": ids.task_uuid(12345, 0)}
    foreign = await stranger.get(path.format(job=job, task=task))
    nothing = await stranger.get(path.format(**unknown))
    assert foreign.status_code == nothing.status_code == 404
    said = foreign.text.replace(job, "X").replace(task, "X")
    assert said == nothing.text.replace(unknown["job"], "X").replace(unknown["task"], "X")


async def test_workers_have_names_for_administrators_only(own: Rest, rest: Rest) -> None:
    await rest.create()
    await work.claim(own.house, pool="native", limit=1, worker="w")
    [shown] = await why(own, "workers")
    assert (shown["name"], shown["connected"], shown["slots"], shown["running"]) == ("w", True, {"native": 1}, 1)
    assert BATCH in shown["engineIDs"]
    root = await identity.authenticate(own.house, TOKEN)
    issued = await identity.create_token(own.house, root, role=Role.READER)
    [seen] = await why(replace(own, token=issued.secret), "workers")
    assert "name" not in seen
    assert seen == {name: value for name, value in shown.items() if name != "name"}


async def test_a_create_over_rest_warns_of_an_engine_that_nobody_runs(own: Rest, rest: Rest) -> None:
    await workers.beat(own.house, name="w", pools={"native": 1}, engines=[])
    answer = await rest.post("/proc/job/create", {"jobs": [single()]})
    assert warnings(answer) == ['jobs[0].tasks[0]: no worker for engine "Batch" is connected; the task will wait.']


async def test_graphql_says_why_a_job_and_each_task_waits(api: Api) -> None:
    await workers.beat(api.house, name="w", pools={"native": 1}, engines=[WEBSTREAM])
    job = await api.graphql.create_job()
    shown = await api.graphql.ask(f'{{ job(id: "{job}") {{ {WAITING} tasks {{ records {{ {WAITING} }} }} }} }}')
    waits = shown["job"]["waiting"]
    assert waits["sentence"] == "Nothing keeps it: it is the next to start."
    [reason] = waits["reasons"]
    facts = {name: value for name, value in reason.items() if value is not None}
    assert facts == {
        "kind": "next_up",
        "sentence": waits["sentence"],
        "pool": "native",
        "slots": 1,
        "slotsTaken": 0,
        "itemsAhead": 0,
        "moreAhead": False,
    }
    assert shown["job"]["tasks"]["records"] == [{"waiting": waits}]
    await work.claim(api.house, pool="native", limit=1, worker="w")
    [task] = (await api.graphql.ask(f'{{ job(id: "{job}") {{ tasks {{ records {{ {WAITING} }} }} }} }}'))["job"][
        "tasks"
    ]["records"]
    assert task == {"waiting": None}


async def test_graphql_names_the_parents_as_graphql_spells_them(api: Api) -> None:
    tasks = [
        {"engineId": WEBSTREAM, "ioFolders": [{"referenceId": "a", "mode": "stream", "type": "output"}]},
        {"engineId": WEBSTREAM, "ioFolders": [{"referenceId": "b", "mode": "stream", "type": "input"}]},
    ]
    routes = [{"parentIoFolderReferenceId": "a", "childIoFolderReferenceId": "b"}]
    job = await api.graphql.create_job(tasks=tasks, routes=routes)
    shown = await api.graphql.ask(f'{{ job(id: "{job}") {{ tasks {{ records {{ id {WAITING} }} }} }} }}')
    first, second = shown["job"]["tasks"]["records"]
    [reason] = second["waiting"]["reasons"]
    assert reason["tasks"] == [{"id": first["id"], "order": 0, "name": "Webstream Adapter", "status": "pending"}]


async def test_graphql_says_nothing_of_what_has_ended(api: Api) -> None:
    job = await api.graphql.create_job()
    await api.graphql.ask(f'mutation {{ cancelJob(id: "{job}") {{ id }} }}')
    shown = await api.graphql.ask(f'{{ job(id: "{job}") {{ {WAITING} tasks {{ records {{ {WAITING} }} }} }} }}')
    assert shown["job"] == {"waiting": None, "tasks": {"records": [{"waiting": None}]}}


async def test_a_create_over_graphql_warns_of_an_engine_that_nobody_runs(api: Api) -> None:
    await workers.beat(api.house, name="w", pools={"native": 1}, engines=[])
    made = await api.graphql.ask(
        f'mutation {{ createJob(input: {{tasks: [{{engineId: "{WEBSTREAM}"}}]}}) {{ warnings }} }}'
    )
    assert made["createJob"]["warnings"] == [
        'tasks[0]: no worker for engine "Webstream Adapter" is connected; the task will wait.'
    ]
