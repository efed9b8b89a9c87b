"""Hosts and instances of engines over REST: the workers, and the engines that they offer."""

from typing import Any

import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import BATCH, CATEGORIES, WEBSTREAM

from enginehouse.domain.engine import EngineRequest
from enginehouse.domain.identity import Role
from enginehouse.domain.work import GONE_AFTER
from enginehouse.operations import engine_changes, workers

NOBODY = "00000000-0000-4000-8000-000000000009"


@pytest.fixture
async def two(own_statements: None, api: Api) -> None:
    """The house has two workers: the second one no longer reports."""
    await workers.appear(api.house, name="one", pools={"native": 3}, engines=[BATCH, WEBSTREAM])
    await workers.appear(api.house, name="gone", pools={"native": 1}, engines=[BATCH])

    async def forget(tx: Any) -> None:
        await tx.run("test.age_worker", name="gone", by=GONE_AFTER + 1_000_000)

    await api.house.database.write(forget)


async def hosts(rest: Rest, **query: Any) -> list[str]:
    answer = await rest.get("/hosts", params=query)
    assert answer.status_code == 200, answer.text
    return [one["agentLabel"] for one in answer.json()["result"]]


async def test_the_workers_are_the_hosts(api: Api, two: None) -> None:
    page = (await api.edge.get("/hosts", params={"direction": "ASC", "isactive": "true"})).json()
    [one] = page["result"]
    assert (page["count"], page["limit"], one["agentLabel"], one["numEngines"]) == (1, 10, "one", 2)
    assert (one["isActive"], one["isAssigned"], one["isEngine"], one["runModes"]) == (True, False, True, "engine")
    assert (await api.edge.get(f"/host/{one['hostID']}/detail")).json() == one
    shown = (await api.edge.get(f"/host/{one['hostID'].upper()}/status")).json()
    assert shown == {"hostID": one["hostID"], "numEngineInstances": 2}
    await workers.leave(api.house, "one")
    assert (await api.edge.get(f"/host/{one['hostID']}/detail")).status_code == 404
    assert (await api.edge.get("/host/x/detail")).status_code == 400


async def test_a_host_is_assigned_while_it_runs_something(rest: Rest) -> None:
    await workers.appear(rest.house, name="test", pools={"native": 1}, engines=[BATCH])
    await rest.create()
    await rest.start_one()
    [one] = await rest.result("/hosts")
    assert one["isAssigned"] is True


async def test_hosts_are_filtered_and_counted(api: Api, two: None) -> None:
    assert sorted(await hosts(api.edge)) == ["gone", "one"]
    assert await hosts(api.edge, isactive="false") == ["gone"]
    assert len(await hosts(api.edge, type="engine", drain="false", startCreatedTime=1, limit=1)) == 1
    for nothing in (
        {"drain": "true"}, {"type": "db"}, {"serverType": "x"}, {"ip": "127.0.0.1"}, {"serverTypeID": NOBODY},
        {"startTerminatedTime": 1}, {"endExpireTime": 1}, {"endCreatedTime": 1}, {"endLastUpdateTime": 1},
    ):  # fmt: skip
        assert await hosts(api.edge, **nothing) == [], nothing
    wrong = {"isactive": "x", "type": "y", "serverTypeID": "z", "orderBy": "o", "startCreatedTime": "t"}
    answer = (await api.edge.get("/hosts", params=wrong)).json()["detail"]
    assert {line.partition(": ")[0] for line in answer.split("\n")} == set(wrong)
    counts = (await api.edge.get("/hosts/counts")).json()["counts"]
    assert counts == {"activePhysicalServer": 1, "activeVirtualServer": 0, "newServer": 2, "terminatedServer": 1}
    none = (await api.edge.get("/hosts/counts", params={"endLastUpdateTime": 1})).json()["counts"]
    assert set(none.values()) == {0}
    [row] = (await api.edge.get("/hosts/counts_by_type", params={"chartType": "pie"})).json()["counts"]
    assert row == {"typeName": "engine", "activeServerCount": 1, "newServerCount": 2, "terminatedServerCount": 1}
    assert (await api.edge.get("/hosts/counts_by_type", params={"type": "db"})).json()["counts"] == []


async def test_only_administrators_see_the_names_of_machines(api: Api, two: None) -> None:
    reader = (await api.in_role(Role.READER)).edge
    found = await reader.result("/hosts")
    assert [one.get("agentLabel") for one in found] == [None, None]
    assert {one["hostID"] for one in found} == {one["hostID"] for one in await api.edge.result("/hosts")}
    assert "gone" not in str(found)


async def test_a_host_is_drained_and_resumed(api: Api, two: None) -> None:
    rest, other = api.edge, (await (await api.another_organization()).in_role(Role.READER)).edge
    [one, gone] = [
        next(each for each in await rest.result("/hosts") if each["agentLabel"] == name) for name in ("one", "gone")
    ]
    path = f"/host/{one['hostID']}"
    for verb, body, shown in (
        ("drain", {"reason": "spot", "detail": "soon"}, ("spot", "soon")),
        ("pause", None, (None, None)),
        ("drain", {"reason": "", "detail": ""}, (None, None)),
    ):
        answer = await rest.post(f"{path}/{verb}", body)
        assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 1})
        detail = (await rest.get(f"{path}/detail")).json()
        assert (detail["drain"], detail.get("drainReason"), detail.get("drainDetail")) == (True, *shown)
        assert (await hosts(rest, drain="true"), await hosts(rest, drain="false")) == (["one"], ["gone"])
        instances = (await rest.get("/engine/instances?drain=true")).json()["result"]
        assert {(each["hostID"], each["drain"]) for each in instances} == {(one["hostID"], True)}
        answer = await rest.post(f"{path}/resume")
        assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 1})
        assert await hosts(rest, drain="true") == []
    refused = await rest.post(f"{path}/drain", {"reason": "boredom"})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "reason")
    assert (await rest.post(f"{path}/drain", {"reason": 7})).status_code == 400
    assert (await rest.post(f"/host/{gone['hostID']}/drain", {})).status_code == 200  # it may come back
    for verb in ("drain", "pause", "resume"):
        assert (await rest.post(f"/host/{NOBODY}/{verb}", {})).status_code == 404
        assert (await rest.post(f"/host/x/{verb}", {})).status_code == 400
        assert (await other.post(f"{path}/{verb}", {})).status_code == 403


async def test_no_work_is_claimed_by_a_drained_host(api: Api) -> None:
    await workers.appear(api.house, name="test", pools={"native": 1}, engines=[BATCH])
    await api.edge.create()
    path = f"workers/{workers.worker_id('test')}"
    shown = await api.v1.result(f"{path}/drain", {"detail": "d"})
    assert (shown["name"], shown["drained"], shown["drainDetail"]) == ("test", True, "d")
    with pytest.raises(ValueError, match="not enough values"):
        await api.edge.start_one()
    assert (await api.v1.post(f"{path}/resume")).json()["result"]["drained"] is False
    await api.edge.start_one()


async def test_an_engine_of_a_worker_is_an_instance(api: Api, two: None) -> None:
    rest = api.edge
    [one, gone] = sorted(await rest.result("/hosts"), key=lambda host: host["agentLabel"] != "one")

    async def found(**query: Any) -> list[tuple[str, str]]:
        answer = await rest.get("/engine/instances", params=query)
        assert answer.status_code == 200, answer.text
        return sorted((each["hostID"], each["engineID"]) for each in answer.json()["result"])

    everything = sorted([(one["hostID"], BATCH), (one["hostID"], WEBSTREAM), (gone["hostID"], BATCH)])
    assert await found() == everything
    assert await found(status="terminated") == [(gone["hostID"], BATCH)]
    assert await found(engineIDs=f"{WEBSTREAM}, {NOBODY}") == [(one["hostID"], WEBSTREAM)]
    assert await found(hostIDs=gone["hostID"]) == [(gone["hostID"], BATCH)]
    for nothing in ({"drain": "true"}, {"workRequestIDs": NOBODY}, {"CreatedBefore": 1}, {"modifiedBefore": 1}):
        assert await found(**nothing) == []
    assert await found(launchStartTime=1, modifiedAfter=1, drain="false") == everything
    shown = await rest.result(f"/engine/{WEBSTREAM}/instances")
    assert [(each["hostID"], each["status"]) for each in shown] == [(one["hostID"], "active")]
    instance = shown[0]["engineInstanceID"]
    assert (await rest.get(f"/engine/instance/{instance}/detail")).json() == shown[0]
    assert await found(engineInstanceIDs=instance) == [(one["hostID"], WEBSTREAM)]
    assert (await rest.get(f"/engine/instance/{NOBODY}/detail")).status_code == 404
    assert (await rest.get(f"/engine/{NOBODY}/instances")).status_code == 404
    page = (await rest.get("/engine/instances", params={"orderBy": "engineID", "limit": 2, "offset": 2})).json()
    assert (page["count"], len(page["result"])) == (3, 1)


async def test_an_engine_of_another_organization_has_no_instance(api: Api) -> None:
    request = EngineRequest(name="own", category_id=CATEGORIES[0].id)
    own = await engine_changes.create(api.house, await api.principal(), request)
    await workers.appear(api.house, name="one", pools={"native": 1}, engines=[own.id])
    [instance] = await api.edge.result("/engine/instances")
    other = (await api.another_organization()).edge
    assert await other.result("/engine/instances") == []
    assert (await other.get(f"/engine/instance/{instance['engineInstanceID']}/detail")).status_code == 404
    assert (await other.get(f"/engine/{own.id}/instances")).status_code == 404
