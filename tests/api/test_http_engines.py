"""Engines over HTTP: added under `/api/v1`, and by the manifest of an engine or of its deployed build."""

from typing import Any

import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import CATEGORIES

from enginehouse.domain.engine_health import HealthEvent
from enginehouse.domain.identity import Role
from enginehouse.engines.native.categories import CATEGORIES as BUILT_IN
from enginehouse.engines.native.categories import OTHER
from enginehouse.operations import engine_health, engines, workers
from enginehouse.storage import engines as storage

PUBLIC = "http://203.0.113.7:8080"  # of a documentation network: no machine has it, and it is not public either
OPEN = "http://engine.example:8080"
PRIVATE = "http://10.0.0.5:8080/base/"
NEW: dict[str, Any] = {
    "name": "Ours", "url": PRIVATE, "ready": "/readyz", "process": "/v2/process", "category": CATEGORIES[0].name,
    "concurrency": 3, "mode": "stream", "inputs": ["audio/*", "video/mp4"], "description": "d",
}  # fmt: skip


@pytest.fixture
async def other(api: Api) -> Api:
    """Returns the interfaces of an organization's own administrator, who is no operator."""
    await api.house.database.write(lambda tx: storage.register(tx, [], BUILT_IN))
    return await api.another_organization()


async def add(rest: Rest, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = await rest.result("engines", {"name": "Ours", "url": OPEN, **fields})
    return made


async def refusal(api: Api, request: str, body: Any = None) -> list[tuple[str, str]]:
    answer = await api.ask(request, body)
    assert answer.status == 400, answer.body
    return [(each["path"], each["message"].removeprefix(f"{each['path']}: ")) for each in answer.body["errors"]]


async def test_an_operator_adds_an_engine_with_a_private_address(api: Api, other: Api) -> None:
    made = await add(api.v1, **NEW)
    assert made | NEW | {"runningLimit": 3} == made | {name: made.get(name, NEW[name]) for name in NEW} | {
        "runningLimit": 3
    }
    assert made["address"] == {"url": PRIVATE, "ready": "/readyz", "process": "/v2/process", "private": True}
    assert (made["kind"], made["mode"], made["state"], made["inputs"]) == ("http", "stream", "active", NEW["inputs"])
    assert made["organizationID"] == "1"
    assert await api.v1.result(f"engines/{made['engineID']}") == made
    spec = api.house.catalogue.by_id[made["engineID"]].spec
    assert spec.address is not None
    assert (spec.address.ready_url, spec.address.process_url) == (
        "http://10.0.0.5:8080/base/readyz", "http://10.0.0.5:8080/base/v2/process",
    )  # fmt: skip
    seen = await (await api.in_role(Role.READER)).v1.result(f"engines/{made['engineID']}")
    assert seen == {name: value for name, value in made.items() if name != "address"}
    assert (await other.ask(f"GET /api/v1/engines/{made['engineID']}")).status == 404
    assert (await other.ask(f"DELETE /api/v1/engines/{made['engineID']}")).status == 404
    assert (await api.ask(f"DELETE /api/v1/engines/{made['engineID']}")).status == 204
    assert (await api.ask(f"GET /api/v1/engines/{made['engineID']}")).status == 404


async def test_what_is_not_given_has_a_default(api: Api, other: Api) -> None:
    made = await add(other.v1)
    assert (made["mode"], made["inputs"], made["runningLimit"]) == ("chunk", ["*/*"], 1)
    assert made["categoryID"] == OTHER.id
    assert made["address"] == {"url": OPEN, "ready": "/ready", "process": "/process", "private": False}
    batch = await add(other.v1, mode="batch")
    assert batch["inputs"] == []


async def test_an_organization_adds_no_private_address(api: Api, other: Api) -> None:
    for url, fault in (
        (PRIVATE, "address 10.0.0.5 is not allowed"),
        ("http://localhost:8080", "address localhost is not allowed"),
        (PUBLIC, "address 203.0.113.7 is not allowed"),
        ("http://0x7f.1:8080", "address 0x7f.1 is not allowed"),
    ):
        [(path, message)] = await refusal(other, "POST /api/v1/engines", {"name": "n", "url": url})
        assert path == "url"
        assert fault in message
        assert "Only an operator (a super administrator)" in message
    assert (await add(api.v1, url=PUBLIC))["address"]["private"]
    other.limit(private_urls=True)
    assert not (await add(other.v1, url=PRIVATE))["address"]["private"]


async def test_only_an_operator_adds_an_engine_for_everybody(api: Api, other: Api) -> None:
    assert (await other.ask("POST /api/v1/engines", {"name": "n", "url": OPEN, "public": True})).status == 403
    made = await add(api.v1, public=True, url=PRIVATE)
    assert "organizationID" not in made
    seen = await other.v1.result(f"engines/{made['engineID']}")
    assert "address" not in seen
    assert (await other.ask(f"DELETE /api/v1/engines/{made['engineID']}")).status == 403
    assert (await api.ask(f"DELETE /api/v1/engines/{made['engineID']}")).status == 204
    assert (await other.ask(f"GET /api/v1/engines/{made['engineID']}")).status == 404


async def test_everything_that_is_wrong_is_said_at_once(api: Api, other: Api) -> None:
    wrong = {
        "name": " ", "url": "ftp://h/", "ready": "ready", "process": "/a b", "category": "Nothing", "concurrency": 0,
        "inputs": ["text/plain", "text"],
    }  # fmt: skip
    before = len(api.house.catalogue.by_id)
    assert await refusal(api, "POST /api/v1/engines", wrong) == [
        ("name", "must be given."),
        ("url", 'scheme "ftp" is not allowed; use http or https.'),
        ("ready", 'a path that begins with / and has at most 512 visible characters, got "ready".'),
        ("process", 'a path that begins with / and has at most 512 visible characters, got "/a b".'),
        ("concurrency", "1–1000000, got 0."),
        ("inputs[1]", 'a media type like text/plain or audio/*, got "text".'),
        ("category", '"Nothing" was not found.'),
    ]
    for url, fault in (
        ("", "must be given."),
        ("http://h/?a=1", "must have no query and no fragment: the paths of ready and process come after it."),
        ("http://user:secret@h/", "a user name or password in the address is not allowed."),
        ("http://h:22/", "port 22 is not allowed."),
    ):
        assert await refusal(api, "POST /api/v1/engines", {"name": "n", "url": url}) == [("url", fault)]
    assert len(api.house.catalogue.by_id) == before


async def test_a_foreign_category_does_not_exist(api: Api, other: Api) -> None:
    own = await api.v1.result("engine-categories", {"name": "Own", "type": "Cognition"})
    for name in (own["id"], "Own"):
        [(path, message)] = await refusal(other, "POST /api/v1/engines", {"name": "n", "url": OPEN, "category": name})
        assert (path, message) == ("category", f'"{name}" was not found.')


# -- manifests ----------------------------------------------------------------------------------------------

MANIFEST = {
    "url": OPEN, "engineMode": "batch", "supportedInputFormats": ["text/plain"], "maxConcurrency": 4,
}  # fmt: skip


async def address_of(api: Api, engine_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await api.v1.result(f"engines/{engine_id}")
    return {name: found.get(name) for name in ("address", "mode", "inputs", "runningLimit")}


BUILD = "mutation($in: CreateBuild!) { createEngineBuild(input: $in) { id } }"
EXPECTED = {
    "address": {"url": OPEN, "ready": "/ready", "process": "/process", "private": False},
    "mode": "batch", "inputs": ["text/plain"], "runningLimit": 4,
}  # fmt: skip


async def test_an_engine_answers_where_its_manifest_says(other: Api) -> None:
    made = await other.graphql.change(
        "createEngine", "id", name="n", categoryId=OTHER.id, deploymentModel="HumanReview", manifest=MANIFEST
    )
    assert await address_of(other, made["id"]) == EXPECTED
    await other.graphql.change("updateEngine", "id", id=made["id"], manifest={"a": 1})
    assert await address_of(other, made["id"]) == EXPECTED  # without a url it stays
    await other.graphql.change("updateEngine", "id", id=made["id"], manifest={"url": f"{OPEN}/new"})
    changed = await address_of(other, made["id"])
    assert changed["address"]["url"] == f"{OPEN}/new"
    assert changed["runningLimit"] == 4


async def test_over_rest_the_manifest_is_fields_json(other: Api) -> None:
    new = {"engineName": "n", "engineCategoryID": OTHER.id, "fieldsJSON": f'{{"url": "{OPEN}"}}'}
    made = await other.edge.result("/admin/engine/create", {"engine": new})
    assert (await address_of(other, made["engineID"]))["address"]["url"] == OPEN


async def test_a_build_says_it_when_it_is_deployed(other: Api) -> None:
    made = await other.graphql.change(
        "createEngine", "id", name="n", categoryId=OTHER.id, deploymentModel="HumanReview"
    )
    assert (await address_of(other, made["id"]))["address"] is None
    assert made["id"] not in engines.over_http(other.house)
    given: dict[str, Any] = {"engineId": made["id"], "manifest": MANIFEST}
    build = (await other.graphql.ask(BUILD, {"in": given}))["createEngineBuild"]
    for action in ("submit", "deploy"):
        assert (await address_of(other, made["id"]))["address"] is None
        act = {"id": build["id"], "engineId": made["id"], "action": action}
        await other.graphql.ask("mutation($in: UpdateBuild!) { updateEngineBuild(input: $in) { id } }", {"in": act})
    assert await address_of(other, made["id"]) == EXPECTED
    assert made["id"] in engines.over_http(other.house)


@pytest.mark.parametrize("url", [PRIVATE, "ftp://h/", 7])
async def test_a_manifest_with_a_bad_url_is_refused(other: Api, url: Any) -> None:
    create = "mutation($in: CreateEngine!) { createEngine(input: $in) { id } }"
    given = {"name": "n", "categoryId": OTHER.id, "deploymentModel": "HumanReview", "manifest": {"url": url}}
    refused = await other.graphql.refused(create, {"in": given})
    assert refused["name"] == "invalid_input"
    made = await other.graphql.change(
        "createEngine", "id", name="n", categoryId=OTHER.id, deploymentModel="HumanReview"
    )
    refused = await other.graphql.refused(BUILD, {"in": {"engineId": made["id"], "manifest": {"url": url}}})
    assert refused["name"] == "invalid_input"


# -- workers and health -------------------------------------------------------------------------------------


async def test_a_worker_with_slots_for_them_offers_every_engine_with_an_address(other: Api) -> None:
    made = await add(other.v1)
    job = f'mutation {{ createJob(input: {{tasks: [{{engineId: "{made["engineID"]}"}}]}}) {{ warnings }} }}'
    await workers.appear(other.house, name="w", pools={"native": 1}, engines=[])
    [warning] = (await other.graphql.ask(job))["createJob"]["warnings"]
    assert "no worker for engine" in warning
    await workers.appear(other.house, name="w", pools={"http": 1}, engines=[])
    assert (await other.graphql.ask(job))["createJob"]["warnings"] == []
    [worker] = await other.v1.result("workers")
    assert worker["engineIDs"] == [made["engineID"]]
    bare = await other.graphql.change(
        "createEngine", "id", name="n", categoryId=OTHER.id, deploymentModel="HumanReview"
    )
    [warning] = (await other.graphql.ask(job.replace(made["engineID"], bare["id"])))["createJob"]["warnings"]
    assert "no worker for engine" in warning


async def test_who_may_use_an_unavailable_engine_sees_why(api: Api, other: Api) -> None:
    made = await add(api.v1, public=True)
    query = f'{{ engine(id: "{made["engineID"]}") {{ unavailable {{ reason nextTryDateTime }} }} }}'
    assert (await other.graphql.ask(query))["engine"] == {"unavailable": None}
    await engine_health.record(api.house, made["engineID"], HealthEvent.NOT_READY, "it sleeps", probed=False)
    shown = (await other.v1.result(f"engines/{made['engineID']}"))["unavailable"]
    assert shown["reason"] == "it sleeps"
    found = (await other.graphql.ask(query))["engine"]["unavailable"]
    assert found["reason"] == "it sleeps"
    assert found["nextTryDateTime"][:19] == shown["nextTryDateTime"][:19]
    own = await add(api.v1)
    await engine_health.record(api.house, own["engineID"], HealthEvent.NOT_READY, "secret", probed=False)
    assert list(await engine_health.unavailable(other.house, await other.principal())) == [made["engineID"]]


async def test_the_why_of_a_waiting_job_names_the_engine_the_reason_and_the_next_try(api: Api, other: Api) -> None:
    made = await add(api.v1)
    await workers.appear(api.house, name="w", pools={"http": 1}, engines=[])
    job = await api.graphql.ask(
        f'mutation {{ createJob(input: {{tasks: [{{engineId: "{made["engineID"]}"}}]}}) {{ id }} }}'
    )
    await engine_health.record(api.house, made["engineID"], HealthEvent.GIVEN_UP, "5 of 10", probed=False)
    told = await api.v1.result(f"jobs/{job['createJob']['id']}/why")
    [reason] = told["reasons"]
    assert (reason["kind"], reason["engineName"], reason["failureMessage"]) == ("engine_unavailable", "Ours", "5 of 10")
    assert told["sentence"] == (
        f'The engine "Ours" is not available: 5 of 10; it is tried again at {reason["notBeforeDateTime"][:23]}Z.'
    )
    waiting = (
        f'{{ job(id: "{job["createJob"]["id"]}") {{ waiting {{ reasons {{ kind engineId failureMessage }} }} }} }}'
    )
    assert (await api.graphql.ask(waiting))["job"]["waiting"]["reasons"] == [
        {"kind": "engine_unavailable", "engineId": made["engineID"], "failureMessage": "5 of 10"}
    ]
