"""Exports over GraphQL: a zip with the results of engines and the media of targets, behind a signed URL."""

import asyncio
import io
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH, CATEGORIES, TRANSCRIBE, WRITER

from enginehouse.artifacts.archive import ArchiveFile, zipped
from enginehouse.domain.exports import MOST_TRIES, TRANSCRIPTION, Export
from enginehouse.domain.identity import Role
from enginehouse.engines.native import categories
from enginehouse.operations import export_leases, exports, maintenance
from enginehouse.operations.work import MICROS
from enginehouse.server.exporter import Exporter
from enginehouse.storage import exports as storage
from enginehouse.storage.database.database import Tx

SAID = {
    "series": [
        {"startTimeMs": 0, "stopTimeMs": 400, "words": [{"word": "Well,"}], "speakerId": "Ada"},
        {"startTimeMs": 400, "stopTimeMs": 900, "words": [{"word": "yes."}], "speakerId": "Ada"},
    ]
}
SOUND = b"RIFF, a sound" * 40_000
FIELDS = """id status organizationId requestorId createdDateTime modifiedDateTime assetUri message size expiresDateTime
  progress { files filesDone bytes bytesDone }"""


async def target_with_result(api: Api, document: Any = SAID, engine: str = TRANSCRIBE, name: str = "a/b é") -> str:
    """Returns the id of a target on which the engine has published the document."""
    made = await api.graphql.change(
        "createJob", "targetId", target={"startDateTime": 1, "stopDateTime": 2, "name": name},
        tasks=[{"engineId": engine}],
    )  # fmt: skip
    await api.edge.run_one(("vtn-standard-1.json", "application/json", json.dumps(document).encode()))
    target_id: str = made["targetId"]
    return target_id


async def add_media(api: Api, target_id: str) -> None:
    answer = await api.graphql.http.post(
        "/v3/graphql",
        headers=api.graphql.headers(),
        data={
            "query": f'mutation {{ createAsset(input: {{containerId: "{target_id}", assetType: "media",'
            ' contentType: "audio/wav", setAsPrimary: true}) { id } }',
        },
        files={"file": ("Sound 1.wav", SOUND, "audio/wav")},
    )
    assert "errors" not in answer.json(), answer.text


async def request(api: Api, *target_ids: str, **more: Any) -> dict[str, Any]:
    tdo_data = [{"tdoId": each} for each in target_ids]
    made: dict[str, Any] = await api.graphql.change("createExportRequest", FIELDS, tdoData=tdo_data, **more)
    return made


async def made(api: Api) -> None:
    """Every export that waits was made."""
    while waiting := await export_leases.claim(api.house, limit=2):
        for export in waiting:
            await export_leases.make(api.house, export)


async def shown(api: Api, export_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.graphql.ask(f'{{ exportRequest(id: "{export_id}") {{ {FIELDS} }} }}'))[
        "exportRequest"
    ]
    return found


@dataclass
class Unpacked:
    """The files of the zip of an export, without the manifest, and the manifest."""

    files: dict[str, bytes]
    manifest: dict[str, Any]


async def unpacked(api: Api, export: dict[str, Any]) -> Unpacked:
    await made(api)
    export = await shown(api, export["id"])
    assert export["status"] == "complete", export
    answer = await api.graphql.http.get(export["assetUri"])  # without a token
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert len(answer.content) == export["size"]
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    return Unpacked(files, json.loads(files.pop("manifest.json")))


def outputs(*formats: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"engineId": TRANSCRIBE, "formats": list(formats), **more}]


async def test_an_export_has_the_formats_and_the_media_of_every_target(api: Api) -> None:
    first, second = await target_with_result(api), await target_with_result(api, name="")
    await add_media(api, first)
    wanted = outputs({"extension": "vtt", "options": {"newlineOnPunctuation": True}}, {"extension": "txt"})
    export = await request(api, first, second, includeMedia=True, outputConfigurations=wanted)
    assert (export["status"], export["organizationId"], export["assetUri"], export["size"]) == (
        "incomplete", "1", None, None
    )  # fmt: skip
    zipped = await unpacked(api, export)
    folder = f"{first}-a_b_é"
    assert zipped.files == {
        f"{folder}/transcription.vtt": b"WEBVTT\n\n00:00:00.000 --> 00:00:00.900\n<v Ada>Well,\nyes.\n",
        f"{folder}/transcription.txt": b"Ada: Well, yes.\n",
        f"{folder}/Sound_1.wav": SOUND,
        f"{second}/transcription.vtt": b"WEBVTT\n\n00:00:00.000 --> 00:00:00.900\n<v Ada>Well,\nyes.\n",
        f"{second}/transcription.txt": b"Ada: Well, yes.\n",
    }
    one, two = zipped.manifest["targets"]
    assert (one["tdoId"], one["folder"], one["leftOut"]) == (first, folder, [])
    assert one["files"][0]["engineId"] == TRANSCRIBE
    assert {each["path"] for target in (one, two) for each in target["files"]} == set(zipped.files)
    assert two["leftOut"] == [{"what": "media", "reason": "The target has no media."}]
    done = await shown(api, export["id"])
    assert done["message"] == "1 thing was left out. manifest.json says which, and why."
    total = len(SOUND) + 2 * len(json.dumps(SAID))
    assert done["progress"] == {"files": 5, "filesDone": 5, "bytes": total, "bytesDone": total}


async def test_without_outputs_it_has_the_aion_of_every_engine_as_it_is(api: Api) -> None:
    document = {"sourceEngineId": TRANSCRIBE, "object": [{"label": "a dog"}]}
    target_id = await target_with_result(api, document, WRITER)  # which has put together what another engine has made
    files = (await unpacked(api, await request(api, target_id))).files
    assert files == {f"{target_id}-a_b_é/transcription.json": json.dumps(document).encode()}


async def test_what_a_writer_has_put_together_is_a_result_of_the_engine_that_made_it(api: Api) -> None:
    target_id = await target_with_result(api, {**SAID, "sourceEngineId": TRANSCRIBE}, WRITER)
    category = {"categoryId": CATEGORIES[0].id, "formats": [{"extension": "srt"}, {"extension": "csv"}]}
    files = (await unpacked(api, await request(api, target_id, outputConfigurations=[category, *outputs()]))).files
    assert set(files) == {f"{target_id}-a_b_é/transcription.{each}" for each in ("srt", "csv", "json")}


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({}, "<v Ada>Well, yes."),
        ({"maxCharacterPerLine": 5}, "<v Ada>Well,\nyes."),
        ({"withSpeakerData": False}, "Well, yes."),
    ],
)
async def test_the_options_of_subtitles(api: Api, options: dict[str, Any], lines: str) -> None:
    target_id = await target_with_result(api)
    wanted = outputs({"extension": "vtt", "options": options})
    [content] = (await unpacked(api, await request(api, target_id, outputConfigurations=wanted))).files.values()
    assert content.decode().split("\n", 3)[3] == f"{lines}\n"


async def test_the_newest_result_of_an_engine_counts(api: Api) -> None:
    target_id = await target_with_result(api)
    await api.graphql.change("createJob", targetId=target_id, tasks=[{"engineId": TRANSCRIBE}])
    await api.edge.run_one(("vtn-standard-2.json", "application/json", b'{"series": []}'))
    zipped = await unpacked(api, await request(api, target_id, outputConfigurations=outputs({"extension": "srt"})))
    [left] = zipped.manifest["targets"][0]["leftOut"]
    assert (zipped.files, left["format"], left["reason"]) == ({}, "srt", "The result has no words with times.")


async def test_all_that_a_task_has_published_at_once_is_there(api: Api) -> None:
    made = await api.graphql.change(
        "createJob", "targetId", target={"startDateTime": 1, "stopDateTime": 2}, tasks=[{"engineId": TRANSCRIBE}]
    )
    documents = (b'{"object": []}', json.dumps(SAID).encode())
    await api.edge.run_one(*((f"{n}.json", "application/json", each) for n, each in enumerate(documents)))
    zipped = await unpacked(
        api, await request(api, made["targetId"], outputConfigurations=outputs({"extension": "txt"}))
    )
    assert list(zipped.files.values()) == [b"Ada: Well, yes.\n"]
    files = (await unpacked(api, await request(api, made["targetId"]))).files
    assert sorted(files.values()) == sorted(documents)


async def test_two_files_never_have_one_path(api: Api) -> None:
    target_id = await target_with_result(api)
    wanted = outputs({"extension": "srt"}, {"extension": "srt", "options": {"linesPerScreen": 1}})
    files = (await unpacked(api, await request(api, target_id, outputConfigurations=wanted))).files
    assert set(files) == {f"{target_id}-a_b_é/transcription.srt", f"{target_id}-a_b_é/transcription-2.srt"}


async def test_all_that_is_wrong_is_said_at_once(api: Api, foreign: Api) -> None:
    own, theirs = await target_with_result(api), await target_with_result(foreign)
    await foreign.graphql.change("updateTDO", id=theirs, isPublic=True)
    error = await api.graphql.refused(
        *api.graphql.mutation(
            "createExportRequest",
            tdoData=[{"tdoId": own}, {"tdoId": theirs}, {"tdoId": "x"}],
            outputConfigurations=[
                {"formats": []},
                {"engineId": "nothing"},
                {"categoryId": "nothing"},
                {"engineId": BATCH, "categoryId": CATEGORIES[0].id, "formats": [{"extension": "srt"}]},
                {
                    "engineId": TRANSCRIBE,
                    "formats": [
                        {"extension": "docx", "options": {"maxCharacterPerLine": 0, "linesPerScreen": 51}},
                    ],
                },
            ],
        )
    )
    assert error["message"].split("\n") == [
        f'tdoData[1].tdoId: "{theirs}" was not found.',
        'tdoData[2].tdoId: "x" was not found.',
        "outputConfigurations[0]: give engineId or categoryId.",
        'outputConfigurations[1].engineId: "nothing" was not found.',
        'outputConfigurations[2].categoryId: "nothing" was not found.',
        'outputConfigurations[3].categoryId: the engine "Batch" is in another category.',
        'outputConfigurations[3].formats[0].extension: one of json, got "srt".',
        'outputConfigurations[4].formats[0].extension: one of csv, json, srt, ttml, txt, vtt, got "docx".',
        "outputConfigurations[4].formats[0].options.maxCharacterPerLine: 1–1000, got 0.",
        "outputConfigurations[4].formats[0].options.linesPerScreen: 1–50, got 51.",
    ]
    assert await export_leases.claim(api.house, limit=1) == []


@pytest.mark.parametrize(
    ("tdo_data", "configurations", "message"),
    [
        ([], [], "tdoData: 1–1000 targets, got 0."),
        (
            None, [{"engineId": BATCH}],
            'outputConfigurations[0].engineId: the engine "Batch" has no results for these targets.',
        ),
        (
            None, [{"categoryId": CATEGORIES[1].id}],
            (
                f'outputConfigurations[0].categoryId: no engine of the category "{CATEGORIES[1].id}" has results for'
                " these targets."
            ),
        ),
    ],
)  # fmt: skip
async def test_refusals(api: Api, tdo_data: Any, configurations: Any, message: str) -> None:
    chosen = [{"tdoId": await target_with_result(api, engine=WRITER)}] if tdo_data is None else tdo_data
    refused = api.graphql.mutation("createExportRequest", tdoData=chosen, outputConfigurations=configurations)
    assert (await api.graphql.refused(*refused))["message"] == message


async def test_who_may_request_and_see_it(api: Api, stranger: Api) -> None:
    target_id = await target_with_result(api)
    reader = await api.in_role(Role.READER)
    query = api.graphql.mutation("createExportRequest", tdoData=[{"tdoId": target_id}])
    assert (await reader.graphql.refused(*query))["name"] == "not_allowed"
    export = await request(api, target_id)
    await made(api)
    assert (await shown(reader, export["id"]))["assetUri"]
    assert (await stranger.graphql.refused(f'{{ exportRequest(id: "{export["id"]}") {{ id }} }}'))[
        "name"
    ] == "not_found"
    assert (await stranger.graphql.ask("{ exportRequests { count } }"))["exportRequests"]["count"] == 0
    own = urlsplit((await shown(api, export["id"]))["assetUri"])
    for wrong in (own._replace(query=own.query.replace("organization=1", "organization=2")), own._replace(query="")):
        assert (await api.graphql.http.get(wrong.geturl())).status_code == 403


async def test_there_are_only_so_many_that_wait(api: Api) -> None:
    api.limit(exports=1)
    target_id = await target_with_result(api)
    await request(api, target_id)
    refused = await api.graphql.refused(*api.graphql.mutation("createExportRequest", tdoData=[{"tdoId": target_id}]))
    assert refused["message"] == "Organization limit of 1 exports that wait reached."
    await made(api)
    await request(api, target_id)


async def test_a_target_that_was_deleted_before_is_left_out(api: Api) -> None:
    gone, kept = await target_with_result(api), await target_with_result(api)
    both, only = await request(api, gone, kept), await request(api, gone)
    await api.graphql.ask(f'mutation {{ deleteTDO(id: "{gone}") {{ id }} }}')
    zipped = await unpacked(api, both)
    assert list(zipped.files) == [f"{kept}-a_b_é/transcription.json"]
    assert zipped.manifest["leftOut"] == [{"tdoId": gone, "reason": "The target was deleted before it was its turn."}]
    failed = await shown(api, only["id"])
    assert (failed["status"], failed["message"]) == ("failed", "All of its targets were deleted.")
    assert failed["assetUri"] is None
    assert len(stored(api)) == 1


def stored(api: Api) -> list[Path]:
    """Returns the bytes of exports that are in the store."""
    root: Path = api.house.store.kept / "exports"  # type: ignore[attr-defined]
    return [path for path in root.rglob("*") if path.is_file()] if root.exists() else []


async def test_lists(api: Api) -> None:
    target_id = await target_with_result(api)
    ids = [(await request(api, target_id))["id"] for _ in range(3)]
    await api.graphql.change("updateExportRequest", id=ids[0], status="failed")

    async def listed(arguments: str = "") -> list[str]:
        page = (await api.graphql.ask(f"{{ exportRequests{arguments} {{ records {{ id }} }} }}"))["exportRequests"]
        return [each["id"] for each in page["records"]]

    assert await listed() == ids[::-1]
    assert await listed("(limit: 1, offset: 1)") == [ids[1]]
    assert await listed("(status: [failed, complete])") == [ids[0]]
    assert await listed("(orderBy: {field: createdDateTime, direction: asc})") == ids
    assert await listed("(orderBy: {field: modifiedDateTime})") == [ids[0], ids[2], ids[1]]
    assert await listed(f'(id: "{ids[1]}", status: incomplete)') == [ids[1]]
    assert await listed('(id: "x")') == []
    assert await listed("(event: mentionExportRequest)") == []
    gone = await api.graphql.refused(f'{{ exportRequest(id: "{ids[1]}", event: mentionExportRequest) {{ id }} }}')
    assert gone["name"] == "not_found"


async def test_a_client_says_that_it_has_the_zip(api: Api) -> None:
    export = await request(api, await target_with_result(api))
    await made(api)
    for status in ("downloaded", "complete", "complete"):
        changed = await api.graphql.change("updateExportRequest", FIELDS, id=export["id"], status=status)
        assert changed["status"] == status
        assert changed["assetUri"]
    refused = api.graphql.mutation("updateExportRequest", id=export["id"], status="incomplete")
    message = 'status: an export that is "complete" cannot become "incomplete".'
    assert (await api.graphql.refused(*refused))["message"] == message


async def test_an_incomplete_one_can_be_stopped(api: Api) -> None:
    export = await request(api, await target_with_result(api))
    [leased] = await export_leases.claim(api.house, limit=1)
    stopped = await api.graphql.change("updateExportRequest", FIELDS, id=export["id"], status="failed")
    assert (stopped["status"], stopped["message"]) == ("failed", "It was stopped before it was complete.")
    await export_leases.make(api.house, leased)  # the server sees it at the end, or at its next beat
    assert (await shown(api, export["id"]))["status"] == "failed"
    assert stored(api) == []


class Slow:
    """A zip whose media comes when the test lets it."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        stream = api.house.store.stream

        async def slowly(key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
            self.begun.set()
            await self.go_on.wait()
            async for block in stream(key, start, stop):
                yield block

        monkeypatch.setattr(api.house.store, "stream", slowly)
        api.house.integrity._verified_first = 0  # media is streamed


async def slow_export(api: Api) -> dict[str, Any]:
    target_id = await target_with_result(api)
    await add_media(api, target_id)
    return await request(api, target_id, includeMedia=True)


async def test_its_progress_is_seen_and_a_stop_ends_it_at_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, export = Slow(api, monkeypatch), await slow_export(api)
    [leased] = await export_leases.claim(api.house, limit=1)
    beaten, advance, seen = asyncio.Event(), storage.advance, list[storage.ExportProgress]()
    tell = asyncio.get_running_loop().call_soon_threadsafe

    async def watched(tx: Tx, export: Export, progress: storage.ExportProgress, *, lease: int) -> bool:
        if progress in seen and progress.files_done:  # the beat before has committed the same
            tell(beaten.set)
        seen.append(progress)
        return await advance(tx, export, progress, lease=lease)

    monkeypatch.setattr(storage, "advance", watched)
    making = asyncio.create_task(export_leases.make(api.house, leased, beat=0.01))
    await slow.begun.wait()
    await beaten.wait()
    now = await shown(api, export["id"])
    assert (now["status"], now["progress"]["files"], now["progress"]["filesDone"]) == ("incomplete", 2, 1)
    await api.graphql.change("updateExportRequest", id=export["id"], status="failed")
    await making  # though nothing more comes
    assert stored(api) == []


async def test_a_server_that_stops_gives_it_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, export = Slow(api, monkeypatch), await slow_export(api)
    exporter = Exporter(api.house)
    await exporter.tick()
    await slow.begun.wait()
    assert await export_leases.claim(api.house, limit=1) == []  # nobody else makes it meanwhile
    await exporter.close()
    slow.go_on.set()
    assert set((await unpacked(api, export)).files.values()) == {SOUND, json.dumps(SAID).encode()}


async def test_a_server_that_was_killed_leaves_it_to_the_next_and_ends_nothing_later(api: Api) -> None:
    export = await request(api, await target_with_result(api))
    [late] = await export_leases.claim(api.house, limit=1)  # and then nothing is heard of it
    await export_leases.release_all(api.house)
    zipped = await unpacked(api, export)
    [path] = stored(api)
    await export_leases.make(api.house, late)
    assert stored(api) == [path]
    assert (await unpacked(api, export)).files == zipped.files


async def test_one_that_ends_servers_fails_with_a_sentence(api: Api) -> None:
    export = await request(api, await target_with_result(api))
    for _ in range(MOST_TRIES):
        assert len(await export_leases.claim(api.house, limit=1)) == 1
        await export_leases.release_all(api.house)
    await made(api)
    failed = await shown(api, export["id"])
    assert (failed["status"], failed["message"]) == (
        "failed", "The server ended 5 times while it made this export. Request it again."
    )  # fmt: skip


async def test_two_servers_never_make_one_export_twice(api: Api) -> None:
    target_id = await target_with_result(api)
    ids = {(await request(api, target_id))["id"] for _ in range(6)}
    claims = await asyncio.gather(*(export_leases.claim(api.house, limit=3) for _ in range(8)))
    claimed = [export.id for each in claims for export in each]
    claimed += [export.id for export in await export_leases.claim(api.house, limit=9)]  # passed over by all
    assert sorted(claimed) == sorted(ids)


async def test_changed_bytes_are_left_out_or_fail_it(api: Api) -> None:
    target_id = await target_with_result(api)
    await add_media(api, target_id)
    for path in api.house.store.kept.rglob("*"):  # type: ignore[attr-defined]
        if path.is_file() and path.stat().st_size == len(SOUND):
            path.write_bytes(b"x" * len(SOUND))
    zipped = await unpacked(api, await request(api, target_id, includeMedia=True))
    [left] = zipped.manifest["targets"][0]["leftOut"]
    assert left["reason"].startswith("The stored bytes are not those that were stored")
    api.house.integrity._verified_first = 0  # what is verified while it is sent is written already
    export = await request(api, target_id, includeMedia=True)
    await made(api)
    failed = await shown(api, export["id"])
    assert failed["status"] == "failed"
    assert failed["message"].startswith("The stored bytes are not those that were stored")


async def test_its_bytes_are_deleted_when_its_time_is_over(api: Api) -> None:
    export = await request(api, await target_with_result(api))
    waits = await request(api, await target_with_result(api))
    [first] = await export_leases.claim(api.house, limit=1)
    await export_leases.make(api.house, first)
    uri = (await shown(api, export["id"]))["assetUri"]
    now = await maintenance.storage_time(api.house)
    week = api.house.limits.export_seconds * MICROS
    assert await exports.prune(api.house, now=now + week - 60 * MICROS) == 0
    assert (await api.graphql.http.get(uri)).status_code == 200
    assert await exports.prune(api.house, now=now + week) == 1
    assert stored(api) == []
    assert (await api.graphql.http.get(uri)).status_code == 404
    assert (await shown(api, waits["id"]))["status"] == "incomplete"


async def test_the_formats_of_a_category(api: Api) -> None:
    query = "{ engineCategories { records { id exportFormats { format } } } }"
    records = (await api.graphql.ask(query))["engineCategories"]["records"]
    known = {each["id"]: [one["format"] for one in each["exportFormats"]] for each in records}
    assert known[CATEGORIES[0].id] == ["csv", "json", "srt", "ttml", "txt", "vtt"]
    assert known[CATEGORIES[1].id] == ["json"]
    assert categories.TRANSCRIPTION.id == TRANSCRIPTION


async def test_an_archive_keeps_nothing_in_memory() -> None:
    block = os.urandom(1 << 20)

    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield block

    async def files() -> AsyncIterator[ArchiveFile]:
        yield ArchiveFile("a.bin", blocks(), compressed=False)

    largest = 0
    async for piece in zipped(files(), datetime(1970, 1, 1, tzinfo=UTC)):
        largest = max(largest, len(piece))
    assert largest < 2 << 20
