"""The transcoder and the thumbnailer really make media; the indexers say that there is nothing to do."""

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.engines.native_context import Bench, bench_at, data

from enginehouse.engine import EngineFailure, FailureKind, Output
from enginehouse.engines.native import decoder
from enginehouse.engines.native.indexers import INDEXER, MENTIONS
from enginehouse.engines.native.transcoder import Thumbnailer, Transcoder


@pytest.fixture(params=["PyAV", "ffmpeg"])
def by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clip: Path) -> str:
    """Only one of the two is there. The clip and the look at a result are ffmpeg's."""
    if request.param == "PyAV":
        monkeypatch.setattr(shutil, "which", lambda name: None)
    else:
        monkeypatch.setattr(decoder, "is_installed", lambda: False)
    return str(request.param)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_at(tmp_path) as bench:
        yield bench


FFMPEG, FFPROBE = shutil.which("ffmpeg") or "ffmpeg", shutil.which("ffprobe") or "ffprobe"


def size(output: Output) -> tuple[int, int]:
    """Returns the width and the height of the pictures."""
    command = [FFPROBE, "-v", "error", "-show_entries", "stream=width,height", "-of", "json"]
    read = subprocess.run([*command, str(output.path)], capture_output=True, check=True)
    [stream] = [one for one in json.loads(read.stdout)["streams"] if "width" in one]
    return int(stream["width"]), int(stream["height"])


def streams(output: Output) -> list[tuple[str, str]]:
    """Returns the kind and codec of each stream, as ffprobe reads them."""
    command = [FFPROBE, "-v", "error", "-show_entries", "stream=codec_type,codec_name", "-of", "json"]
    read = subprocess.run([*command, str(output.path)], capture_output=True, check=True)
    return [(stream["codec_type"], stream["codec_name"]) for stream in json.loads(read.stdout)["streams"]]


async def test_video_becomes_mp4_as_an_asset_of_the_target(bench: Bench, clip: Path, by: str) -> None:
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


async def test_as_a_root_it_reads_the_primary_asset_and_sound_stays_sound(bench: Bench, clip: Path, by: str) -> None:
    sound = clip.with_name("sound.wav")
    bench.primary = await bench.chunk(sound, "audio/wav", name="speech.wav")
    [output] = await bench.run(Transcoder())
    assert (output.media_type, output.name, streams(output)) == ("audio/mp4", "speech.m4a", [("audio", "aac")])
    [(asset, _)] = bench.assets.values()
    assert not asset.is_primary


async def test_a_thumbnail_is_a_picture_of_the_width(bench: Bench, clip: Path, by: str) -> None:
    video = await bench.chunk(clip, "video/x-matroska")
    sound = await bench.chunk(b"RIFF", "audio/wav")
    [output] = await bench.run(Thumbnailer(), sound, video, payload={"width": 32})
    assert data(output)[:3] == b"\xff\xd8\xff"
    assert streams(output) == [("video", "mjpeg")]
    [(asset, _)] = bench.assets.values()
    assert (asset.asset_type, asset.content_type, asset.is_primary) == ("thumbnail", "image/jpeg", True)
    assert bench.lines[0] == "audio/wav has no pictures, so there is no thumbnail of it"


async def test_what_is_no_media_is_invalid_data(bench: Bench, by: str) -> None:
    says = {"PyAV": "The media could not be decoded: Invalid data found", "ffmpeg": "ffmpeg could not read"}
    for engine in (Transcoder(), Thumbnailer()):
        with pytest.raises(EngineFailure, match=says[by]) as caught:
            await bench.run(engine, await bench.chunk(b"not a video", "video/mp4"))
        assert caught.value.kind is FailureKind.INVALID_DATA


async def test_without_both_it_says_what_is_missing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(decoder, "is_installed", lambda: False)
    for engine in (Transcoder(), Thumbnailer()):
        with pytest.raises(EngineFailure, match=r"ffmpeg is needed .* or PyAV") as caught:
            await bench.run(engine, await bench.chunk(b"x", "video/mp4"))
        assert caught.value.kind is FailureKind.SYSTEM_DEPENDENCY_MISSING


@pytest.fixture
def upright(clip: Path) -> Path:
    """Returns a video of a phone that was held upright: its pictures lie on their side, and it says so."""
    wide, made = clip.with_name("wide.mp4"), clip.with_name("upright.mp4")
    film = ["-f", "lavfi", "-i", "testsrc=duration=1:size=64x32:rate=5", "-c:v", "mpeg4"]
    subprocess.run([FFMPEG, "-v", "error", *film, str(wide)], check=True)
    turned = ["-display_rotation", "90", "-i", str(wide), "-c", "copy", str(made)]
    if subprocess.run([FFMPEG, "-v", "quiet", *turned], check=False).returncode:
        turned = ["-i", str(wide), "-c", "copy", "-metadata:s:v", "rotate=90", str(made)]  # before version 6
        subprocess.run([FFMPEG, "-v", "error", *turned], check=True)
    return made


@pytest.mark.parametrize("engine", [Thumbnailer(), Transcoder()], ids=["thumbnail", "copy"])
async def test_what_a_phone_took_upright_is_upright(
    bench: Bench, upright: Path, by: str, engine: Thumbnailer | Transcoder
) -> None:
    [output] = await bench.run(engine, await bench.chunk(upright, "video/mp4"), payload={"width": 32})
    assert size(output) == (32, 64)


@pytest.mark.parametrize("engine", [INDEXER, MENTIONS])
async def test_an_indexer_completes_and_says_why(bench: Bench, engine: object) -> None:
    assert await bench.run(engine, await bench.chunk(b"text", "text/plain")) == []  # type: ignore[arg-type]
    assert "keeps no search index" in bench.lines[0]
