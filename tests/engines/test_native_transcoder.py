"""The transcoder and the thumbnailer really make media; the indexers say that there is nothing to do."""

import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.engines.native_context import Bench, bench_at, data

from enginehouse.engine import EngineFailure, FailureKind, Output
from enginehouse.engines.native.indexers import INDEXER, MENTIONS
from enginehouse.engines.native.transcoder import Thumbnailer, Transcoder


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_at(tmp_path) as bench:
        yield bench


def streams(output: Output) -> list[tuple[str, str]]:
    """Returns the kind and codec of each stream, as ffprobe reads them."""
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_type,codec_name", "-of", "json"]
    read = subprocess.run([*command, str(output.path)], capture_output=True, check=True)
    return [(stream["codec_type"], stream["codec_name"]) for stream in json.loads(read.stdout)["streams"]]


async def test_video_becomes_mp4_as_an_asset_of_the_target(bench: Bench, clip: Path) -> None:
    chunk = await bench.chunk(clip, "video/x-matroska", name="harbour.mkv")
    for _ in range(2):  # another attempt makes no second asset
        [output] = await bench.run(Transcoder(), chunk, payload={"setAsPrimary": True})
    assert (output.media_type, output.name) == ("video/mp4", "harbour.mp4")
    assert streams(output) == [("video", "h264"), ("audio", "aac")]
    [(asset, _)] = bench.assets.values()
    assert (asset.asset_type, asset.content_type, asset.name, asset.is_primary) == (
        "media",
        "video/mp4",
        "harbour.mp4",
        True,
    )


async def test_as_a_root_it_reads_the_primary_asset_and_sound_stays_sound(bench: Bench, clip: Path) -> None:
    sound = clip.with_name("sound.wav")
    bench.primary = await bench.chunk(sound, "audio/wav", name="speech.wav")
    [output] = await bench.run(Transcoder())
    assert (output.media_type, output.name, streams(output)) == ("audio/mp4", "speech.m4a", [("audio", "aac")])
    [(asset, _)] = bench.assets.values()
    assert not asset.is_primary


async def test_a_thumbnail_is_a_picture_of_the_width(bench: Bench, clip: Path) -> None:
    video = await bench.chunk(clip, "video/x-matroska")
    sound = await bench.chunk(b"RIFF", "audio/wav")
    [output] = await bench.run(Thumbnailer(), sound, video, payload={"width": 32})
    assert data(output)[:3] == b"\xff\xd8\xff"
    assert streams(output) == [("video", "mjpeg")]
    [(asset, _)] = bench.assets.values()
    assert (asset.asset_type, asset.content_type, asset.is_primary) == ("thumbnail", "image/jpeg", True)
    assert bench.lines[0] == "audio/wav has no pictures, so there is no thumbnail of it"


async def test_what_is_no_media_is_invalid_data(bench: Bench, clip: Path) -> None:
    for engine in (Transcoder(), Thumbnailer()):
        with pytest.raises(EngineFailure, match="ffmpeg could not read") as caught:
            await bench.run(engine, await bench.chunk(b"not a video", "video/mp4"))
        assert caught.value.kind is FailureKind.INVALID_DATA


async def test_without_ffmpeg_it_says_what_is_missing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    for engine in (Transcoder(), Thumbnailer()):
        with pytest.raises(EngineFailure, match="ffmpeg is needed") as caught:
            await bench.run(engine, await bench.chunk(b"x", "video/mp4"))
        assert caught.value.kind is FailureKind.SYSTEM_DEPENDENCY_MISSING


@pytest.mark.parametrize("engine", [INDEXER, MENTIONS])
async def test_an_indexer_completes_and_says_why(bench: Bench, engine: object) -> None:
    assert await bench.run(engine, await bench.chunk(b"text", "text/plain")) == []  # type: ignore[arg-type]
    assert "keeps no search index" in bench.lines[0]
