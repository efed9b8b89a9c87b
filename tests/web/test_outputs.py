"""The page of an output, and its bytes: readable, and nothing in them acts on this origin."""

import json

import pytest
from msgspec import structs
from tests import make
from tests.web.conftest import Place
from tests.web.reader import text
from tests.web.task_jobs import NASTY, Bench

from enginehouse.domain.identity import Role
from enginehouse.domain.job import TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.operations import target_assets, targets
from enginehouse.operations.assets import AssetRequest

AION = {
    "validationContracts": ["transcript"],
    "language": "de",
    "sentiment": {"positiveValue": 0.79, "negativeValue": 0.1},
    "series": [
        {"startTimeMs": 0, "stopTimeMs": 400, "words": [{"word": "Guten"}]},
        {"startTimeMs": 400, "stopTimeMs": 900, "words": [{"word": "Tag."}]},
        {"startTimeMs": 65_000, "stopTimeMs": 66_000, "object": {"type": "logo", "label": NASTY, "confidence": 0.5}},
    ],
    "object": [{"type": "namedEntity", "label": "Hamburg", "objectCategory": [{"class": "city"}], "page": 3}],
}
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28)


@pytest.fixture
async def bench(place: Place) -> Bench:
    made = Bench(place)
    await made.create(make.independent(1))
    return made


async def put(bench: Bench, name: str, media_type: str, data: bytes) -> str:
    return await bench.put(await bench.start(), (name, media_type, data))


async def test_an_aion_document_is_lines_with_times_and_a_table_of_what_was_found(bench: Bench) -> None:
    address = await put(bench, "a.json", "application/json", json.dumps(AION).encode())
    answer = await (await bench.place.signed_in()).get(address)
    shown = text(answer)
    assert "0:00:00 – Guten Tag." in shown
    assert "namedEntity Hamburg – – – city; page 3" in shown
    assert "50% 0:01:05 0:01:06" in shown
    assert "Language de" in shown
    assert "Sentiment positive 79%, negative 10%" in shown
    assert "<svg onload" not in answer.text


async def test_json_is_pretty_and_bounded(bench: Bench) -> None:
    address = await put(bench, "a.json", "application/json", json.dumps({"a": ["x" * 70_000], "b": 1}).encode())
    answer = await (await bench.place.signed_in()).get(address)
    assert "{\n  &#34;a&#34;: [" in answer.text
    assert "Only the first 64 KiB are shown." in text(answer)
    assert len(answer.text) < 80_000


@pytest.mark.parametrize(
    ("name", "media_type", "data", "words"),
    [
        ("big.txt", "text/plain", "é".encode() * 50_000, "Only the first 64 KiB are shown."),
        ("a.txt", "text/plain", b"", "The output is empty."),
        ("a.bin", "application/octet-stream", b"\0\1\2", "It is neither text nor"),
        ("a.html", "text/html", b"<script>alert(1)</script>!", "<script>alert(1)</script>!"),
        ("a.json", "application/json", b"{", "{"),
    ],
)
async def test_other_outputs_are_text_or_say_that_they_are_none(
    bench: Bench, name: str, media_type: str, data: bytes, words: str
) -> None:
    answer = await (await bench.place.signed_in()).get(await put(bench, name, media_type, data))
    assert words in text(answer)
    assert "<script>alert" not in answer.text
    assert "\ufffd" not in answer.text


@pytest.mark.parametrize(
    ("media_type", "data", "sent", "tag"),
    [
        ("audio/x-wav", WAV, "audio/wav", "<audio"),
        ("application/octet-stream", WAV, "audio/wav", "<audio"),
        ("image/png", b"\x89PNG\r\n\x1a\n", "image/png", "<img class"),
        ("video/mp4", b"\0\0\0\x18ftypmp42", "video/mp4", "<video"),
        ("image/svg+xml", b"<svg onload=alert(1)>", "application/octet-stream", None),
        ("text/html", b"<script>alert(1)</script>", "application/octet-stream", None),
        ("application/octet-stream", b"<svg onload=alert(1)>", "application/octet-stream", None),
    ],
)
async def test_only_types_without_scripts_are_played_and_every_output_is_a_file_to_save(
    bench: Bench, media_type: str, data: bytes, sent: str, tag: str | None
) -> None:
    address = await put(bench, NASTY, media_type, data)
    reader = await bench.place.signed_in()
    page = (await reader.get(address)).text.partition("<main")[2]
    assert [each for each in ("<audio", "<video", "<img class") if each in page] == ([tag] if tag else [])
    answer = await reader.http.get(f"{address}/content")
    assert answer.content == data
    assert answer.headers["content-type"].partition(";")[0] == sent
    assert answer.headers["content-disposition"].startswith("attachment; filename*=utf-8''%22%3E%3Csvg")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("header", "status", "data", "span"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-1,5-6", 200, b"0123456789", None),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("lines=1", 400, b"Only support bytes range\n", None),
    ],
)
async def test_a_player_seeks_by_ranges(bench: Bench, header: str, status: int, data: bytes, span: str | None) -> None:
    address = await put(bench, "a.wav", "audio/wav", b"0123456789")
    reader = await bench.place.signed_in()
    answer = await reader.http.get(f"{address}/content", headers={"range": header})
    assert (answer.status_code, answer.content, answer.headers.get("content-range")) == (status, data, span)


async def test_the_outputs_of_others_are_not_there_and_readers_may_read(bench: Bench) -> None:
    address = await put(bench, "a.txt", "text/plain", b"secret")
    stranger = await bench.place.stranger()
    for path in (address, f"{address}/content"):
        assert (await stranger.get(path)).status_code == 404
        anonymous = await (await bench.place.reader()).http.get(path)
        assert anonymous.status_code == 303
    reader = await bench.place.signed_in(Role.READER)
    assert "secret" in text(await reader.get(address))
    for unknown in ("-1.0.9", "-2.0.0", "x", "0.0"):
        assert (await reader.get(address.replace("-1.0.0", unknown))).status_code == 404


async def test_the_media_of_the_job_is_played_beside_its_transcript(place: Place) -> None:
    target = await targets.create(place.house, place.caller, TargetRequest(name="talk"))
    new = AssetRequest(
        target=Ref.of(target.id), content_type="audio/wav", source=WAV, name="talk.wav", set_as_primary=True
    )
    await target_assets.create_asset(place.house, place.caller, new)
    bench = Bench(place)
    await bench.create(structs.replace(make.independent(1), target_id=str(target.id)))
    address = await put(bench, "a.json", "application/json", json.dumps(AION).encode())
    reader = await place.signed_in()
    assert f'src="/jobs/{bench.job}/media"' in (await reader.get(address)).text
    answer = await reader.http.get(f"/jobs/{bench.job}/media", headers={"range": "bytes=0-3"})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (206, b"RIFF", "audio/wav")
    stranger = await place.stranger()
    assert (await stranger.get(f"/jobs/{bench.job}/media")).status_code == 404


async def test_an_aion_document_is_saved_in_other_forms(bench: Bench) -> None:
    address = await put(bench, "a.json", "application/json", json.dumps(AION).encode())
    browser = await bench.place.signed_in()
    for form in ("txt", "csv", "json", "srt", "vtt"):
        assert f'href="{address}/as/{form}"' in (await browser.get(address)).text
    subtitles = await browser.get(f"{address}/as/srt")
    assert subtitles.text.startswith("1\n00:00:00,000 --> 00:00:00,900\nGuten Tag.\n")
    assert subtitles.headers["content-disposition"] == "attachment; filename*=utf-8''a.srt"
    assert "sandbox" in subtitles.headers["content-security-policy"]
    assert (await browser.get(f"{address}/as/exe")).status_code == 404


async def test_what_nobody_said_is_offered_without_subtitles(bench: Bench) -> None:
    address = await put(bench, "a.json", "application/json", b'{"language": "de"}')
    browser = await bench.place.signed_in()
    shown = (await browser.get(address)).text
    assert f"{address}/as/txt" in shown
    assert f"{address}/as/srt" not in shown
    assert (await browser.get(f"{address}/as/srt")).status_code == 400
