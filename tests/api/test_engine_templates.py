"""Templates of an engine over REST, and the jobs that `createjob` makes of them."""

import json
from typing import Any

import httpx
import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import BATCH, TRANSCRIBE, WEBSTREAM, one_of_each, transcription

from enginehouse.domain import ids
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.engines.native import CATEGORIES, ENGINES
from enginehouse.engines.native.noop import Noop
from enginehouse.engines.native.webstream import WEBSTREAM as REAL_WEBSTREAM
from enginehouse.engines.native.writer import OUTPUT_WRITER
from enginehouse.operations import engines, identity, target_assets, targets

URL = "https://h.example/a.mp4"
SIMPLE: dict[str, Any] = {"tasks": [{"engineId": BATCH, "payloadJSON": '{"url": "{{{url}}}", "level": {{{level}}}}'}]}


@pytest.fixture
async def native(api: Api) -> None:
    """The house has the engines of a real server, because the standard template names them."""
    await engines.register(api.house, [engine.spec for engine in ENGINES], CATEGORIES)


async def put(rest: Rest, name: str, template: dict[str, Any], engine: str = BATCH) -> httpx.Response:
    return await rest.post(f"/engine/{engine}/template/{name}", {"template": template})


async def launch(
    rest: Rest,
    engine: str = BATCH,
    file: tuple[str, bytes, str] | None = None,
    values: Any = None,
    headers: dict[str, str] | None = None,
    **parts: str,
) -> httpx.Response:
    """Sends the form. `file`: its name, its bytes, its media type."""
    fields: dict[str, Any] = {name: (None, text) for name, text in parts.items()}
    if values is not None:
        fields["parameterJSON"] = (None, values if isinstance(values, str) else json.dumps(values))
    if file is not None:
        fields["fileName"] = file
    signed = {"Authorization": f"Bearer {rest.token}"} | (headers or {})
    return await rest.client.post(f"/engine/{engine}/createjob", files=fields, headers=signed)


async def api_principal(rest: Rest) -> Principal:
    return await identity.authenticate(rest.house, rest.token)


async def payloads(rest: Rest, answer: httpx.Response) -> dict[str, Any]:
    """Returns the payload of each task of the job, by its engine."""
    assert answer.status_code == 200, answer.text
    tasks = (await rest.own_detail(answer.json()["internalJobId"]))["tasks"]
    return {task["engineID"]: json.loads(task.get("taskPayloadJSON") or task["payloadJSON"]) for task in tasks}


async def test_a_template_is_stored_listed_replaced_and_deleted(rest: Rest, native: None) -> None:
    made = await put(rest, "mine", transcription(coreRecordingID="0"), TRANSCRIBE)
    assert made.status_code == 200, made.text
    assert (made.json()["engineID"], made.json()["templateName"]) == (TRANSCRIBE, "mine")
    shown = (await rest.get(f"/engine/{TRANSCRIBE}/template/mine")).json()["templates"]
    assert shown == [made.json()]
    assert shown[0]["template"]["tasks"][0]["engineId"] == WEBSTREAM
    all_ = (await rest.get(f"/engine/{TRANSCRIBE}/template/all")).json()["templates"]
    assert [one["templateName"] for one in all_] == ["mine", "standard"]
    again = await put(rest, "mine", {"tasks": [{"engineId": "{{{ENGINE_ID}}}"}]}, TRANSCRIBE)
    assert again.json()["template"]["tasks"] == [{"engineId": TRANSCRIBE}]
    gone = await rest.request("DELETE", f"/engine/{TRANSCRIBE}/template/mine")
    assert gone.json() == again.json()
    assert (await rest.get(f"/engine/{TRANSCRIBE}/template/mine")).status_code == 404
    assert (await rest.request("DELETE", f"/engine/{TRANSCRIBE}/template/mine")).status_code == 404


async def test_another_organization_has_its_own_templates(rest: Rest) -> None:
    await put(rest, "mine", SIMPLE)
    other = await rest.another_organization()
    assert (await other.get(f"/engine/{BATCH}/template/mine")).status_code == 404
    assert (await other.request("DELETE", f"/engine/{BATCH}/template/mine")).status_code == 404
    assert (await launch(other, templateName="mine")).status_code == 404
    assert (await rest.get(f"/engine/{BATCH}/template/mine")).status_code == 200


async def test_a_template_names_only_what_the_caller_may_read(api: Api) -> None:
    stranger = await api.another_organization()
    source = (await one_of_each(stranger.house, await stranger.principal()))["source"]
    foreign = {**SIMPLE, "coreSourceID": source, "internalOrganizationID": ids.organization_uuid(987654)}
    found = (await put(api.edge, "mine", foreign)).json()["errors"]
    assert [(one["path"], one.get("allowed")) for one in found] == [
        ("template.internalOrganizationID", None), ("template.coreSourceID", "a number"),
    ]  # fmt: skip
    own = (await one_of_each(api.house, await api.principal()))["source"]
    same = {**SIMPLE, "coreSourceID": own, "internalOrganizationID": ids.organization_uuid(1)}
    assert (await put(api.edge, "mine", same)).status_code == 200


async def test_all_problems_of_a_template_come_at_once(rest: Rest) -> None:
    wrong = {
        "coreID": "x",
        "coreSourceID": "y",
        "tasks": [
            {"engineId": "nothing", "payloadJSON": "{{#if a}}", "ioFolders": [{"mode": "odd"}]},
            {"engineId": BATCH, "dueDateTime": "yesterday-ish"},
        ],
        "taskRoutes": [{"endpoint": "z"}],
    }
    body = {"engineID": TRANSCRIBE, "templateName": "other", "template": wrong}
    answer = await rest.post(f"/engine/{BATCH}/template/mine", body)
    assert answer.status_code == 400
    found = answer.json()["detail"]
    for path in (
        "engineID: must be",
        "templateName: must be",
        "template.coreID: a UUID",
        "template.coreSourceID: a number",
        "template.tasks[0].payloadJSON: The template has no {{/if}}",
        "template.tasks[1].dueDateTime: ",
        "template.taskRoutes[0].endpoint: a UUID",
    ):
        assert path in found, found
    unknown = await put(rest, "mine", {"tasks": [{"engineId": "nothing", "ioFolders": [{"mode": "odd"}]}]})
    assert "template.tasks[0].engineId: " in unknown.json()["detail"]
    assert "template.tasks[0].ioFolders[0].mode: " in unknown.json()["detail"]
    assert "template.tasks: " in (await put(rest, "mine", {})).json()["detail"]
    assert (await rest.get(f"/engine/{BATCH}/template/all")).json()["templates"][0]["templateName"] == "standard"


@pytest.mark.parametrize("name", ["all", "%20", "x" * 256])
async def test_a_name_that_no_template_can_have_is_refused(rest: Rest, name: str) -> None:
    assert (await put(rest, name, SIMPLE)).json()["detail"].startswith("templateName: ")


async def test_no_more_templates_than_allowed(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enginehouse.operations.engine_templates.MOST", 1)
    assert (await put(rest, "a", SIMPLE)).status_code == 200
    assert (await put(rest, "a", SIMPLE)).status_code == 200
    assert (await put(rest, "b", SIMPLE)).json()["detail"].startswith("templateName: at most 1 templates")
    assert (await rest.get(f"/engine/{BATCH}/template/b")).status_code == 404


async def test_a_job_of_a_template_has_the_values_as_json(rest: Rest) -> None:
    await put(rest, "mine", SIMPLE)
    odd = 'a"b\\c\n{{d}}'
    answer = await launch(rest, templateName="mine", values={"url": odd, "level": [1, {"x": 2}], "more": True})
    assert await payloads(rest, answer) == {BATCH: {"url": odd, "level": [1, {"x": 2}], "more": True}}


async def test_other_texts_take_the_values_as_they_are(rest: Rest) -> None:
    name = 'say "{{{word}}}" {{#if no}}no{{else}}yes{{/if}}'
    template = {"tasks": [{"engineId": BATCH, "correlationTaskId": name}]}
    assert (await put(rest, "mine", template)).status_code == 200
    answer = await launch(rest, templateName="mine", values={"word": 'a"b', "no": False})
    assert answer.status_code == 200, answer.text
    [job] = (await rest.get("/proc/jobs")).json()["result"]
    assert job["internalJobID"] == answer.json()["internalJobId"]
    plan = await rest.own_detail(job["internalJobID"])
    assert plan["tasks"][0]["correlationTaskId"] == 'say "a"b" yes'
    assert plan["tasks"][0].get("payloadJSON") in (None, "{}")


async def test_a_file_becomes_the_primary_asset_of_the_new_target(rest: Rest, native: None) -> None:
    answer = await launch(rest, Noop.spec.id, ("C:\\films\\a.txt", b"some words", "text/plain"), {"minConfidence": 1})
    made = await payloads(rest, answer)
    assert made == {REAL_WEBSTREAM.spec.id: {}, Noop.spec.id: {"minConfidence": 1}, OUTPUT_WRITER.spec.id: {}}
    job = await rest.detail(answer.json()["internalJobId"])
    assert {task["priority"] for task in (await rest.own_detail(job["internalJobID"]))["tasks"]} == {-20}
    principal = await api_principal(rest)
    ref = Ref.of(job["coreRecordingId"])
    [asset] = await target_assets.assets(rest.house, principal, ref)
    assert (asset.name, asset.content_type, asset.size) == ("a.txt", "text/plain", 10)
    assert await target_assets.primary_asset(rest.house, principal, ref) == asset
    assert list(rest.house.store.scratch().glob("upload-*")) == []


async def test_the_parts_of_the_form_name_the_file(rest: Rest, native: None) -> None:
    answer = await launch(
        rest, Noop.spec.id, ("x.bin", b"x", "text/plain"), inputFileName="talk.mp3", contentType="audio/mpeg"
    )
    job = await rest.detail(answer.json()["internalJobId"])
    [asset] = await target_assets.assets(rest.house, await api_principal(rest), Ref.of(job["coreRecordingId"]))
    assert (asset.name, asset.content_type) == ("talk.mp3", "audio/mpeg")


async def test_the_standard_template_reads_an_address_too(rest: Rest, native: None) -> None:
    made = await payloads(rest, await launch(rest, Noop.spec.id, values={"UPLOAD_URL": URL}))
    assert made[REAL_WEBSTREAM.spec.id] == {"url": URL}
    neither = await launch(rest, Noop.spec.id, values={"a": 1})
    assert neither.json()["detail"].startswith("fileName: must be given, or UPLOAD_URL in parameterJSON")


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: str(engine.spec.slug))
async def test_every_engine_has_a_standard_template(rest: Rest, native: None, engine: Any) -> None:
    [shown] = (await rest.get(f"/engine/{engine.spec.id}/template/standard")).json()["templates"]
    assert engine.spec.id in {task["engineId"] for task in shown["template"]["tasks"]}
    answer = await launch(rest, engine.spec.id, ("a.txt", b"x", "text/plain"))
    assert engine.spec.id in await payloads(rest, answer)
    assert (await rest.request("DELETE", f"/engine/{engine.spec.id}/template/standard")).status_code == 403
    own = await put(rest, "standard", SIMPLE | {"tasks": [{"engineId": engine.spec.id}]}, engine.spec.id)
    assert own.status_code == 200, own.text
    assert (await rest.get(f"/engine/{engine.spec.id}/template/all")).json()["templates"] == [own.json()]


async def test_a_job_that_is_refused_leaves_nothing(api: Api) -> None:
    rest = api.edge
    await put(rest, "mine", SIMPLE)
    await put(rest, "text", {"tasks": [{"engineId": BATCH, "taskPayloadJSON": "{{{level}}}"}]})
    before = len(await api.audit())
    for values, path in (
        ('{"level": 1', "parameterJSON: not valid JSON"),
        ([], "parameterJSON: an object"),
        ({"ENGINE_ID": "x"}, "parameterJSON.ENGINE_ID: "),
        ({"level": "x" * 65_537}, "parameterJSON.level: at most 65536"),
        ({f"v{n}": n for n in range(101)}, "parameterJSON: 101 fields"),
        ({"level": "not json"}, "template.tasks[0].payloadJSON: not valid JSON"),
    ):
        answer = await launch(rest, BATCH, ("a.txt", b"x", "text/plain"), values, templateName="mine")
        assert answer.status_code == 400
        assert path in answer.json()["detail"]
    text = await launch(rest, BATCH, ("a.txt", b"x", "text/plain"), {"level": "{"}, templateName="text")
    assert "template.tasks[0].taskPayloadJSON: " in text.json()["detail"]
    bad = await launch(rest, BATCH, ("a.txt", b"x", "no type"), {"level": 1}, templateName="mine")
    assert "contentType: must be a media type" in bad.json()["detail"]
    assert await targets.list_(api.house, await api.principal()) == []
    assert list(api.house.store.scratch().glob("upload-*")) == []
    assert len(await api.audit()) == before


async def test_a_job_that_is_refused_late_takes_its_target_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(api.edge, "mine", {"tasks": [{"engineId": BATCH}]})
    api.limit(jobs_per_request=0)
    answer = await launch(api.edge, BATCH, ("a.txt", b"x", "text/plain"), templateName="mine")
    assert answer.status_code == 400
    assert await targets.list_(api.house, await api.principal()) == []


async def test_a_file_that_is_too_large_is_refused(api: Api) -> None:
    await put(api.edge, "mine", {"tasks": [{"engineId": BATCH}]})
    api.limit(upload_bytes=10)
    answer = await launch(api.edge, BATCH, ("a.txt", b"x" * 11, "text/plain"), templateName="mine")
    assert (answer.status_code, answer.json()["id"]) == (413, "too_large")
    assert list(api.house.store.scratch().glob("upload-*")) == []


async def test_a_request_with_a_key_is_carried_out_once(rest: Rest) -> None:
    await put(rest, "mine", {"tasks": [{"engineId": BATCH}]})
    key = {"Idempotency-Key": "k1"}

    async def send(content: bytes) -> httpx.Response:
        return await launch(rest, BATCH, ("a.txt", content, "text/plain"), headers=key, templateName="mine")

    first, second, other = await send(b"x"), await send(b"x"), await send(b"y")
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["id"]) == (400, "idempotency_key_reused")
    assert (await rest.get("/proc/jobs")).json()["count"] == 1


async def test_what_is_no_form_or_has_other_parts_is_refused(rest: Rest) -> None:
    assert "multipart/form-data" in (await rest.post(f"/engine/{BATCH}/createjob", {})).json()["detail"]
    odd = await launch(rest, BATCH, other="x")
    assert odd.json()["detail"] == (
        'The part "other" is none of inputFileName, contentType, templateName, parameterJSON, fileName.'
    )
    assert (await launch(rest, "x", values={})).status_code == 400
    assert (await launch(rest, "00000000-0000-4000-8000-000000000009", values={})).status_code == 404
    assert (await launch(rest, BATCH, templateName="none")).json()["detail"].startswith("templateName: EngineTemplate")


async def test_a_reader_stores_and_creates_nothing(api: Api) -> None:
    reader = await api.in_role(Role.READER)
    assert (await put(reader.edge, "mine", SIMPLE)).status_code == 403
    assert (await launch(reader.edge, BATCH, ("a.txt", b"x", "text/plain"))).status_code == 403
    assert list(api.house.store.scratch().glob("upload-*")) == []
    assert (await reader.edge.get(f"/engine/{BATCH}/template/all")).status_code == 200


async def test_a_job_with_a_file_leaves_a_row_for_the_target_and_one_for_the_job(api: Api) -> None:
    await put(api.edge, "mine", {"tasks": [{"engineId": BATCH}]})
    before = len(await api.audit())
    await launch(api.edge, BATCH, ("a.txt", b"x", "text/plain"), templateName="mine")
    assert [row.event for row in (await api.audit())[before:]] == ["createTDOWithAsset", "createJob"]
