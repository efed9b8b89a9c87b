"""Engines, their builds and their categories, created and changed over REST."""

from typing import Any

import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import BATCH, CATEGORIES, WEBSTREAM

from enginehouse.domain import ids
from enginehouse.domain.identity import Role

CATEGORY = CATEGORIES[0].id
NOBODY = "00000000-0000-4000-8000-000000000009"
OK = {"success": True, "count": 1}


async def engine(rest: Rest, **fields: Any) -> dict[str, Any]:
    new = {"engineName": "Own", "engineCategoryID": CATEGORY, **fields}
    made: dict[str, Any] = await rest.result("/admin/engine/create", {"engine": new})
    return made


async def build(rest: Rest, engine_id: str, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = await rest.result("/admin/build/create", {"build": {"engineID": engine_id, **fields}})
    return made


async def problems(rest: Rest, path: str, body: dict[str, Any]) -> list[str]:
    """Returns the paths of the problems of the refused request."""
    answer = await rest.post(path, body)
    assert answer.status_code in {400, 404}, answer.text
    return [line.partition(": ")[0] for line in answer.json()["detail"].split("\n")]


# -- engines ------------------------------------------------------------------------------------------------


async def test_an_engine_is_created_changed_paused_resumed_and_deleted(rest: Rest) -> None:
    made = await engine(rest, engineType="stream", fieldsJSON='{"a":1}', internalOrganizationID="", engineID="")
    assert (made["engineName"], made["engineType"], made["fieldsJSON"], made["engineState"]) == (
        "Own", "stream", '{"a":1}', "active",
    )  # fmt: skip
    assert made["internalOrganizationID"] == ids.organization_uuid(1)
    path = f"/admin/engine/{made['engineID']}"
    same = {name: made[name] for name in ("engineID", "engineType", "engineState", "internalOrganizationID")}
    changed = await rest.result(f"{path}/update", {"engine": {**same, "engineName": "Other"}})
    assert (changed["engineName"], changed["fieldsJSON"]) == ("Other", '{"a":1}')
    assert (await rest.result(f"{path}/update", {"engine": {"maxRunning": 3}}))["maxRunning"] == 3
    for verb, state in (("pause", "paused"), ("resume", "active")):
        assert (await rest.post(f"{path}/{verb}", {"engineID": made["engineID"]})).json() == OK
        assert (await rest.result(f"{path}/detail"))["engineState"] == state
    assert (await rest.post(f"{path}/delete")).json() == OK
    assert (await rest.get(f"{path}/detail")).status_code == 404


async def test_wrong_engines_are_refused_with_all_problems(rest: Rest) -> None:
    wrong = {
        "engineName": " ", "engineCategoryID": NOBODY, "engineType": "odd", "engineState": "paused",
        "engineID": NOBODY, "fieldsJSON": "{",
    }  # fmt: skip
    assert await problems(rest, "/admin/engine/create", {"engine": wrong}) == [
        "engine.engineID", "engine.engineState", "engine.fieldsJSON", "engine.engineType", "engine.engineName",
        "engine.engineCategoryID",
    ]  # fmt: skip
    assert await problems(rest, "/admin/engine/create", {"engine": {}}) == [
        "engine.engineName", "engine.engineCategoryID",
    ]  # fmt: skip
    made = await engine(rest)
    path = f"/admin/engine/{made['engineID']}/update"
    moved = {"engineID": NOBODY, "engineType": "batch", "engineState": "paused", "maxRunning": 2, "engineName": "x"}
    assert await problems(rest, path, {"engine": moved}) == [
        "engine.maxRunning", "engine.engineID", "engine.engineType", "engine.engineState",
    ]  # fmt: skip
    assert await problems(rest, path, {"engine": {"maxRunning": 10_000_000}}) == ["engine.maxRunning"]
    assert await problems(rest, path, {"engine": {"fieldsJSON": "[1]"}}) == ["engine.fieldsJSON"]
    for unkept, value in {"preload": True, "minRunning": 1, "validationJSON": "{}", "priority_adjustment": 1}.items():
        assert (await rest.post(path, {"engine": {unkept: value}})).status_code == 501
    assert (await rest.result(f"/admin/engine/{made['engineID']}/detail"))["engineName"] == "Own"


async def test_only_a_super_administrator_changes_an_engine_of_the_server(api: Api) -> None:
    other = (await api.another_organization()).edge
    for verb, body in (("pause", None), ("resume", None), ("delete", None), ("update", {"engine": {"maxRunning": 1}})):
        assert (await other.post(f"/admin/engine/{BATCH}/{verb}", body)).status_code == 403, verb
    assert (await api.edge.post(f"/admin/engine/{BATCH}/pause")).json() == OK
    assert (await api.edge.post(f"/admin/engine/{BATCH}/delete")).status_code == 403
    declared = await problems(api.edge, f"/admin/engine/{BATCH}/update", {"engine": {"engineName": "x"}})
    assert declared == ["engine.engineName"]


# -- builds -------------------------------------------------------------------------------------------------


async def test_a_build_goes_from_its_creation_to_its_deletion(rest: Rest) -> None:
    own = (await engine(rest))["engineID"]
    made = await build(
        rest, own, dockerImage="r/x:1", runtime='{"b":2}', manifestEngineMode="chunk", manifestRequireEC2=True,
        manifestGPUSupported="none",
    )  # fmt: skip
    assert (made["version"], made["buildState"], made["dockerImage"], made["runtime"]) == (
        1, "deploy-validation", "r/x:1", '{"b":2}',
    )  # fmt: skip
    assert (made["manifestEngineMode"], made["manifestRequireEC2"], made["engineID"]) == ("chunk", True, own)
    path = f"/admin/build/{made['buildID']}"
    zero = {"version": 0, "createdDateTime": "0001-01-01T00:00:00Z", "modifiedDateTime": made["modifiedDateTime"]}
    for state, image in (("deploy-validating", "r/x:2"), ("deploy-validated", ""), ("deployed", "")):
        changed = await rest.result(f"{path}/update", {**zero, "buildState": state, "dockerImage": image})
        assert (changed["buildState"], changed["dockerImage"]) == (state, "r/x:2")
    for verb, state in (("pause", "paused"), ("resume", "deployed"), ("pause", "paused")):
        assert (await rest.post(f"{path}/{verb}")).json() == OK
        assert (await rest.result(f"{path}/detail"))["buildState"] == state
    assert (await rest.result(f"{path}/update", {"buildState": "deployed"}))["buildState"] == "deployed"
    second = await build(rest, own)
    shown = await rest.result(f"/admin/engine/{own}/builds")
    assert [one["version"] for one in shown] == [2, 1]
    only = (await rest.get(f"/admin/engine/{own}/builds", params={"BuildState": "deployed"})).json()["result"]
    assert [one["version"] for one in only] == [1]
    assert (await rest.post(f"/engine/{WEBSTREAM}/build/{second['buildID']}/delete")).status_code == 403
    assert (await rest.post(f"/engine/{own}/build/{second['buildID']}/delete")).json() == OK
    await rest.post(f"{path}/pause")
    assert (await rest.post(f"{path}/delete")).json() == OK
    for answer in (
        await rest.get(f"{path}/detail"),
        await rest.post(f"{path}/pause"),
        await rest.post(f"{path}/delete"),
    ):
        assert answer.status_code == 404
    assert await rest.result(f"/admin/engine/{own}/builds") == []


async def test_the_builds_of_all_engines_are_a_list_of_their_own(api: Api) -> None:
    rest, stranger = api.edge, (await api.another_organization()).edge
    await build(stranger, (await engine(stranger))["engineID"])
    one, other = [(await engine(rest))["engineID"] for _ in range(2)]
    made = [await build(rest, each) for each in (one, other, one)]
    assert await rest.result("/engine/builds") == made[::-1]
    assert await rest.result("/engine/builds?limit=1&offset=1") == [made[1]]
    for state in ("deploy-validating", "deploy-validated", "deployed"):
        await rest.result(f"/admin/build/{made[0]['buildID']}/update", {"buildState": state})
    await rest.post(f"/admin/build/{made[1]['buildID']}/delete")
    states = {
        state: [each["buildID"] for each in await rest.result(f"/engine/builds?state={state}")]
        for state in ("deployed", "deploy-validation", "paused")
    }
    assert states == {"deployed": [made[0]["buildID"]], "deploy-validation": [made[2]["buildID"]], "paused": []}
    assert (await rest.get("/engine/builds?state=odd")).status_code == 400
    assert len(await (await api.in_role(Role.READER)).edge.result("/engine/builds")) == 2


async def test_wrong_builds_are_refused_with_all_problems(rest: Rest) -> None:
    own = (await engine(rest))["engineID"]
    wrong = {"buildID": NOBODY, "buildState": "deployed", "runtime": "{"}
    assert await problems(rest, "/admin/build/create", {"build": wrong}) == [
        "build.buildID", "build.buildState", "build.engineID",
    ]  # fmt: skip
    wrong = {"buildID": NOBODY, "engineID": own, "runtime": "{", "dockerImage": "x" * 5000}
    assert await problems(rest, "/admin/build/create", {"build": wrong}) == [
        "build.buildID", "build.runtime", "build.dockerImage",
    ]  # fmt: skip
    assert await problems(rest, "/admin/build/create", {"build": {"engineID": NOBODY}}) == ["build.engineID"]
    assert (await rest.post("/admin/build/create", {"build": {"engineID": BATCH}})).status_code == 403
    assert (await rest.post("/admin/build/create", {"build": {"engineID": own, "softVCPULimit": 2}})).status_code == 501
    path = f"/admin/build/{(await build(rest, own))['buildID']}"
    assert await problems(rest, f"{path}/update", {"runtime": "{}"}) == ["runtime", "buildState"]
    assert await problems(rest, f"{path}/update", {"buildState": "paused"}) == ["buildState"]
    others = {"buildID": NOBODY, "engineID": BATCH, "version": 2, "buildState": "deploy-validating"}
    assert await problems(rest, f"{path}/update", others) == ["buildID", "engineID", "version"]
    counted = {"build": {"engineID": own, "version": 7}}
    assert await problems(rest, "/admin/build/create", counted) == ["build.version"]
    assert (await rest.post(f"{path}/resume")).status_code == 400


# -- categories ---------------------------------------------------------------------------------------------


async def test_a_category_is_created_and_changed(rest: Rest) -> None:
    new = {"engineCategoryName": "Own", "engineCategoryType": "Cognition"}
    made = await rest.result("/admin/engine/category/create", new)
    assert {name: made[name] for name in new} == new
    assert made["createdDateTime"] == made["modifiedDateTime"] > "2026"
    path = f"/admin/engine/category/{made['engineCategoryID']}"
    changed = await rest.result(f"{path}/update", {"engineCategoryName": "Other"})
    assert await rest.result(f"{path}/detail") == changed
    assert changed in await rest.result("/admin/engine/categories")
    assert changed["createdDateTime"] == made["createdDateTime"] < changed["modifiedDateTime"]
    assert (changed["engineCategoryName"], changed["engineCategoryType"]) == ("Other", "Cognition")
    assert await problems(rest, "/admin/engine/category/create", {"engineCategoryType": "odd"}) == [
        "engineCategoryName", "engineCategoryType",
    ]  # fmt: skip
    assert await problems(rest, f"{path}/update", {"engineCategoryType": 7}) == ["engineCategoryType"]
    assert (await rest.post(f"/admin/engine/category/{CATEGORY}/update", new)).status_code == 403


@pytest.mark.parametrize("role", [Role.USER, Role.READER])
async def test_only_administrators_change_engines(api: Api, role: Role) -> None:
    own = (await engine(api.edge))["engineID"]
    made = (await build(api.edge, own))["buildID"]
    rest = (await api.in_role(role)).edge
    for path, body in (
        ("/admin/engine/create", {"engine": {"engineName": "n", "engineCategoryID": CATEGORY}}),
        (f"/admin/engine/{own}/update", {"engine": {"engineName": "n"}}),
        (f"/admin/engine/{own}/pause", None),
        (f"/admin/engine/{own}/delete", None),
        ("/admin/build/create", {"build": {"engineID": own}}),
        (f"/admin/build/{made}/update", {"buildState": "deploy-validating"}),
        (f"/admin/build/{made}/delete", None),
        ("/admin/engine/category/create", {"engineCategoryName": "n", "engineCategoryType": "Cognition"}),
    ):
        assert (await rest.post(path, body)).status_code == 403, path
    assert len(await rest.result(f"/admin/engine/{own}/builds")) == 1
