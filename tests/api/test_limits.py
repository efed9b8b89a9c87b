"""Shares, limits and pauses over both interfaces, in the form that clients read."""

import json
from typing import Any

import httpx
import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import BATCH, TRANSCRIBE, WEBSTREAM, single, transcription
from tests.api.verbs import Answer, document

from enginehouse.domain import ids
from enginehouse.domain.refs import Ref
from enginehouse.operations import identity, jobs


def result(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["result"]
    return found


async def test_a_job_is_paused_and_resumed_in_either_spelling(own: Rest, rest: Rest) -> None:
    job = await rest.create(single())
    number = ids.parse_job(job)
    assert number is not None
    paused = result(await own.post(f"jobs/{job}/pause", {}))
    assert paused == {
        "internalJobID": job,
        "coreJobID": ids.job_graphql(number),
        "paused": True,
        "changed": True,
    }
    detail = await rest.own_detail(job)
    assert (detail["jobStatus"], "pausedDateTime" in detail) == ("pending", True)
    again = result(await own.post(f"jobs/{ids.job_graphql(number)}/pause", {}))
    assert again["changed"] is False
    resumed = result(await own.post(f"jobs/{job}/resume", {}))
    assert (resumed["paused"], resumed["changed"]) == (False, True)
    assert "pausedDateTime" not in await rest.own_detail(job)


async def test_a_cancelled_job_is_refused_with_its_status(own: Rest, rest: Rest) -> None:
    job = await rest.create(single())
    await rest.post("proc/jobs/cancel", {"jobID": job})
    answer = await own.post(f"jobs/{job}/pause", {})
    assert answer.status_code == 400
    assert "already aborted" in answer.json()["detail"]


async def test_an_organization_shows_its_share_and_keeps_what_is_not_given(own: Rest) -> None:
    changed = result(await own.request("PATCH", "organizations/1", {"weight": 5, "runningLimit": 2}))
    assert (changed["organizationID"], changed["weight"], changed["runningLimit"]) == ("1", 5, 2)
    named = f"organizations/{ids.organization_uuid(1)}"
    assert result(await own.request("PATCH", named, {"weight": 1}))["runningLimit"] == 2
    assert "runningLimit" not in result(await own.request("PATCH", named, {"runningLimit": None}))
    paused = result(await own.post("organizations/1/pause", {}))
    assert "pausedDateTime" in paused
    listed = (await own.get("organizations")).json()["result"]
    assert listed[0]["pausedDateTime"] == paused["pausedDateTime"]
    assert "pausedDateTime" not in result(await own.post("organizations/1/resume", {}))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "give weight, runningLimit or both."),
        ({"weight": 0}, "weight: 1–1000, got 0."),
        ({"runningLimit": -1}, "runningLimit: 0–1000000, null for any number, got -1."),
        ({"weight": "3"}, 'weight: integer, got "3".'),
        ({"weight": None}, "weight: integer, got null."),
        ({"weight": 2.5, "runningLimit": []}, "weight: integer, got 2.5.\nrunningLimit: integer, got a list."),
    ],
)
async def test_a_share_that_cannot_be_is_refused_in_words(own: Rest, body: dict[str, Any], said: str) -> None:
    answer = await own.request("PATCH", "organizations/1", body)
    assert answer.status_code == 400
    assert answer.json()["detail"] == said
    assert (await own.get("organizations")).json()["result"][0]["weight"] == 1


async def test_an_engine_is_limited_and_paused(own: Rest, rest: Rest) -> None:
    limited = result(await own.request("PATCH", f"engines/{BATCH}", {"runningLimit": 3}))
    assert (limited["engineID"], limited["state"], limited["runningLimit"]) == (BATCH, "active", 3)
    assert result(await own.post(f"engines/{BATCH}/pause", {}))["state"] == "paused"
    assert result(await own.post(f"engines/{BATCH}/resume", {}))["state"] == "active"
    assert "runningLimit" not in result(await own.request("PATCH", f"engines/{BATCH}", {"runningLimit": None}))
    refused = await own.request("PATCH", f"engines/{BATCH}", {})
    assert (refused.status_code, refused.json()["detail"]) == (400, "runningLimit: required.")
    assert (await own.post("engines/none/pause", {})).status_code == 404


async def test_graphql_pauses_and_resumes_a_job(api: Api) -> None:
    made = await api.graphql.ask(
        f'mutation {{ createJob(input: {{tasks: [{{engineId: "{WEBSTREAM}"}}]}}) {{ id paused }} }}'
    )
    job = made["createJob"]
    assert job["paused"] is False
    for verb, paused in (("pauseJob", True), ("resumeJob", False)):
        answer = await api.graphql.ask(f'mutation {{ {verb}(id: "{job["id"]}") {{ id paused }} }}')
        assert answer[verb] == {"id": job["id"], "paused": paused}
        shown = await api.graphql.ask(f'{{ job(id: "{job["id"]}") {{ paused }} }}')
        assert shown["job"]["paused"] is paused


IN_SCHEDULE = "jobTemplates[0].taskTemplates[0].executionPreferences.maxEngines"
SAID: list[tuple[dict[str, Any], int | None, bool]] = [
    ({"parallelProcessing": False}, 1, False),
    ({}, None, False),
    ({"parallelProcessing": None}, None, False),
    ({"parallelProcessing": True}, None, True),
    ({"parallelProcessing": True, "maxEngines": 4}, 4, True),
    ({"maxEngines": 4}, 4, True),
    ({"parallelProcessing": None, "maxEngines": 4}, 4, True),
    ({"maxEngines": 1}, 1, False),
    ({"maxEngines": 1, "parallelProcessing": False}, 1, False),
]


@pytest.mark.parametrize(("given", "most", "parallel"), SAID)
async def test_a_task_is_limited_by_what_it_says_and_by_nothing_else(
    rest: Rest, given: dict[str, Any], most: int | None, parallel: bool
) -> None:
    wanted = transcription()
    task = wanted["tasks"][2]
    for name in ("parallelProcessing", "maxEngines"):
        task.pop(name)
    job_id = ids.parse_job(
        await rest.create({**wanted, "tasks": [*wanted["tasks"][:2], {**task, **given}, wanted["tasks"][3]]})
    )
    assert job_id is not None
    caller = await identity.authenticate(rest.house, rest.token)
    plan = (await jobs.get(rest.house, caller, Ref.of(job_id))).plan.tasks[2]
    assert plan.per_chunk
    assert (plan.max_engines, plan.parallel) == (most, parallel)


@pytest.mark.parametrize(("given", "most", "parallel"), SAID)
async def test_in_graphql_as_well(api: Api, given: dict[str, Any], most: int | None, parallel: bool) -> None:
    task = {
        "engineId": TRANSCRIBE,
        "ioFolders": [{"referenceId": "in", "mode": "chunk", "type": "input"}],
        "executionPreferences": given,
    }
    preferences = "executionPreferences { maxEngines parallelProcessing }"
    fields = f"id tasks {{ records {{ {preferences} }} }}"
    variables = {"in": {"tasks": [task]}}
    made = await api.graphql.ask(f"mutation($in: CreateJob) {{ createJob(input: $in) {{ {fields} }} }}", variables)
    [shown] = made["createJob"]["tasks"]["records"]
    assert shown["executionPreferences"] == {"maxEngines": most, "parallelProcessing": parallel}
    template = await api.graphql.change(
        "createJobTemplate", f"id taskTemplates {{ records {{ {preferences} }} }}", taskTemplates=[task]
    )
    [shown] = template["taskTemplates"]["records"]
    assert shown["executionPreferences"] == {"maxEngines": given.get("maxEngines"), "parallelProcessing": parallel}


CREATIONS = [
    ("POST /edge/v1/proc/job/create", {"jobs": [{"tasks": ["TASK"]}]}, "jobs[0].tasks[0].maxEngines"),
    ("POST /api/v1/schedules", {"name": "n", "jobTemplates": [{"taskTemplates": ["TASK"]}]}, IN_SCHEDULE),
    (document("createJob").replace("!", ""), {"tasks": ["TASK"]}, "tasks[0].executionPreferences.maxEngines"),
    (document("createJobTemplate"), {"taskTemplates": ["TASK"]}, "taskTemplates[0].executionPreferences.maxEngines"),
    (document("createScheduledJob"), {"name": "n", "jobTemplates": [{"taskTemplates": ["TASK"]}]}, IN_SCHEDULE),
]


@pytest.mark.parametrize(("request_", "body", "path"), CREATIONS)
async def test_only_a_said_false_contradicts_more_engines(
    api: Api, request_: str, body: dict[str, Any], path: str
) -> None:
    async def create(preferences: dict[str, Any]) -> Answer:
        said = preferences if "/edge/" in request_ else {"executionPreferences": preferences}
        task = json.dumps({"engineId": BATCH, **said})
        given = json.loads(json.dumps(body).replace('"TASK"', task))
        return await api.ask(request_, {"in": given} if request_.startswith("mutation") else given)

    assert not (await create({"maxEngines": 4})).error
    refused = await create({"maxEngines": 4, "parallelProcessing": False})
    assert refused.error == "invalid_input"
    assert f"{path}: maxEngines must be 1 when parallelProcessing is false." in refused.message
