"""Targets and assets over GraphQL: lists with every filter and order, changes, and what is deleted (§2.6, §3.7)."""

import io
import json
import subprocess
import wave
from pathlib import Path
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import TRANSCRIBE


async def target(api: Api, start: int, stop: int | None = None, **more: Any) -> str:
    made: str = (await api.graphql.change("createTDO", startDateTime=start, stopDateTime=stop or start + 1, **more))[
        "id"
    ]
    return made


async def listed(api: Api, arguments: str = "") -> list[str]:
    found = await api.graphql.ask(f"{{ temporalDataObjects{arguments} {{ records {{ id }} }} }}")
    return [one["id"] for one in found["temporalDataObjects"]["records"]]


async def test_a_list_has_every_order_and_range(api: Api) -> None:
    first, second, third = await target(api, 1000, 9000), await target(api, 3000), await target(api, 2000)
    orders = {
        "": [second, third, first],
        "(orderDirection: asc)": [first, third, second],
        "(orderBy: stopDateTime)": [first, second, third],
        "(orderBy: createdDateTime, orderDirection: asc)": [first, second, third],
        "(orderBy: modifiedDateTime)": [third, second, first],
        "(limit: 1, offset: 1)": [third],
        "(offset: 9)": [],
        f'(id: "{third}")': [third],
        '(id: "x")': [],
        "(dateTimeFilter: [{field: startDateTime, fromDateTime: 2000}])": [second, third],
        "(dateTimeFilter: [{field: startDateTime, fromDateTime: 2000, fromDateTimeExclusive: true}])": [second],
        "(dateTimeFilter: [{field: startDateTime, toDateTime: 2000}])": [third, first],
        "(dateTimeFilter: [{field: startDateTime, toDateTime: 2000, toDateTimeExclusive: true}])": [first],
        "(dateTimeFilter: [{field: startDateTime, fromDateTime: 1000}, {field: stopDateTime, toDateTime: 3000}])": [
            third
        ],
        "(dateTimeFilter: [{field: startDateTime, fromDateTime: 1001}, {field: startDateTime, toDateTime: 2999}])": [
            third
        ],
        '(dateTimeFilter: [{field: createdDateTime, toDateTime: "2001-01-01T00:00:00Z"}])': [],
        '(dateTimeFilter: [{field: modifiedDateTime, fromDateTime: "2001-01-01T00:00:00Z"}])': [second, third, first],
        "(sampleMedia: true)": [],
        '(mentionId: "1")': [],
        '(applicationId: "x")': [],
    }
    assert {arguments: await listed(api, arguments) for arguments in orders} == orders
    page = (await api.graphql.ask("{ temporalDataObjects(limit: 2) { count offset limit } }"))["temporalDataObjects"]
    assert page == {"count": 2, "offset": 0, "limit": 2}
    own = (await api.graphql.ask("{ me { organization { id } } }"))["me"]["organization"]["id"]
    assert await listed(api, f'(organizationId: "{own}", limit: 1)') == [second]


async def test_a_list_of_what_a_source_and_a_schedule_have_made(api: Api) -> None:
    source = (await api.graphql.change("createSource", name="s", sourceTypeId=1))["id"]
    schedule = (await api.schedule())["id"]
    of_source = await target(api, 1, sourceData={"sourceId": source})
    both = (
        await api.graphql.change(
            "createTDOWithAsset",
            startDateTime=2,
            uri="https://h.example/a",
            sourceId=source,
            scheduledJobId=schedule,
        )
    )["id"]
    await target(api, 3)
    assert await listed(api, f'(sourceId: "{source}")') == [both, of_source]
    assert await listed(api, f'(scheduledJobId: "{schedule}")') == [both]
    assert await listed(api, f'(sourceId: "{source}", orderDirection: asc, limit: 1)') == [of_source]
    assert await listed(api, '(sourceId: "99999")') == await listed(api, '(scheduledJobId: "x")') == []
    query = f'{{ temporalDataObject(id: "{both}") {{ sourceData {{ sourceId scheduledJobId source {{ name }} }} }} }}'
    shown = (await api.graphql.ask(query))["temporalDataObject"]["sourceData"]
    assert shown == {"sourceId": source, "scheduledJobId": schedule, "source": {"name": "s"}}


async def test_public_targets_of_others_are_in_the_list_on_request(api: Api, foreign: Api) -> None:
    theirs, mine = [await target(foreign, at, isPublic=True) for at in (1, 5)], [await target(api, at) for at in (2, 4)]
    own_public = await target(api, 3, isPublic=True)
    await target(foreign, 6)
    assert await listed(api) == [mine[1], own_public, mine[0]]
    assert await listed(api, "(includePublic: true)") == [theirs[1], mine[1], own_public, mine[0], theirs[0]]
    assert await listed(api, "(includePublic: true, offset: 1, limit: 3)") == [mine[1], own_public, mine[0]]
    assert await listed(api, "(includePublic: true, orderDirection: asc, limit: 2)") == [theirs[0], mine[0]]


async def test_a_target_is_changed_and_what_is_not_given_stays(api: Api) -> None:
    target_id = await target(api, 1000, 2000, name="old", description="d", details={"a": [1]}, source="s")
    fields = "name description startDateTime stopDateTime status details source thumbnailUrl isPublic modifiedDateTime"
    before = (await api.graphql.ask(f'{{ temporalDataObject(id: "{target_id}") {{ {fields} }} }}'))[
        "temporalDataObject"
    ]
    changed = await api.graphql.change(
        "updateTDO", fields, id=target_id, name="new", description=None, stopDateTime=3000, status=None,
        thumbnailUrl="https://h.example/t.png", isPublic=True,
    )  # fmt: skip
    assert changed["modifiedDateTime"] > before["modifiedDateTime"]
    assert changed == before | {
        "name": "new",
        "description": None,
        "stopDateTime": "1970-01-01T00:50:00.000Z",
        "thumbnailUrl": "https://h.example/t.png",
        "isPublic": True,
        "modifiedDateTime": changed["modifiedDateTime"],
    }
    seen = (await api.graphql.ask(f'{{ temporalDataObject(id: "{target_id}") {{ {fields} }} }}'))["temporalDataObject"]
    assert seen == changed
    assert await listed(api, "(orderBy: stopDateTime)") == [target_id]


async def test_a_wrong_change_names_all_problems_and_changes_nothing(api: Api) -> None:
    target_id = await target(api, 1000, 2000, name="old")
    wish = {
        "id": target_id,
        "name": "x" * 5000,
        "stopDateTime": 1,
        "primaryAsset": [{"id": "1_a", "assetType": "media"}],
    }
    refusal = await api.graphql.refused(*api.graphql.mutation("updateTDO", **wish))
    assert [line.partition(":")[0] for line in refusal["message"].split("\n")] == [
        "name",
        "stopDateTime",
        "primaryAsset[0].id",
    ]
    query = f'{{ temporalDataObject(id: "{target_id}") {{ name }} }}'
    assert (await api.graphql.ask(query))["temporalDataObject"] == {"name": "old"}


async def test_another_asset_becomes_the_primary_one(api: Api) -> None:
    target_id = await target(api, 1)
    new = {"containerId": target_id, "assetType": "media", "setAsPrimary": True}
    one, two = [(await api.graphql.change("createAsset", uri=f"https://h.example/{n}", **new))["id"] for n in (1, 2)]
    query = f'{{ temporalDataObject(id: "{target_id}") {{ primaryAsset(assetType: "media") {{ id }} }} }}'
    assert (await api.graphql.ask(query))["temporalDataObject"]["primaryAsset"]["id"] == two
    fields = 'primaryAsset(assetType: "media") { id }'
    wish = [{"id": one, "assetType": "media"}]
    changed = await api.graphql.change("updateTDO", fields, id=target_id, primaryAsset=wish)
    assert changed["primaryAsset"]["id"] == one
    wrong = [{"id": one, "assetType": "text"}]
    assert (await api.graphql.refused(*api.graphql.mutation("updateTDO", id=target_id, primaryAsset=wrong)))["name"]
    assert (await api.graphql.ask(query))["temporalDataObject"]["primaryAsset"]["id"] == one


@pytest.mark.parametrize(
    ("options", "left", "message"),
    [
        ("", ["vtn-standard"], "storage,searchIndex"),
        (", options: [storage, engineResults]", [], "storage,engineResults"),
        (", options: [engineResults]", ["media"], "engineResults"),
        (", options: [searchIndex]", ["media", "vtn-standard"], "searchIndex"),
    ],
)
async def test_a_target_is_cleaned_up(api: Api, options: str, left: list[str], message: str) -> None:
    job = await api.graphql.change(
        "createJob", "id targetId", target={"startDateTime": 1, "stopDateTime": 2}, tasks=[{"engineId": TRANSCRIBE}]
    )
    target_id = job["targetId"]
    await api.edge.run_one(("vtn-standard-1.json", "application/json", b"{}"))
    await api.graphql.change("createAsset", containerId=target_id, assetType="media", jsondata={"a": 1})
    answer = await api.graphql.ask(f'mutation {{ cleanupTDO(id: "{target_id}"{options}) {{ id message }} }}')
    assert answer["cleanupTDO"] == {"id": target_id, "message": f"Data deleted from {target_id}:  {message}"}
    query = f'{{ temporalDataObject(id: "{target_id}") {{ assets {{ records {{ assetType jsondata }} }} }} }}'
    assets = (await api.graphql.ask(query))["temporalDataObject"]["assets"]["records"]
    assert sorted(one["assetType"] for one in assets) == left
    assert len([path for path in api.house.store.kept.rglob("*") if path.is_file()]) == len(left)  # type: ignore[attr-defined]


async def test_an_asset_is_read_and_changed(api: Api) -> None:
    source = (await api.graphql.change("createSource", name="s", sourceTypeId=1))["id"]
    made = await api.graphql.change(
        "createAsset",
        containerId=await target(api, 1),
        contentType="application/json",
        jsondata={"b": 1},
        name="n",
        details={"a": {"b": [1, 2]}},
        isUserEdited=True,
        fileData={"originalFileUri": "https://h.example/o", "mediaDurationMs": 7},
        sourceData={"name": "by hand", "sourceId": source, "engineId": TRANSCRIBE},
    )
    fields = """id name description details isUserEdited jsonstring(indent: 0) transform(transformFunction: JSON)
      xml: transform(transformFunction: XML2JSON) part: details(path: "a.b[1]")
      fileData { originalFileUri mediaDurationMs size } sourceData { name sourceId engineId taskId }"""
    asset = (await api.graphql.ask(f'{{ asset(id: "{made["id"]}") {{ {fields} }} }}'))["asset"]
    assert asset == {
        "id": made["id"],
        "name": "n",
        "description": None,
        "details": {"a": {"b": [1, 2]}},
        "isUserEdited": True,
        "jsonstring": asset["jsonstring"],
        "transform": '{"b":1}',
        "xml": None,
        "part": 2,
        "fileData": {"originalFileUri": "https://h.example/o", "mediaDurationMs": 7, "size": 7},
        "sourceData": {"name": "by hand", "sourceId": source, "engineId": TRANSCRIBE, "taskId": None},
    }
    assert json.loads(asset["jsonstring"]) == {"b": 1}
    changed = await api.graphql.change(
        "updateAsset", fields, id=made["id"], name=None, description="d", fileData={"mediaDurationMs": 8}
    )
    assert changed == asset | {
        "name": None,
        "description": "d",
        "fileData": {"originalFileUri": "https://h.example/o", "mediaDurationMs": 8, "size": 7},
    }
    assert (await api.graphql.ask(f'{{ asset(id: "{made["id"]}") {{ {fields} }} }}'))["asset"] == changed


async def test_the_jobs_of_a_target_have_pages(api: Api) -> None:
    target_id = await target(api, 1)
    made = [await api.graphql.create_job(targetId=target_id) for _ in range(3)]
    query = f'{{ temporalDataObject(id: "{target_id}") {{ jobs(offset: 1, limit: 1) {{ records {{ id }} limit }} }} }}'
    assert (await api.graphql.ask(query))["temporalDataObject"]["jobs"] == {"records": [{"id": made[1]}], "limit": 1}


def sound(seconds: float) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(seconds * 8000) * 2))
    return written.getvalue()


def flac(folder: Path, seconds: float) -> bytes:
    (folder / "a.wav").write_bytes(sound(seconds))
    command = ["ffmpeg", "-v", "error", "-i", str(folder / "a.wav"), str(folder / "a.flac")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return (folder / "a.flac").read_bytes()


async def created(api: Api, fields: str, content: bytes | None = None) -> Any:
    """Returns the answer to a target that stops with its media."""
    query = (
        f"mutation {{ createTDOWithAsset(input: {{startDateTime: 1000, updateStopDateTimeFromAsset: true, {fields}}})"
        " { startDateTime stopDateTime } }"
    )
    files = None if content is None else {"file": ("a", content, "audio/wav")}
    answer = await api.graphql.http.post(
        "/v3/graphql", headers=api.graphql.headers(), data={"query": query}, files=files
    )
    return answer.json()


async def test_a_target_stops_when_its_media_ends(api: Api, tmp_path: Path) -> None:
    place = (await api.graphql.ask("{ getSignedWritableUrl { url unsignedUrl } }"))["getSignedWritableUrl"]
    await api.graphql.http.put(place["url"], content=sound(3))
    stops = [
        await created(api, 'contentType: "audio/wav", stopDateTime: 9', sound(2)),
        await created(api, 'contentType: "audio/flac"', flac(tmp_path, 5)),
        await created(api, f'uri: "{place["unsignedUrl"]}"'),
    ]
    lasts = [each["data"]["createTDOWithAsset"] for each in stops]
    assert [each["stopDateTime"][17:19] for each in lasts] == ["42", "45", "43"]  # from 00:16:40 on


@pytest.mark.parametrize(
    ("fields", "content", "message"),
    [
        (
            'uri: "https://h.example/a"', None,
            "the duration of what a URL names is not known here; upload the file, or give stopDateTime.",
        ),
        (
            'contentType: "text/plain"', b"no media",
            "the file says no duration that this server can read; give stopDateTime instead.",
        ),
    ],
)  # fmt: skip
async def test_a_duration_that_nobody_knows_is_refused(
    api: Api, fields: str, content: bytes | None, message: str
) -> None:
    assert (await created(api, fields, content))["errors"][0]["message"] == f"updateStopDateTimeFromAsset: {message}"
    assert await listed(api) == []
