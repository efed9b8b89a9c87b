"""Pipelines over both interfaces: the same forms, the same problems at once, and a plan is what a create makes."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.verbs import Answer

from enginehouse.engines.native import CATEGORIES, ENGINES
from enginehouse.operations import engines
from enginehouse_engines import keywords, language, sentiment

SHOW = "name description input builtIn steps { name reads engines category payload optional engineId engineName }"
STEP = {"name": "mood", "engines": ["sentiment-vader"], "payload": {"a": 1}}


@pytest.fixture
async def api(sqlite_api: Api) -> Api:
    """Returns the API of a house that knows the engines of text. The operations have tests on both databases."""
    specs = [*(one.spec for one in ENGINES), *(one.engine.spec for one in (keywords, language, sentiment))]
    await engines.register(sqlite_api.house, specs, CATEGORIES)
    return sqlite_api


def spelled(record: dict[str, Any]) -> dict[str, Any]:
    """Returns a record of REST as GraphQL spells it."""
    steps = [{name.replace("ID", "Id"): value for name, value in step.items()} for step in record["steps"]]
    return {**{k: v for k, v in record.items() if not k.endswith("DateTime")}, "steps": steps}


def paths(answer: Answer) -> list[str]:
    """Returns the paths of the problems that a refusal of REST names."""
    assert answer.status == 400
    return [line.partition(": ")[0] for line in answer.message.splitlines()]


async def test_both_interfaces_show_the_same(api: Api) -> None:
    await api.ask("PUT /api/v1/pipelines/own", {"description": "d", "steps": [STEP]})
    listed = [spelled(one) for one in (await api.ask("GET /api/v1/pipelines")).body["result"]]
    assert [one["name"] for one in listed] == ["chunk", "own", "transcribe", "understand"]
    assert (await api.graphql.ask(f"{{ pipelines {{ {SHOW} }} }}"))["pipelines"] == listed
    assert (await api.graphql.ask(f'{{ pipeline(name: "own") {{ {SHOW} }} }}'))["pipeline"] == listed[1]
    assert listed[1]["steps"][0]["engineName"] == "Sentiment (VADER)"


async def test_a_plan_makes_the_job_that_a_create_makes(api: Api) -> None:
    plan = (await api.ask("POST /api/v1/pipelines/understand/plan", {"text": "a text"})).body["result"]["job"]
    query = '{ pipelinePlan(name: "understand", text: "a text") { job } }'
    assert (await api.graphql.ask(query))["pipelinePlan"]["job"] == plan
    make = "mutation($job: CreateJob) { createJob(input: $job) { id } }"
    by_plan = (await api.graphql.ask(make, {"job": plan}))["createJob"]["id"]
    at_once = (await api.ask("POST /api/v1/pipelines/understand/jobs", {"text": "a text"})).body["result"]["coreJobID"]
    shown = "tasks { records { engineId payload ioFolders { mode type } } }"
    one, other = [(await api.graphql.ask(f'{{ job(id: "{job}") {{ {shown} }} }}'))["job"] for job in (by_plan, at_once)]
    assert one == other
    template = {"taskTemplates": plan["tasks"], "routes": plan["routes"]}
    made = "mutation($in: CreateJobTemplate!) { createJobTemplate(input: $in) { taskTemplates { count } } }"
    stored = (await api.graphql.ask(made, {"in": template}))["createJobTemplate"]["taskTemplates"]["count"]
    assert stored == len(plan["tasks"])


async def test_a_plan_for_what_will_be_at_an_address_looks_at_nothing(api: Api) -> None:
    """No address can be read here, and one whose type is known is not."""
    there = {"url": "https://nowhere.invalid/a"}
    planned = await api.ask("POST /api/v1/pipelines/understand/plan", {**there, "mediaType": "Text/Plain; x=y"})
    answer = planned.body["result"]
    assert (answer["mediaType"], answer["job"]["tasks"][0]["payload"]) == ("text/plain", there)
    text = await api.ask("POST /api/v1/pipelines/understand/plan", {"text": "a text"})
    assert text.body["result"]["mediaType"] == "text/plain"
    assert paths(await api.ask("POST /api/v1/pipelines/understand/plan", there)) == ["url"]


async def test_everything_wrong_is_said_with_its_path_on_both(api: Api) -> None:
    steps = [{"name": "A b", "engines": ["sentiment-vader"]}, {"name": "c", "reads": "x"}]
    wrong = ["steps[0].name", "steps[1].reads", "steps[1].engines"]
    refused = await api.ask("PUT /api/v1/pipelines/own", {"steps": steps})
    assert paths(refused) == wrong
    change = "mutation($in: UpsertPipeline!) { upsertPipeline(input: $in) { name } }"
    error = await api.graphql.refused(change, {"in": {"name": "own", "steps": steps}})
    assert [one["field"] for one in error["data"]["all"]] == wrong
    twice = await api.ask("POST /api/v1/pipelines/chunk/plan", {"text": "a", "mediaType": "text/plain"})
    assert paths(twice) == ["mediaType"]
    nowhere = await api.ask("POST /api/v1/pipelines/chunk/plan", {"url": "ftp://a", "mediaType": "text/plain"})
    assert paths(nowhere) == ["url"]
    misspelled = await api.ask("PUT /api/v1/pipelines/own", {"steps": [{**STEP, "optoinal": True}]})
    assert paths(misspelled) == ["steps[0].optoinal"]
