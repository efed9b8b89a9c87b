"""A result that cannot be shown as JSON is listed with an error at its place, and takes no other result with it."""

from typing import Any

import msgspec
import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH
from tests.documents import READABLE, UNREADABLE

from enginehouse.api.input import refs
from enginehouse.operations import artifacts

RESULTS = "query($id: ID!) { engineResults(jobId: $id) { records { engineId taskId jsondata } } }"
ASSETS = "query($id: ID!) { temporalDataObject(id: $id) { assets { records { id jsondata jsonstring } } } }"


async def published(api: Api, *outputs: tuple[str, bytes]) -> str:
    job_id = await api.edge.create({"tasks": [{"engineID": BATCH}]})
    await api.edge.run_one(*((name, "application/json", raw) for name, raw in outputs))
    return job_id


async def results(api: Api, job_id: str) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
    """Returns the results, and the errors by the number of their result."""
    answer = await api.graphql.post(RESULTS, {"id": job_id})
    assert answer.status_code == 200
    body = answer.json()
    errors = {error["path"][2]: error for error in body.get("errors", ())}
    assert all(error["path"][3:] == ["jsondata"] for error in errors.values())
    return body["data"]["engineResults"]["records"], errors


async def test_what_cannot_be_shown_is_listed_and_the_rest_is_there(api: Api) -> None:
    bad = [(f"{number}.json", raw) for number, (raw, _) in enumerate(UNREADABLE.values())]
    job_id = await published(api, ("good.json", b'{"n":1}'), *bad, ("last.json", b'{"n":2}'))
    records, errors = await results(api, job_id)
    assert len(records) == len(bad) + 2
    assert [records[place]["jsondata"]["n"] for place in (0, -1)] == [1, 2]
    assert errors.keys() == {*range(1, len(bad) + 1)}
    for number, (_, words) in enumerate(UNREADABLE.values()):
        error = errors[number + 1]
        assert records[number + 1]["jsondata"] is None
        assert records[number + 1]["engineId"] == BATCH
        assert (error["name"], error["data"]["code"]) == ("service_failure", "unreadable_document")
        assert f'Output "{number}.json" is not valid JSON' in error["message"]
        assert words in error["message"]
    for name, raw in bad:
        assert (await api.edge.get(f"/proc/job/{job_id}/download/{name}")).content == raw
        assert (await api.edge.get(f"/proc/job/{job_id}/output/{name}")).status_code == 200


@pytest.mark.parametrize("kind", READABLE)
async def test_what_can_be_shown_is_shown(api: Api, kind: str) -> None:
    records, errors = await results(api, await published(api, ("a.json", READABLE[kind])))
    assert errors == {}
    shown = records[0]["jsondata"]
    expected = msgspec.json.decode(READABLE[kind].removeprefix(b"\xef\xbb\xbf"))
    assert ({name: shown[name] for name in expected} if isinstance(expected, dict) else shown) == expected


async def test_an_engine_id_of_another_shape_in_the_document_is_no_id(api: Api) -> None:
    odd = [b'{"sourceEngineId": [1]}', b'{"sourceEngineId": {"a": 1}, "taskId": 1}', b'{"sourceEngineId": null}']
    records, errors = await results(api, await published(api, *((f"{n}.json", raw) for n, raw in enumerate(odd))))
    assert errors == {}
    assert [record["engineId"] for record in records] == [BATCH] * 3


async def test_a_document_that_is_too_large_is_listed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "LARGEST", 20)
    job_id = await published(api, ("small.json", b'{"n":1}'), ("large.json", b'{"n":"' + b"x" * 20 + b'"}'))
    records, errors = await results(api, job_id)
    assert records[0]["jsondata"]["n"] == 1
    assert records[1]["jsondata"] is None
    assert 'Output "large.json" has 28 bytes; at most 20 are read as JSON.' in errors[1]["message"]


@pytest.mark.parametrize("damage", [b"", b'{"n":3}'])
async def test_a_result_whose_bytes_have_changed_is_listed(api: Api, damage: bytes) -> None:
    job_id = await published(api, ("a.json", b'{"n":1}'), ("b.json", b'{"n":2}'))
    [output, _] = await artifacts.of_job(api.house, await api.principal(), refs.job(job_id))
    await api.house.store.put(output.key, damage)
    records, errors = await results(api, job_id)
    assert [record["jsondata"] and record["jsondata"]["n"] for record in records] == [None, 2]
    assert errors[0]["data"]["code"] == "integrity_error"


async def test_an_asset_that_says_it_is_json_and_is_none_says_why(api: Api) -> None:
    target = (await api.graphql.change("createTDO", startDateTime=1, stopDateTime=2))["id"]
    made = await api.graphql.http.post(
        "http://house:9000/v3/graphql",
        headers=api.graphql.headers(),
        data={"query": f'mutation {{ createAsset(input: {{containerId: "{target}", contentType: "application/json"'
                       ', assetType: "text"}) { id } }'},
        files={"file": ("a.json", b'{"n": NaN}', "application/json")},
    )  # fmt: skip
    assert "errors" not in made.json()
    await api.graphql.change("createAsset", containerId=target, assetType="text", jsondata={"n": 1})
    body = (await api.graphql.post(ASSETS, {"id": target})).json()
    shown = [record["jsondata"] for record in body["data"]["temporalDataObject"]["assets"]["records"]]
    assert sorted(shown, key=str) == [None, {"n": 1}]
    assert {error["data"]["code"] for error in body["errors"]} == {"unreadable_document"}
    assert all("line 1 column 7 (NaN is not JSON)" in error["message"] for error in body["errors"])
