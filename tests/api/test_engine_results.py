"""`uploadEngineResult`: what an engine outside uploads is an output of its task and an asset of the target (§3.4)."""

import json
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import DAG, TRANSCRIBE
from tests.api.verbs import GRAPHQL
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids

UPLOAD = """mutation($in: UploadEngineResult!) { uploadEngineResult(input: $in) {
    assetType contentType name jsondata sourceData { taskId } } }"""
SHOWN = "query($t: ID!) { task(id: $t) { status output job { status } } }"
AION = {"series": [{"startTimeMs": 0, "stopTimeMs": 1, "words": [{"word": "a"}]}]}


async def new_task(api: Api, engine: str = TRANSCRIBE) -> str:
    target = await api.graphql.ask("mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }")
    job = await api.graphql.create_job(targetId=target["createTDO"]["id"], tasks=[{"engineId": engine}])
    return ids.task_graphql(ids.parse_job(job) or 0, 0)


async def shown(api: Api, task: str) -> Any:
    return (await api.graphql.ask(SHOWN, {"t": task}))["task"]


async def outputs(api: Api, task: str) -> list[bytes]:
    path = f"/proc/task/{ids.task_uuid(*ids.parse_task(task))}"  # type: ignore[misc]
    listed = (await api.edge.get(f"{path}/outputs")).json()["outputs"]["outputs"]
    return [(await api.edge.get(f"{path}/download/{one['name']}")).content for one in listed]


async def upload(api: Api, task: str, content: bytes = b"", kind: str = "", **fields: Any) -> Any:
    given = {"in": {"taskId": task} | fields}
    if not content:
        return (await api.graphql.ask(UPLOAD, given))["uploadEngineResult"]
    form, file = {"query": UPLOAD, "variables": json.dumps(given)}, {"file": ("r.bin", content, kind)}
    answer = (await api.graphql.http.post(GRAPHQL, data=form, files=file, headers=api.graphql.headers())).json()
    return answer["data"]["uploadEngineResult"] if "errors" not in answer else answer["errors"][0]["message"]


async def test_a_document_completes_the_task_and_is_an_asset(api: Api) -> None:
    task = await new_task(api)
    asset = await upload(api, task, output=AION)
    assert asset["name"].startswith("vtn-standard-")
    assert {name: asset[name] for name in ("assetType", "contentType", "jsondata", "sourceData")} == {
        "assetType": "vtn-standard", "contentType": "application/json", "jsondata": AION,
        "sourceData": {"taskId": task},
    }  # fmt: skip
    assert await shown(api, task) == {"status": "complete", "output": AION, "job": {"status": "complete"}}
    query = "query($j: ID) { engineResults(jobId: $j) { records { jsondata } } }"
    [record] = (await api.graphql.ask(query, {"j": task[:-5]}))["engineResults"]["records"]
    assert record["jsondata"]["series"] == AION["series"]


async def test_a_text_and_a_file_are_kept_as_they_are(api: Api) -> None:
    task = await new_task(api)
    asset = await upload(api, task, outputString="plain", outputJsonKey="k", assetType="x-mine", filename="a.txt")
    assert (asset["assetType"], asset["contentType"], asset["name"]) == ("x-mine", "text/plain", "a.txt")
    assert ((await shown(api, task))["output"], await outputs(api, task)) == ({"k": "plain"}, [b"plain"])
    task = await new_task(api)
    asset = await upload(api, task, b"\x00\x01", "image/png", setTaskOutput=True)
    assert (asset["contentType"], asset["name"]) == ("image/png", "r.bin")
    assert ((await shown(api, task))["output"], await outputs(api, task)) == (None, [b"\x00\x01"])
    task = await new_task(api)
    await upload(api, task, b'{"a": 1}', "application/json")
    assert (await shown(api, task))["output"] == {"a": 1}


async def test_a_task_may_upload_several_results_before_it_is_complete(api: Api) -> None:
    task = await new_task(api)
    for number in range(3):
        await upload(api, task, output={"n": number}, completeTask=number == 2, setTaskOutput=number < 2)
        assert (await shown(api, task))["status"] == ("complete" if number == 2 else "running")
    assert sorted(await outputs(api, task)) == [b'{"n":0}', b'{"n":1}', b'{"n":2}']
    assert (await shown(api, task))["output"] == {"n": 1}


async def test_a_result_without_a_target_is_an_output_only(api: Api) -> None:
    task = ids.task_graphql(ids.parse_job(await api.edge.create()) or 0, 0)
    assert await upload(api, task, output={"a": 1}) is None
    assert await outputs(api, task) == [b'{"a":1}']


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "One of output, outputString, uri or file (upload) must be provided."),
        ({"output": 1, "outputString": "a"}, "output: must be the only one of output, outputString, uri and file."),
        ({"output": 1, "uri": "https://h.example"},
         "output: must be the only one of output, outputString, uri and file."),
        ({"uri": "file:///etc/passwd"}, "uri: must be an http or https URL."),
        ({"uri": "http://test/signed/upload/" + "0" * 32},
         "uri: nothing was uploaded to this URL, or it was not used in time."),
        ({"uri": "https://h.example/a", "isAccumulatedResult": True},
         "isAccumulatedResult: only with bytes, not with the address of a file elsewhere."),
        ({"output": 1, "contentType": "no\nheader"}, 'contentType: must be a media type like "application/json".'),
        ({"output": 1, "filename": "a" * 300}, "filename: must have at most 255 characters, has 300."),
        ({"output": 1, "fileData": {"md5sum": "0" * 32}},
         "fileData.md5sum: the bytes that arrived have another MD5 sum."),
    ],
)  # fmt: skip
@mostly_on_sqlite
async def test_a_wrong_upload_is_refused_and_leaves_nothing(api: Api, fields: dict[str, Any], message: str) -> None:
    task = await new_task(api)
    refused = await api.graphql.refused(UPLOAD, {"in": {"taskId": task} | fields})
    assert refused["message"].splitlines()[0] == message
    assert (await shown(api, task))["status"] == "pending"
    number, ordinal = ids.parse_task(task) or (0, 0)
    assert await api.house.store.keys(f"jobs/1/{number}/{ordinal}/uploaded") == []


async def test_a_cancelled_job_and_an_ended_task_accept_no_result(api: Api) -> None:
    task = await new_task(api)
    await upload(api, task, output=1)
    query = {"in": {"taskId": task, "output": 2}}
    assert (await api.graphql.refused(UPLOAD, query))["message"] == "The task is already complete."
    assert await outputs(api, task) == [b"1"]
    task = await new_task(api)
    await api.graphql.ask("mutation($i: ID!) { cancelJob(id: $i) { id } }", {"i": task[:-5]})
    said = "The job was cancelled; its tasks take no more updates."
    assert (await api.graphql.refused(UPLOAD, {"in": {"taskId": task, "output": 2}}))["message"] == said
    assert await outputs(api, task) == []


async def test_a_result_in_a_graph_feeds_the_next_task(api: Api) -> None:
    query = "mutation J($in: CreateJob) { createJob(input: $in) { tasks { records { id } } } }"
    created = await api.graphql.ask(query, {"in": DAG})
    adapter, chunker, engine, _ = [task["id"] for task in created["createJob"]["tasks"]["records"]]
    part = {"in": {"taskId": adapter, "output": 1, "completeTask": False}}
    said = "completeTask: must be true for a task whose output other tasks read."
    assert (await api.graphql.refused(UPLOAD, part))["message"] == said
    await upload(api, adapter, b"media", "video/mp4")
    await upload(api, chunker, b"chunk", "audio/wav")
    assert (await shown(api, engine))["status"] == "pending"  # it has a chunk to work on
    await upload(api, engine, output=AION)
    assert (await shown(api, engine))["status"] == "complete"


ASSETS = """query($t: ID!) { task(id: $t) { job { target { assetCount assets(orderBy: createdDateTime) { records {
    id name assetType contentType uri sourceData { taskId engineId } } }
    primaryAsset(assetType: "vtn-standard") { id } } } } }"""


async def of_target(api: Api, task: str) -> Any:
    return (await api.graphql.ask(ASSETS, {"t": task}))["task"]["job"]["target"]


async def test_what_was_put_to_a_signed_url_is_a_result(api: Api) -> None:
    task = await new_task(api)
    place = (await api.graphql.ask("{ getSignedWritableUrl { url unsignedUrl } }"))["getSignedWritableUrl"]
    await api.graphql.http.put(place["url"], content=b"<x/>", headers={"content-type": "text/xml"})
    asset = await upload(api, task, uri=place["unsignedUrl"], filename="a.xml")
    assert (asset["contentType"], asset["name"], asset["sourceData"]["taskId"]) == ("text/xml", "a.xml", task)
    assert ((await shown(api, task))["status"], await outputs(api, task)) == ("complete", [b"<x/>"])


async def test_the_address_of_a_file_elsewhere_is_an_asset(api: Api) -> None:
    task = await new_task(api)
    fields: dict[str, Any] = {"contentType": "application/json", "setAsPrimary": True}
    for number in range(2):
        made = await upload(api, task, uri=f"https://h.example/{number}", completeTask=number == 1, **fields)
        assert (made["assetType"], made["sourceData"]["taskId"]) == ("vtn-standard", task)
    target = await of_target(api, task)
    assert [each["uri"] for each in target["assets"]["records"]] == ["https://h.example/1", "https://h.example/0"]
    assert target["primaryAsset"]["id"] == target["assets"]["records"][0]["id"]
    assert ((await shown(api, task))["status"], await outputs(api, task)) == ("complete", [])
    refused = await api.graphql.refused(UPLOAD, {"in": {"taskId": task, "uri": "https://h.example/a", "output": 1}})
    assert refused["name"] == "invalid_input"
    assert (await of_target(api, task))["assetCount"] == 2


@pytest.mark.parametrize(
    ("fields", "path"), [({"uri": "https://h.example/a"}, "uri"), ({"output": 1, "setAsPrimary": True}, "setAsPrimary")]
)
async def test_without_a_target_nothing_could_have_the_asset(api: Api, fields: dict[str, Any], path: str) -> None:
    task = ids.task_graphql(ids.parse_job(await api.edge.create()) or 0, 0)
    refused = await api.graphql.refused(UPLOAD, {"in": {"taskId": task} | fields})
    assert refused["message"] == f"{path}: the job has no target that could have it."


async def test_a_result_becomes_the_primary_asset(api: Api) -> None:
    task = await new_task(api)
    await upload(api, task, output={"n": 0}, completeTask=False, setAsPrimary=True)
    first = (await of_target(api, task))["primaryAsset"]
    await upload(api, task, output={"n": 1}, completeTask=False)
    assert (await of_target(api, task))["primaryAsset"] == first
    await upload(api, task, output={"n": 2}, setAsPrimary=True)
    assert (await of_target(api, task))["primaryAsset"] != first


async def test_an_accumulated_result_takes_the_place_of_the_earlier_ones(api: Api) -> None:
    task, other = await new_task(api), await new_task(api)
    await upload(api, other, output={"other": 1})
    for number in range(3):
        await upload(api, task, output={"n": number}, completeTask=False)
    await upload(api, task, output={"all": 1}, isAccumulatedResult=True, completeTask=False)
    assert await outputs(api, task) == [b'{"all":1}']
    assert (await of_target(api, task))["assetCount"] == 1
    number, ordinal = ids.parse_task(task) or (0, 0)
    assert len(await api.house.store.keys(f"jobs/1/{number}/{ordinal}/uploaded")) == 1
    await upload(api, task, output={"all": 2}, isAccumulatedResult=True)
    assert (await outputs(api, task), await outputs(api, other)) == ([b'{"all":2}'], [b'{"other":1}'])
