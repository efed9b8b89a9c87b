"""`launchSingleEngineJob`: one engine on new media or on a target, from the template of the engine."""

import json
from typing import Any

import pytest
from tests.api.clients import Api
from tests.thorough import mostly_on_sqlite

from enginehouse.domain.engine import Engine
from enginehouse.domain.handlebars import parse, render
from enginehouse.domain.standalone_templates import of_engine
from enginehouse.engines.native import CATEGORIES, ENGINES
from enginehouse.engines.native.chunker import Chunker
from enginehouse.engines.native.noop import Noop
from enginehouse.engines.native.webstream import WEBSTREAM
from enginehouse.operations import engines

URL = "https://h.example/a.mp4?a=1&b=2"
TASKS = "tasks { records { engineId payload executionPreferences { priority } } }"
JOB = f"id targetId status clusterId {TASKS} routes {{ parentIoFolderReferenceId }}"
LAUNCH = f"mutation($in: LaunchSingleEngineJob!) {{ launchSingleEngineJob(input: $in) {{ {JOB} }} }}"


@pytest.fixture(autouse=True)
async def native(api: Api) -> None:
    """The house has the engines of a real server, because templates name them."""
    await engines.register(api.house, [engine.spec for engine in ENGINES], CATEGORIES)


async def launched(api: Api, **fields: Any) -> dict[str, Any]:
    job: dict[str, Any] = (await api.graphql.ask(LAUNCH, {"in": fields}))["launchSingleEngineJob"]
    return job


def priorities(job: dict[str, Any]) -> set[int]:
    return {task["executionPreferences"]["priority"] for task in job["tasks"]["records"]}


async def test_new_media_gets_a_target_and_goes_through_the_engine_to_the_writer(api: Api) -> None:
    fields = [{"fieldName": "priority", "fieldValue": "-2"}, {"fieldName": "minConfidence", "fieldValue": "0.5"}]
    job = await launched(api, uploadUrl=URL, engineId=Noop.spec.slug, fields=fields, clusterId="c1")
    assert job["status"] == "pending"
    assert job["targetId"].isdigit()
    assert job["clusterId"] == "c1"
    tasks = {task["engineId"]: task["payload"] for task in job["tasks"]["records"]}
    assert tasks[WEBSTREAM.spec.id] == {"url": URL}
    assert tasks[Noop.spec.id] == {"minConfidence": "0.5"}  # no template has a place for it
    assert len(tasks) == 3
    assert len(job["routes"]) == 2
    assert priorities(job) == {-2}


async def test_media_of_a_target_is_worked_on_again_without_any_field(api: Api) -> None:
    made = await api.graphql.ask("mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }")
    target = made["createTDO"]["id"]
    job = await launched(api, targetId=target, engineId=Noop.spec.id)
    assert job["targetId"] == target
    assert job["tasks"]["records"][0]["payload"] in (None, {})
    assert priorities(job) == {-20}


async def test_the_engine_shows_the_templates_that_are_used(api: Api) -> None:
    query = f'{{ engine(id: "{Noop.spec.id}") {{ standaloneJobTemplates {{ type template templateLanguage }} }} }}'
    templates = (await api.graphql.ask(query))["engine"]["standaloneJobTemplates"]
    assert [(one["type"], one["templateLanguage"]) for one in templates] == [
        ("Upload", "Handlebars"),
        ("Reprocess", "Handlebars"),
    ]
    assert '"{{{UPLOAD_URL}}}"' in templates[0]["template"]
    assert '"{{{TARGET_ID}}}"' in templates[1]["template"]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: str(engine.spec.slug))
@mostly_on_sqlite
async def test_every_engine_has_templates_that_give_jobs(api: Api, engine: Any) -> None:
    made = await api.graphql.ask("mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }")
    for place in ({"uploadUrl": URL}, {"targetId": made["createTDO"]["id"]}):
        job = await launched(api, engineId=engine.spec.id, **place)
        assert engine.spec.id in {task["engineId"] for task in job["tasks"]["records"]}


def test_every_field_of_a_template_gives_json() -> None:
    names = ("priority", "clusterId", "notificationUri", "chunkSizeInSeconds", "framesPerSecond")
    chunker = Engine(spec=Chunker.spec, organization_id=None, state="active", created_at=0, modified_at=0)
    for template in of_engine(chunker):
        for count in range(len(names) + 1):
            values = dict.fromkeys(names[:count], "1") | {"UPLOAD_URL": 'a"b', "TARGET_ID": "1", "ENGINE_ID": "e"}
            json.loads(render(parse(template.text), values))


@pytest.mark.parametrize(
    ("fields", "path", "says"),
    [
        ({}, "uploadUrl", "give either uploadUrl or targetId"),
        ({"uploadUrl": URL, "targetId": "1"}, "uploadUrl", "give either"),
        (
            {"uploadUrl": URL, "fields": [{"fieldName": "a", "fieldValue": "1"}] * 2},
            "fields[1].fieldName",
            "given twice",
        ),
        (
            {"uploadUrl": URL, "fields": [{"fieldName": "a", "fieldValue": "x" * 65_537}]},
            "fields[0].fieldValue",
            "65536",
        ),
        ({"uploadUrl": URL, "fields": [{"fieldName": "priority", "fieldValue": "high"}]}, "fields", "gives no job"),
        ({"uploadUrl": URL, "fields": [{"fieldName": "priority", "fieldValue": "0.5"}]}, "fields", "priority: integer"),
    ],
)
@mostly_on_sqlite
async def test_what_is_refused_says_where(api: Api, fields: dict[str, Any], path: str, says: str) -> None:
    error = await api.graphql.refused(LAUNCH, {"in": {"engineId": Noop.spec.id, **fields}})
    found = [problem["field"] for problem in error["data"]["all"] if says in problem["message"]]
    assert set(found) == {path}, error
    assert (await api.graphql.ask("{ jobs { count } }"))["jobs"]["count"] == 0
