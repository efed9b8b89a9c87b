"""Job templates, their tasks, pipelines and sources, as clients of the contract send them."""

import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.api.clients import Api
from tests.api.samples import TRANSCRIBE, WEBSTREAM

from enginehouse.api.graphql import graphql
from enginehouse.storage.database.database import Database

TEMPLATE_ID = re.compile(r"\d{8}_[A-Za-z0-9]{10}")
CREATE = "mutation ($in: CreateJobTemplate!) { createJobTemplate(input: $in) { id jobPipelineId jobPipelineStage } }"
CREATE_PIPELINE = "mutation ($in: CreateJobPipeline!) { createJobPipeline(input: $in) { id isPublic organizationId } }"
CREATE_SOURCE = "mutation ($in: CreateSource!) { createSource(input: $in) { id } }"
SHOW = """query ($id: ID!) { jobTemplate(id: $id) {
  id clusterId skipDecider jobConfig jobPipelineId jobPipelineStage createdDateTime modifiedDateTime
  routes { parentIoFolderReferenceId childIoFolderReferenceId options }
  taskTemplates { count records { id engineId engine { name } jobTemplateId payload payloadString childTaskIds
    childTasks { count records { engineId } } jobTemplate { id } ioFolders { referenceId mode type }
    executionPreferences { priority maxRetries } } } } }"""
DAG: dict[str, Any] = {
    "clusterId": "rt-1",
    "jobConfig": {"createTDOOnLaunch": False, "sourceData": {"sourceId": 62648}},
    "taskTemplates": [
        {
            "engineId": WEBSTREAM,
            "payload": {"sourceId": "62648"},
            "ioFolders": [{"referenceId": "o", "mode": "stream", "type": "output"}],
            "executionPreferences": {"priority": -99},
        },
        {"engineId": TRANSCRIBE, "ioFolders": [{"referenceId": "i", "mode": "stream", "type": "input"}]},
    ],
    "routes": [{"parentIoFolderReferenceId": "o", "childIoFolderReferenceId": "i", "options": {}}],
}
ONE = {"taskTemplates": [{"engineId": WEBSTREAM, "payload": {"url": "https://h.example/a.mp4"}}]}


async def create(api: Api, given: dict[str, Any]) -> str:
    made = await api.graphql.ask(CREATE, {"in": given})
    template_id: str = made["createJobTemplate"]["id"]
    return template_id


async def create_pipeline(api: Api, *template_ids: str, public: bool = False) -> str:
    made = await api.graphql.ask(CREATE_PIPELINE, {"in": {"jobTemplateIds": template_ids, "isPublic": public}})
    pipeline_id: str = made["createJobPipeline"]["id"]
    return pipeline_id


async def members(api: Api, pipeline_id: str) -> list[tuple[str, int]]:
    query = f'{{ jobPipeline(id: "{pipeline_id}") {{ jobTemplates {{ records {{ id jobPipelineStage }} }} }} }}'
    found = (await api.graphql.ask(query))["jobPipeline"]["jobTemplates"]["records"]
    return [(each["id"], each["jobPipelineStage"]) for each in found]


async def test_a_template_is_shown_as_it_was_given(api: Api) -> None:
    template_id = await create(api, DAG)
    assert TEMPLATE_ID.fullmatch(template_id)
    shown = (await api.graphql.ask(SHOW, {"id": template_id}))["jobTemplate"]
    assert shown["jobConfig"] == DAG["jobConfig"]
    assert (shown["clusterId"], shown["jobPipelineId"]) == ("rt-1", None)
    assert shown["routes"] == DAG["routes"]
    first, second = shown["taskTemplates"]["records"]
    assert (first["engineId"], first["engine"]) == (WEBSTREAM, {"name": "Webstream Adapter"})
    assert (first["payload"], first["payloadString"]) == ({"sourceId": "62648"}, '{"sourceId":"62648"}')
    assert first["childTaskIds"] == [second["id"]]
    assert first["childTasks"] == {"count": 1, "records": [{"engineId": TRANSCRIBE}]}
    assert first["ioFolders"] == DAG["taskTemplates"][0]["ioFolders"]
    assert first["executionPreferences"] == {"priority": -99, "maxRetries": None}
    assert (second["jobTemplate"], second["childTaskIds"]) == ({"id": template_id}, [])


async def test_a_template_is_checked_like_a_job(api: Api) -> None:
    cycle = {
        "taskTemplates": [
            {
                "engineId": TRANSCRIBE,
                "ioFolders": [
                    {"referenceId": f"{n}-in", "mode": "stream", "type": "input"},
                    {"referenceId": f"{n}-out", "mode": "stream", "type": "output"},
                ],
            }
            for n in ("a", "b")
        ],
        "routes": [
            {"parentIoFolderReferenceId": "a-out", "childIoFolderReferenceId": "b-in"},
            {"parentIoFolderReferenceId": "b-out", "childIoFolderReferenceId": "a-in"},
        ],
    }
    error = await api.graphql.refused(CREATE, {"in": cycle})
    assert error["name"] == "invalid_input"
    assert error["message"].startswith("routes: cycle ")
    wrong = {
        "taskTemplates": [{"engineId": WEBSTREAM}, {"engineId": "abc", "payloadString": "{"}],
        "jobConfig": [],
        "jobPipelineId": "none",
    }
    error = await api.graphql.refused(CREATE, {"in": wrong})
    assert [each["field"] for each in error["data"]["all"]] == [
        "jobConfig", "jobPipelineId", "taskTemplates[1].engineId", "taskTemplates[1].payloadString",
    ]  # fmt: skip
    listed = await api.graphql.ask("{ jobTemplates { count } }")
    assert listed["jobTemplates"]["count"] == 0
    error = await api.graphql.refused(CREATE, {"in": {"taskTemplates": []}})
    assert error["message"].startswith("taskTemplates: at least 1 task is required")


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"createTDOOnLaunch": "no"}, "jobConfig.createTDOOnLaunch"),
        ({"createTDOInput": []}, "jobConfig.createTDOInput"),
        ({"createTDOInput": {"name": 3}}, "jobConfig.createTDOInput.name"),
        ({"createTDOInput": {"name": "n" * 300}}, "jobConfig.createTDOInput.name"),
    ],
)
async def test_a_target_that_could_not_be_made_is_refused_when_it_is_saved(
    api: Api, config: dict[str, Any], field: str
) -> None:
    error = await api.graphql.refused(CREATE, {"in": {**ONE, "jobConfig": config}})
    assert error["data"]["field"] == field


async def test_a_template_is_made_task_by_task(api: Api) -> None:
    template_id = await create(api, {})
    add = "mutation ($in: CreateTaskTemplate!) { createTaskTemplate(input: $in) { id engineId } }"
    given = {"jobTemplateId": template_id, "engineId": WEBSTREAM, "payload": {"url": "https://h.example/a.mp4"}}
    first = (await api.graphql.ask(add, {"in": given}))["createTaskTemplate"]["id"]
    given = {"jobTemplateId": template_id, "engineId": TRANSCRIBE, "parentTaskId": first}
    second = (await api.graphql.ask(add, {"in": given}))["createTaskTemplate"]["id"]
    shown = await api.graphql.ask(
        f'{{ taskTemplate(id: "{first}") {{ childTaskIds jobTemplate {{ taskTemplates {{ records {{ id }} }} }} }} }}'
    )
    assert shown["taskTemplate"] == {
        "childTaskIds": [second],
        "jobTemplate": {"taskTemplates": {"records": [{"id": first}, {"id": second}]}},
    }
    change = "mutation ($in: UpdateTaskTemplate!) { updateTaskTemplate(input: $in) { payload payloadString } }"
    changed = await api.graphql.ask(change, {"in": {"id": first, "payloadString": '{"url": "https://h.example/b"}'}})
    assert changed["updateTaskTemplate"]["payload"] == {"url": "https://h.example/b"}
    error = await api.graphql.refused(change, {"in": {"id": first, "payloadString": "{"}})
    assert error["data"]["field"] == "taskTemplates[0].payloadString"
    gone = await api.graphql.ask(f'mutation {{ deleteTaskTemplate(id: "{first}") {{ id message }} }}')
    assert gone["deleteTaskTemplate"] == {"id": first, "message": f"TaskTemplate {first} was deleted."}
    error = await api.graphql.refused(f'{{ taskTemplate(id: "{first}") {{ id }} }}')
    assert error["name"] == "not_found"
    error = await api.graphql.refused(add, {"in": {"engineId": WEBSTREAM}})
    assert error["data"]["field"] == "jobTemplateId"


async def test_a_template_is_changed_where_something_is_given(api: Api) -> None:
    template_id = await create(api, {**DAG, "jobPipelineStage": 1})
    change = """mutation ($in: UpdateJobTemplate!) { updateJobTemplate(input: $in)
        { jobPipelineStage skipDecider clusterId jobConfig routes { options } } }"""
    changed = await api.graphql.ask(change, {"in": {"id": template_id, "skipDecider": True, "jobPipelineStage": 2}})
    assert changed["updateJobTemplate"] == {
        "jobPipelineStage": 2, "skipDecider": True, "clusterId": "rt-1", "jobConfig": DAG["jobConfig"],
        "routes": [{"options": {}}],
    }  # fmt: skip
    wrong = {"id": template_id, "routes": [{"parentIoFolderReferenceId": "o", "childIoFolderReferenceId": "x"}]}
    error = await api.graphql.refused(change, {"in": wrong})
    assert error["data"]["field"] == "routes[0].childIoFolderReferenceId"


async def test_templates_are_listed_by_engine_and_pipeline(api: Api) -> None:
    first, second = await create(api, ONE), await create(api, {**DAG, "jobPipelineStage": 1})
    query = """query ($e: ID, $t: [EngineTypeFilter!], $p: ID) {
        jobTemplates(engineId: $e, engineType: $t, jobPipelineId: $p) { records { id } } }"""

    async def listed(**given: Any) -> list[str]:
        return [each["id"] for each in (await api.graphql.ask(query, given))["jobTemplates"]["records"]]

    assert await listed() == [second, first]
    assert await listed(e="transcription") == [second]
    assert await listed(t="Ingestion") == [second, first]
    assert await listed(t=["Cognition"], e=WEBSTREAM) == []
    pipeline = (await api.graphql.ask(SHOW, {"id": second}))["jobTemplate"]["jobPipelineId"]
    assert await listed(p=pipeline) == [second]
    assert await listed(p="none") == []


async def test_a_stage_without_a_pipeline_makes_one(api: Api) -> None:
    made = (await api.graphql.ask(CREATE, {"in": {**ONE, "jobPipelineStage": 1}}))["createJobTemplate"]
    pipeline = made["jobPipelineId"]
    other = await create(api, {**ONE, "jobPipelineId": pipeline, "jobPipelineStage": 2})
    assert await members(api, pipeline) == [(made["id"], 1), (other, 2)]


async def test_a_pipeline_holds_what_it_is_given(api: Api) -> None:
    first, second, third = [await create(api, ONE) for _ in range(3)]
    pipeline = await create_pipeline(api, second, first)
    assert await members(api, pipeline) == [(second, 1), (first, 2)]
    error = await api.graphql.refused(CREATE_PIPELINE, {"in": {"jobTemplateIds": [first, third, third, "x"]}})
    fields = [each["field"] for each in error["data"]["all"]]
    assert fields == ["jobTemplateIds[3]", "jobTemplateIds[0]", "jobTemplateIds[2]"]
    change = "mutation ($in: UpdateJobPipeline!) { updateJobPipeline(input: $in) { isPublic } }"
    changed = await api.graphql.ask(change, {"in": {"id": pipeline, "jobTemplateIds": [third, second]}})
    assert changed["updateJobPipeline"] == {"isPublic": False}
    assert await members(api, pipeline) == [(third, 1), (second, 2)]
    assert await create_pipeline(api, first)
    gone = await api.graphql.ask(f'mutation {{ deleteJobPipeline(id: "{pipeline}") {{ message }} }}')
    assert gone["deleteJobPipeline"]["message"] == f"JobPipeline {pipeline} was deleted."
    shown = (await api.graphql.ask(SHOW, {"id": second}))["jobTemplate"]
    assert (shown["jobPipelineId"], shown["jobPipelineStage"]) == (None, None)


async def test_what_is_foreign_is_not_there_and_what_is_public_can_only_be_read(api: Api, foreign: Api) -> None:
    template = await create(api, ONE)
    pipeline = await create_pipeline(api, template)
    query = f'{{ jobTemplate(id: "{template}") {{ id jobPipeline {{ id organization {{ id }} }} }} }}'
    assert (await foreign.graphql.refused(query))["name"] == "not_found"
    assert (await foreign.graphql.refused(f'{{ jobPipeline(id: "{pipeline}") {{ id }} }}'))["name"] == "not_found"
    public = f'mutation {{ updateJobPipeline(input: {{id: "{pipeline}", isPublic: true}}) {{ id }} }}'
    assert (await foreign.graphql.refused(public))["name"] == "not_found"
    await api.graphql.ask(public)
    shown = await foreign.graphql.ask(query)
    assert shown["jobTemplate"] == {"id": template, "jobPipeline": {"id": pipeline, "organization": None}}
    listed = await foreign.graphql.ask("{ jobPipelines { count } all: jobPipelines(isPublic: true) { count } }")
    assert listed == {"jobPipelines": {"count": 0}, "all": {"count": 1}}
    for change in (
        f'mutation {{ deleteJobTemplate(id: "{template}") {{ id }} }}',
        f'mutation {{ updateJobTemplate(input: {{id: "{template}", skipDecider: true}}) {{ id }} }}',
        f'mutation {{ createTaskTemplate(input: {{jobTemplateId: "{template}", engineId: "{WEBSTREAM}"}}) {{ id }} }}',
        f'mutation {{ deleteJobPipeline(id: "{pipeline}") {{ id }} }}',
        f'mutation {{ createJobTemplate(input: {{jobPipelineId: "{pipeline}"}}) {{ id }} }}',
    ):
        assert (await foreign.graphql.refused(change))["name"] == "not_allowed", change
    assert await members(api, pipeline) == [(template, 1)]


async def test_sources(api: Api, foreign: Api) -> None:
    kinds = await api.graphql.ask(
        "{ sourceTypes { records { id name isLive } } live: sourceTypes(isLive: true) { count } }"
    )
    assert {"id": "4", "name": "Radio", "isLive": True} in kinds["sourceTypes"]["records"]
    assert 0 < kinds["live"]["count"] < len(kinds["sourceTypes"]["records"])
    source = {"name": "Radio Praha", "sourceTypeId": 4, "details": {"timeZone": "Europe/Prague"}}
    made = (await api.graphql.ask(CREATE_SOURCE, {"in": source}))["createSource"]["id"]
    assert made.isdigit()
    other = (await api.graphql.ask(CREATE_SOURCE, {"in": {"name": "feed", "sourceTypeId": "6"}}))["createSource"]["id"]
    shown = await api.graphql.ask(
        f"{{ source(id: {made}) {{ id name sourceType {{ name }} permission isPublic details }} }}"
    )
    assert shown["source"]["sourceType"] == {"name": "Radio"}
    assert (shown["source"]["permission"], shown["source"]["details"]) == ("owner", source["details"])
    query = """{ a: sources { records { id } } b: sources(name: "radio") { records { id } }
        c: sources(name: "praha", nameMatch: contains, sourceTypeIds: [6]) { count }
        d: sources(sourceTypeId: 6) { count }
        e: sources(orderBy: {field: name, direction: asc}) { records { id } }
        f: sources(hasContentTemplates: true) { count } }"""
    found = await api.graphql.ask(query)
    assert found["a"]["records"] == [{"id": other}, {"id": made}]
    assert found["b"]["records"] == [{"id": made}]
    assert [found[name]["count"] for name in "cdf"] == [0, 1, 0]
    assert found["e"]["records"] == [{"id": other}, {"id": made}]
    wrong = {"name": " ", "sourceTypeId": 99, "details": {"timeZone": "Europe/Pragu"}}
    error = await api.graphql.refused(CREATE_SOURCE, {"in": wrong})
    assert [each["field"] for each in error["data"]["all"]] == ["name", "sourceTypeId", "details.timeZone"]
    assert 'details.timeZone: "Europe/Pragu" is not an IANA zone. Did you mean "Europe/Prague"?' in error["message"]
    change = "mutation ($in: UpdateSource!) { updateSource(input: $in) { name details isPublic } }"
    assert (await foreign.graphql.refused(change, {"in": {"id": made, "name": "x"}}))["name"] == "not_found"
    changed = await api.graphql.ask(change, {"in": {"id": made, "name": "R", "isPublic": True}})
    assert changed["updateSource"] == {"name": "R", "details": source["details"], "isPublic": True}
    assert (await foreign.graphql.refused(change, {"in": {"id": made, "name": "x"}}))["name"] == "not_allowed"
    seen = await foreign.graphql.ask("{ sources { count } own: sources(includePublic: false) { count } }")
    assert seen == {"sources": {"count": 1}, "own": {"count": 0}}
    gone = await api.graphql.ask(f"mutation {{ deleteSource(id: {made}) {{ id message }} }}")
    assert gone["deleteSource"] == {"id": made, "message": f"Source {made} was deleted."}
    assert (await api.graphql.refused(f"{{ source(id: {made}) {{ id }} }}"))["name"] == "not_found"


LAUNCH = "mutation ($in: LaunchJobTemplates!) { launchJobTemplates(input: $in) { id status targetId } }"


async def test_templates_are_launched(api: Api, foreign: Api) -> None:
    first, second = await create(api, ONE), await create(api, {**ONE, "jobConfig": {"createTDOOnLaunch": False}})
    given = {"ids": [first, second], "payload": {"recordDuration": "15m"}}
    made = (await api.graphql.ask(LAUNCH, {"in": given}))["launchJobTemplates"]
    assert [each["status"] for each in made] == ["pending", "pending"]
    assert (made[0]["targetId"] is None, made[1]["targetId"]) == (False, None)
    target = made[0]["targetId"]
    info = {"targetId": target, "startOffsetMs": 1000, "endOffsetMs": 2000}
    again = (await api.graphql.ask(LAUNCH, {"in": {"ids": [second], "targetInfo": info}}))["launchJobTemplates"]
    assert again[0]["targetId"] == target
    query = f'{{ job(id: "{again[0]["id"]}") {{ tasks {{ records {{ payload }} }} }} }}'
    [task] = (await api.graphql.ask(query))["job"]["tasks"]["records"]
    assert task["payload"] == {"url": "https://h.example/a.mp4", "startOffsetMs": 1000, "endOffsetMs": 2000}
    both = {"ids": [second], "targetInfo": info, "createTargetInfo": {"name": "n"}}
    assert (await api.graphql.refused(LAUNCH, {"in": both}))["name"] == "invalid_input"
    for wrong in (
        {"ids": ["x"]},
        {"ids": [first], "scheduledJobId": "x"},
        {"ids": [first], "targetInfo": {"targetId": 1}},
    ):
        assert (await api.graphql.refused(LAUNCH, {"in": wrong}))["name"] == "not_found"
    assert (await foreign.graphql.refused(LAUNCH, {"in": {"ids": [first]}}))["name"] == "not_found"
    listed = await api.graphql.ask("{ jobs { count } }")
    assert listed["jobs"]["count"] == 3


class Counting:
    """A database that counts its reads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        if name in {"read", "peek"}:
            self.reads += 1
        return getattr(self._database, name)


async def test_lists_do_not_ask_once_for_every_record(api: Api) -> None:
    counting = Counting(api.house.database)
    transport = httpx.ASGITransport(app=graphql(replace(api.house, database=counting)))
    query = """{ jobTemplates { records { jobPipeline { jobTemplates { records { id } } }
        taskTemplates { records { engine { name } jobTemplate { id } childTasks { count } } } } }
        sources { records { sourceType { name } organization { id } } } }"""
    reads = []
    for more in (2, 8):
        for n in range(more):
            await create(api, {**DAG, "jobPipelineStage": 1})
            await api.graphql.ask(CREATE_SOURCE, {"in": {"name": f"s{n}", "sourceTypeId": 1}})
        counting.reads = 0
        async with httpx.AsyncClient(transport=transport, base_url="http://h.example") as http:
            body = (await http.post("/v3/graphql", json={"query": query}, headers=api.graphql.headers())).json()
        assert "errors" not in body
        reads.append(counting.reads)
    assert [len(body["data"][name]["records"]) for name in ("jobTemplates", "sources")] == [10, 10]
    assert reads[0] == reads[1]


async def test_a_task_knows_its_template_and_is_found_by_it(api: Api) -> None:
    template = await create(api, DAG)
    shown = (await api.graphql.ask(SHOW, {"id": template}))["jobTemplate"]["taskTemplates"]["records"]
    of = [each["id"] for each in shown]
    launch = "mutation ($id: ID!) { launchJobTemplates(input: {ids: [$id]}) { tasks { records { id templateId } } } }"
    jobs = [(await api.graphql.ask(launch, {"id": template}))["launchJobTemplates"][0] for _ in range(2)]
    assert [[task["templateId"] for task in job["tasks"]["records"]] for job in jobs] == [of, of]
    query = "query ($id: ID, $of: ID) { tasks(id: $id, taskTemplateId: $of) { records { id } count } }"
    second = [job["tasks"]["records"][1]["id"] for job in jobs]

    async def found(**which: str) -> list[str]:
        page = (await api.graphql.ask(query, which))["tasks"]
        assert page["count"] == len(page["records"])
        return [each["id"] for each in page["records"]]

    assert await found(of=of[1]) == second[::-1]
    assert await found(of=of[1], id=second[0]) == [second[0]]
    assert await found(of=of[0], id=second[0]) == []
    assert await found(id=second[1]) == [second[1]]
    assert await found(id="nothing") == await found(of="nothing") == []
    error = await api.graphql.refused(query, {})
    assert (error["name"], error["message"]) == ("invalid_input", "give id or taskTemplateId.")
    stranger = await api.another_organization()
    assert (await stranger.graphql.ask(query, {"of": of[1]}))["tasks"]["records"] == []


# -- what follows in a pipeline --------------------------------------------------------------------------------

NEXT = """mutation ($in: CreateNextPipelineJobs!) { createNextPipelineJobs(input: $in) {
    id status targetId tasks { records { payload templateId } } } }"""


async def staged(api: Api) -> tuple[str, list[str]]:
    """Returns a pipeline with two templates in its second stage, and the templates stage by stage."""
    pipeline = (await api.graphql.change("createJobPipeline", "id", jobTemplateIds=[]))["id"]
    given = {**ONE, "jobPipelineId": pipeline}
    return pipeline, [await create(api, {**given, "jobPipelineStage": stage}) for stage in (1, 2, 2, 5)]


async def following(api: Api, **given: Any) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = (await api.graphql.ask(NEXT, {"in": given}))["createNextPipelineJobs"]
    return jobs


def template_of(job: dict[str, Any]) -> str:
    [task] = job["tasks"]["records"]
    return str(task["templateId"])[:19]


async def test_the_jobs_of_the_next_stage_follow_a_job_on_its_target_once(api: Api) -> None:
    pipeline, made = await staged(api)
    [first] = await following(api, jobPipelineId=pipeline)
    assert template_of(first) == made[0]
    second = await following(api, parentJobId=first["id"], payload={"more": 1})
    assert [template_of(job) for job in second] == made[1:3]
    assert {job["targetId"] for job in second} == {first["targetId"]}
    assert all(job["tasks"]["records"][0]["payload"]["more"] == 1 for job in second)
    before = len(await api.audit())
    again = await following(api, parentJobId=first["id"], jobPipelineId=pipeline)
    assert [job["id"] for job in again] == [job["id"] for job in second]
    assert len(await api.audit()) == before
    [last] = await following(api, parentJobId=second[1]["id"])
    assert template_of(last) == made[3]
    assert await following(api, parentJobId=last["id"]) == []


async def test_what_follows_may_have_another_target(api: Api) -> None:
    pipeline, _ = await staged(api)
    [first], [other] = [await following(api, jobPipelineId=pipeline) for _ in range(2)]
    info = {"targetId": other["targetId"], "startOffsetMs": 5}
    second = await following(api, parentJobId=first["id"], targetInfo=info)
    assert {job["targetId"] for job in second} == {other["targetId"]}
    assert second[0]["tasks"]["records"][0]["payload"]["startOffsetMs"] == 5


async def test_nothing_follows_a_job_without_a_pipeline(api: Api) -> None:
    pipeline, _ = await staged(api)
    other, _ = await staged(api)
    [first] = await following(api, jobPipelineId=pipeline)
    plain = await api.graphql.create_job()
    lone = (await api.graphql.ask(LAUNCH, {"in": {"ids": [await create(api, ONE)]}}))["launchJobTemplates"][0]["id"]
    for given, why in (
        ({}, "parentJobId: give parentJobId, or jobPipelineId to launch its first stage."),
        ({"parentJobId": plain}, "parentJobId: was not launched from a job template, so nothing follows it."),
        ({"parentJobId": lone}, "parentJobId: its job template belongs to no pipeline, so nothing follows it."),
        ({"parentJobId": first["id"], "jobPipelineId": other}, "jobPipelineId: is not the pipeline of the parent"),
        ({"parentJobId": "x"}, 'parentJobId: "x" was not found.'),
        ({"parentJobId": first["id"], "applicationId": "00000000-0000-4000-8000-000000000009"}, "applicationId: "),
    ):
        assert (await api.graphql.refused(NEXT, {"in": given}))["message"].startswith(why)
