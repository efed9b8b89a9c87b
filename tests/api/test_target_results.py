"""What the engines of a job have made of its target, as a client of GraphQL sees it."""

import json
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import TRANSCRIBE

from enginehouse.domain.ids import parse_job
from enginehouse.domain.refs import Ref
from enginehouse.operations import target_assets

SAID = {"series": [{"startTimeMs": 0, "stopTimeMs": 900, "words": [{"word": "yes"}]}]}
RESULT = ("vtn-standard-1.json", "application/json", json.dumps(SAID).encode())

TARGET = """query($id: ID!) { temporalDataObject(id: $id) {
  assetCount
  assets(assetType: "vtn-standard") { count records {
    id assetType contentType name assetSize containerId jsondata
    sourceData { taskId engineId engine { id } task { id } }
  } }
  media: assets(assetType: "media") { count }
  primaryAsset(assetType: "vtn-standard") { id }
  engineRuns { count records { status hasUserEdits engine { id name } task { id output taskOutput outputString } } }
} }"""


async def new_job(api: Api) -> tuple[str, str]:
    """Returns the ids of a job of one engine and of its target."""
    made = await api.graphql.change(
        "createJob", "id targetId", target={"startDateTime": 1, "stopDateTime": 2}, tasks=[{"engineId": TRANSCRIBE}]
    )
    return made["id"], made["targetId"]


async def seen(api: Api, target_id: str) -> Any:
    return (await api.graphql.ask(TARGET, {"id": target_id}))["temporalDataObject"]


async def test_a_result_is_an_asset_with_its_task_and_engine(api: Api) -> None:
    job_id, target_id = await new_job(api)
    assert (await seen(api, target_id))["assetCount"] == 0
    await api.edge.run_one(RESULT)
    target = await seen(api, target_id)
    [asset] = target["assets"]["records"]
    [run] = target["engineRuns"]["records"]
    task_id = run["task"]["id"]
    assert task_id.startswith(job_id)
    assert asset == {
        "id": asset["id"],
        "assetType": "vtn-standard",
        "contentType": "application/json",
        "name": "vtn-standard-1.json",
        "assetSize": len(RESULT[2]),
        "containerId": target_id,
        "jsondata": SAID,
        "sourceData": {
            "taskId": task_id, "engineId": TRANSCRIBE, "engine": {"id": TRANSCRIBE}, "task": {"id": task_id}
        },
    }  # fmt: skip
    assert asset["id"].startswith(f"{target_id}_")
    assert target["primaryAsset"] == {"id": asset["id"]}
    assert (target["assetCount"], target["media"]["count"]) == (1, 0)
    assert run == {
        "status": "complete",
        "hasUserEdits": False,
        "engine": {"id": TRANSCRIBE, "name": "Speech"},
        "task": {"id": task_id, "output": SAID, "taskOutput": SAID, "outputString": run["task"]["outputString"]},
    }
    assert json.loads(run["task"]["outputString"]) == SAID


async def test_engine_results_name_the_asset(api: Api) -> None:
    job_id, target_id = await new_job(api)
    await api.edge.run_one(RESULT, ("words.txt", "text/plain", b"yes"))
    query = "query($id: ID!) { engineResults(jobId: $id) { records { assetId tdoId taskId } } }"
    [record] = (await api.graphql.ask(query, {"id": job_id}))["engineResults"]["records"]
    target = await seen(api, target_id)
    assert (record["tdoId"], record["assetId"]) == (target_id, target["assets"]["records"][0]["id"])
    assert target["assetCount"] == 2


async def test_a_primary_asset_that_a_person_has_set_goes_before_a_result(api: Api) -> None:
    _, target_id = await new_job(api)
    own = await api.graphql.change(
        "createAsset", containerId=target_id, assetType="vtn-standard", jsondata=SAID, setAsPrimary=True
    )
    await api.edge.run_one(RESULT)
    assert (await seen(api, target_id))["primaryAsset"] == own


async def test_a_result_is_no_input_of_the_next_job(api: Api) -> None:
    _, target_id = await new_job(api)
    await api.edge.run_one(RESULT)
    assert await target_assets.primary_asset(api.house, await api.principal(), Ref.of(int(target_id))) is None


async def test_a_deleted_asset_leaves_the_output_and_a_deleted_job_the_asset(api: Api) -> None:
    job_id, target_id = await new_job(api)
    await api.edge.run_one(RESULT)
    [asset] = (await seen(api, target_id))["assets"]["records"]
    deleted = await api.graphql.ask(f'mutation {{ deleteAsset(id: "{asset["id"]}") {{ id message }} }}')
    assert deleted["deleteAsset"] == {"id": asset["id"], "message": f"Asset {asset['id']} was deleted."}
    assert (await seen(api, target_id))["assetCount"] == 0
    assert (await api.edge.get(f"/proc/job/{job_id}/download/{RESULT[0]}")).content == RESULT[2]
    second, _ = await new_job(api)
    await api.edge.run_one(RESULT)
    kept = (await api.graphql.ask(f'{{ job(id: "{second}") {{ target {{ assets {{ records {{ id }} }} }} }} }}'))["job"]
    [asset] = kept["target"]["assets"]["records"]
    assert (await api.edge.post(f"/proc/job/{second}/delete")).status_code == 200
    assert (await api.ask(f"GET /api/v1/asset/{asset['id']}/content")).response.content == RESULT[2]


async def test_a_deleted_target_takes_the_results_and_the_job_says_what_is_gone(api: Api) -> None:
    job_id, target_id = await new_job(api)
    await api.edge.run_one(RESULT)
    key = f"jobs/1/{parse_job(job_id)}/0/000000"
    assert await api.house.store.missing([key]) == []
    answer = await api.graphql.ask(f'mutation {{ deleteTDO(id: "{target_id}") {{ id message }} }}')
    assert answer["deleteTDO"] == {"id": target_id, "message": f"TemporalDataObject {target_id} was deleted."}
    assert (await api.graphql.refused(TARGET, {"id": target_id}))["name"] == "not_found"
    gone = f'The bytes of output "{RESULT[0]}" are gone: they were deleted with the target of the job.'
    download = await api.edge.get(f"/proc/job/{job_id}/download/{RESULT[0]}")
    assert (download.status_code, download.json()["description"]) == (404, gone)
    query = "query($id: ID!) { engineResults(jobId: $id) { records { jsondata assetId } } }"
    results = (await api.graphql.post(query, {"id": job_id})).json()
    assert results["data"]["engineResults"]["records"] == [{"jsondata": None, "assetId": None}]
    assert results["errors"][0]["message"] == gone
    assert await api.house.store.missing([key]) == [key]


@pytest.mark.parametrize("verb", ["deleteTDO", "deleteAsset"])
async def test_a_foreign_public_target_is_not_deleted(api: Api, verb: str) -> None:
    made = await api.graphql.change(
        "createTDOWithAsset",
        "id assets { records { id } }",
        startDateTime=1,
        uri="https://h.example/a.mp4",
        isPublic=True,
    )
    object_id = made["id"] if verb == "deleteTDO" else made["assets"]["records"][0]["id"]
    other = await api.another_organization()
    refusal = await other.graphql.refused(f'mutation {{ {verb}(id: "{object_id}") {{ id }} }}')
    assert refusal["name"] == "not_allowed"
    assert "belongs to another organization; it can be read, not changed." in refusal["message"]


async def test_the_results_of_many_targets_take_few_statements(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        await new_job(api)
        await api.edge.run_one(RESULT)
    query = """{ jobs { records { target { assetCount assets { records { id } }
      primaryAsset(assetType: "vtn-standard") { id }
      engineRuns { records { task { output } } } jobs { records { id } } } } } }"""
    reads = 0
    read = api.house.database.read

    async def counted(work: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(work)

    monkeypatch.setattr(api.house.database, "read", counted)
    found = await api.graphql.ask(query)
    assert [len(job["target"]["assets"]["records"]) for job in found["jobs"]["records"]] == [1] * 4
    assert reads <= 8
