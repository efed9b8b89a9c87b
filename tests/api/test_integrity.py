"""Bytes that were changed or lost behind the server are `integrity_error` on every interface, never 200 or 404."""

from pathlib import Path
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH

from enginehouse.artifacts.disk import DiskStore
from enginehouse.artifacts.integrity import Integrity
from enginehouse.domain import ids
from enginehouse.domain.errors import IntegrityError

RESULTS = "query($id: ID!) { engineResults(jobId: $id) { records { jsondata } } }"
ASSET = "query($id: ID!) { temporalDataObject(id: $id) { assets { records { id jsondata jsonstring } } } }"
DAMAGE = [lambda file: file.unlink(), lambda file: file.write_bytes(b'{"n":2}'), lambda file: file.write_bytes(b"{}")]


def kept(api: Api) -> Path:
    assert isinstance(api.house.store, DiskStore)
    return api.house.store.kept


@pytest.mark.parametrize("damage", DAMAGE, ids=["missing", "changed", "shorter"])
@pytest.mark.parametrize("seen_before", [False, True])
async def test_an_output_that_was_changed_is_refused(api: Api, damage: Any, *, seen_before: bool) -> None:
    job_id = await api.edge.create({"tasks": [{"engineID": BATCH}]})
    await api.edge.run_one(("a.json", "application/json", b'{"n":1}'), ("b.json", "application/json", b'{"n":3}'))
    number = ids.parse_job(job_id)
    task_id = ids.task_uuid(number or 0, 0)
    paths = [
        f"/proc/{owner}/{verb}/a.json"
        for owner in (f"job/{job_id}", f"task/{task_id}")
        for verb in ("output", "download")
    ]
    if seen_before:
        for path in paths:
            assert (await api.edge.get(path)).status_code == 200
    damage(kept(api) / f"jobs/1/{number}/0/000000")
    for path in paths:
        for part in ({}, {"range": "bytes=0-1"}):
            answer = await api.edge.client.get(path, headers={**api.graphql.headers(), **part})
            assert (answer.status_code, answer.json()["id"]) == (500, "integrity_error")
        never = await api.edge.get(path.replace("a.json", "never.json"))
        assert (never.status_code, never.json()["id"]) == (404, "not_found")
        assert (await api.edge.get(path.replace("a.json", "b.json"))).status_code == 200


@pytest.mark.parametrize("damage", DAMAGE, ids=["missing", "changed", "shorter"])
async def test_an_asset_that_was_changed_is_refused(api: Api, damage: Any) -> None:
    target = (await api.graphql.change("createTDO", startDateTime=1, stopDateTime=2))["id"]
    new = {"containerId": target, "contentType": "application/json", "assetType": "text", "jsondata": {"n": 1}}
    asset_id = (await api.graphql.change("createAsset", **new))["id"]
    [shown] = (await api.graphql.ask(ASSET, {"id": target}))["temporalDataObject"]["assets"]["records"]
    assert shown["jsondata"] == {"n": 1}
    [file] = list((kept(api) / "assets").rglob("bytes"))
    damage(file)
    answer = await api.ask(f"GET /api/v1/asset/{asset_id}/content")
    assert (answer.status, answer.error) == (500, "integrity_error")
    body = (await api.graphql.post(ASSET, {"id": target})).json()
    [shown] = body["data"]["temporalDataObject"]["assets"]["records"]
    assert shown == {"id": asset_id, "jsondata": None, "jsonstring": None}
    assert {(error["name"], error["data"]["code"]) for error in body["errors"]} == {
        ("service_failure", "integrity_error")
    }
    assert (await api.ask("GET /api/v1/asset/1_aaaaaaaaaa/content")).status == 404


async def test_a_large_output_is_verified_before_a_part_of_it_and_while_all_of_it_is_sent(api: Api) -> None:
    object.__setattr__(api.house, "integrity", Integrity(api.house.store, verified_first=1))
    job_id = await api.edge.create({"tasks": [{"engineID": BATCH}]})
    await api.edge.run_one(("a.json", "application/json", b'{"n":1}'))
    path, part = f"/proc/job/{job_id}/download/a.json", {**api.graphql.headers(), "range": "bytes=0-1"}
    assert (await api.edge.client.get(path, headers=part)).content == b'{"'
    (kept(api) / f"jobs/1/{ids.parse_job(job_id)}/0/000000").write_bytes(b'{"n":2}')
    answer = await api.edge.client.get(path, headers=part)
    assert (answer.status_code, answer.json()["id"]) == (500, "integrity_error")
    with pytest.raises(IntegrityError):  # the server ends the connection
        await api.edge.get(path)
