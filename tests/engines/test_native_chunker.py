"""The chunker: its outputs for each kind of input, and its errors."""

import json
import struct
import subprocess
import sys
from array import array
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.servers import http, listening
from tests.engines.native_context import CHUNK_IN, CHUNK_OUT, STREAM_IN, Bench, bench_at, data
from tests.engines.waves import samples, wave

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse.engines.native import decoder
from enginehouse.engines.native.chunker import Chunker
from enginehouse.engines.native.dash import DashSegmenter
from enginehouse.engines.native.pcm import milliseconds, read_pcm
from enginehouse.text.file_type import type_of_file
from enginehouse.text.media_types import CONTAINERS

DOCUMENT = """# Three harbours

The harbour lay quiet in the early morning, and only a few boats had gone out to sea.

Der Hafen lag am frühen Morgen still, und nur wenige Boote waren hinausgefahren auf das Meer.

Přístav ležel brzy ráno tiše a jen několik lodí vyplulo na moře dříve, než přišla bouře.
"""
FOLDERS = (STREAM_IN, CHUNK_OUT)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_at(tmp_path) as bench:
        yield bench


@pytest.fixture
def without_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(decoder, "is_installed", lambda: False)


@pytest.mark.parametrize("media_type", ["text/markdown", "text/plain; charset=utf-8"])
async def test_a_document_in_three_languages_gives_a_chunk_for_each(bench: Bench, media_type: str) -> None:
    chunk = await bench.chunk(DOCUMENT.encode("utf-8-sig"), media_type)
    outputs = await bench.run(Chunker(), chunk, folders=FOLDERS)
    assert [output.index for output in outputs] == [0, 1, 2]
    assert {output.media_type for output in outputs} == {media_type.partition(";")[0]}
    for output, begin in zip(outputs, ("# Three", "Der Hafen", "Přístav"), strict=True):
        text = data(output).decode()
        assert text.startswith(begin)
        assert output.metadata["offset"] == DOCUMENT.index(begin)
        assert output.metadata["length"] == len(text)
        assert output.metadata["index"] == output.index
        assert output.start_ms is output.stop_ms is None


async def test_the_number_of_words_is_the_payloads(bench: Bench) -> None:
    chunk = await bench.chunk(b"one two three four five", "text/plain")
    outputs = await bench.run(Chunker(), chunk, payload={"maxWordsPerChunk": "2"}, folders=FOLDERS)
    assert [data(output) for output in outputs] == [b"one two", b"three four", b"five"]


async def test_a_web_page_gives_its_words(bench: Bench) -> None:
    chunk = await bench.chunk(b"<style>x</style><p>Hello <b>there</b></p>", "text/html")
    assert [data(output) for output in await bench.run(Chunker(), chunk, folders=FOLDERS)] == [b"Hello there"]


async def test_an_empty_input_and_no_input_give_no_chunks(bench: Bench) -> None:
    for media_type in ("text/plain", "audio/wav", "video/mp4"):
        assert await bench.run(Chunker(), await bench.chunk(b"", media_type), folders=FOLDERS) == []
    assert await bench.run(Chunker(), await bench.chunk(b" \n\n ", "text/plain"), folders=FOLDERS) == []
    assert await bench.run(Chunker(), folders=FOLDERS) == []


@pytest.mark.parametrize("seconds", [4, "4", 4.0])
async def test_sound_is_cut_in_pauses_with_its_times(
    bench: Bench, tmp_path: Path, without_ffmpeg: None, seconds: Any
) -> None:
    path = wave(tmp_path / "a.wav", samples((3.0, 0.5, 3.0, 0.5, 3.0), 8000), 8000)
    chunk = await bench.chunk(path, "audio/x-wav", start_ms=60_000)
    payload = {"ffmpegTemplate": "audio", "customFFMPEGProperties": {"chunkSizeInSeconds": seconds}}
    outputs = await bench.run(Chunker(), chunk, payload=payload, folders=FOLDERS)
    assert len(outputs) == 3
    for output in outputs:
        assert output.path is not None
        assert output.start_ms is not None
        assert output.stop_ms is not None
        assert output.media_type == "audio/wav"
        piece = read_pcm(output.path)
        assert abs(milliseconds(piece, piece.frames) - (output.stop_ms - output.start_ms)) <= 1
    assert [output.start_ms for output in outputs] == [60_000, outputs[0].stop_ms, outputs[1].stop_ms]
    assert outputs[-1].stop_ms == 70_000
    assert 63_000 < (outputs[0].stop_ms or 0) < 63_500
    assert 66_500 < (outputs[1].stop_ms or 0) < 67_000


async def test_several_inputs_and_chunk_inputs_have_indices_that_never_meet(bench: Bench) -> None:
    one = await bench.chunk(b"first " * 9, "text/plain", index=0)
    two = await bench.chunk(b"second " * 9, "text/plain", index=1)
    together = await bench.run(Chunker(), one, two, payload={"maxWordsPerChunk": 5}, folders=FOLDERS)
    assert [output.index for output in together] == [0, 1, 2, 3]
    apart = [
        output.index
        for chunk in (one, two)
        for output in await bench.run(Chunker(), chunk, payload={"maxWordsPerChunk": 5}, folders=(CHUNK_IN, CHUNK_OUT))
    ]
    assert len(set(apart)) == 4
    assert apart == sorted(index or 0 for index in apart)


async def test_metadata_of_the_input_is_carried_on(bench: Bench) -> None:
    chunk = await bench.chunk(b"Hello", "text/plain", metadata={"tdoid": "7"})
    [output] = await bench.run(Chunker(), chunk, folders=FOLDERS)
    assert output.metadata["tdoid"] == "7"


async def test_a_stream_can_be_handed_on_and_bytes_cut_as_they_are(bench: Bench) -> None:
    chunk = await bench.chunk(bytes(11 << 20), "application/octet-stream")
    [whole] = await bench.run(Chunker(), chunk, payload={"outputMode": "stream"}, folders=FOLDERS)
    assert data(whole) == bytes(11 << 20)
    raw = await bench.run(Chunker(), chunk, payload={"ffmpegTemplate": "rawchunk"}, folders=FOLDERS)
    assert [len(data(output)) for output in raw] == [10 << 20, 1 << 20]
    assert [output.metadata["offset"] for output in raw] == [0, 10 << 20]


async def test_a_picture_is_a_chunk_already(bench: Bench) -> None:
    chunk = await bench.chunk(b"\x89PNG", "image/png", name="a.png")
    [output] = await bench.run(Chunker(), chunk, folders=FOLDERS)
    assert (output.media_type, output.name, data(output)) == ("image/png", "a.png", b"\x89PNG")


async def test_without_a_parent_it_reads_the_payloads_url_or_text(bench: Bench) -> None:
    async with listening(http(b"Hello there", Content_Type="text/plain")) as server:
        [output] = await bench.run(Chunker(), payload={"url": server.url()}, folders=(CHUNK_OUT,))
    assert data(output) == b"Hello there"
    [output] = await bench.run(Chunker(), payload={"text": "Hello again"}, folders=FOLDERS)
    assert data(output) == b"Hello again"


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"maxWordsPerChunk": 0}, "payload.maxWordsPerChunk: a number from 1 to 1e+06, got 0."),
        ({"maxWordsPerChunk": "many"}, 'payload.maxWordsPerChunk: a number from 1 to 1e+06, got "many".'),
        ({"maxWordsPerChunk": True}, "payload.maxWordsPerChunk: a number from 1 to 1e+06, got true."),
        ({"ffmpegTemplate": "custom"}, 'payload.ffmpegTemplate: audio, frame, rawchunk or video, got "custom".'),
        ({"ffmpegTemplate": 1}, "payload.ffmpegTemplate: text is needed, got 1."),
    ],
)
async def test_a_wrong_payload_is_refused_by_its_path(bench: Bench, payload: Any, message: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        await bench.run(Chunker(), await bench.chunk(b"text", "text/plain"), payload=payload, folders=FOLDERS)
    assert (caught.value.message, caught.value.kind) == (message, FailureKind.INVALID_DATA)


@pytest.mark.parametrize("size", ["abc", 0, -1, float("nan"), [1], {"a": 1}, 1e9])
async def test_a_wrong_chunk_size_is_refused_by_its_path(bench: Bench, tmp_path: Path, size: Any) -> None:
    path = wave(tmp_path / "a.wav", samples((1.0,), 8000), 8000)
    with pytest.raises(EngineFailure, match=r"^payload.customFFMPEGProperties.chunkSizeInSeconds: a number from 1 to"):
        await bench.run(
            Chunker(),
            await bench.chunk(path, "audio/wav"),
            payload={"customFFMPEGProperties": {"chunkSizeInSeconds": size}},
            folders=FOLDERS,
        )


async def test_what_cannot_be_cut_is_named(bench: Bench) -> None:
    chunk = await bench.chunk(b"\0\1", "application/octet-stream", name="blob")
    with pytest.raises(EngineFailure, match='input "blob": media type application/octet-stream') as caught:
        await bench.run(Chunker(), chunk, folders=FOLDERS)
    assert caught.value.kind is FailureKind.INVALID_DATA


@pytest.mark.parametrize(
    ("media_type", "payload"),
    [("audio/mpeg", None), ("video/mp4", None), ("video/mp4", {"ffmpegTemplate": "frame"}), ("audio/wav", None)],
)
async def test_media_that_need_ffmpeg_say_so_when_it_is_missing(
    bench: Bench, without_ffmpeg: None, media_type: str, payload: Any
) -> None:
    with pytest.raises(EngineFailure, match=r"ffmpeg is needed.*apt-get install ffmpeg") as caught:
        await bench.run(Chunker(), await bench.chunk(b"ID3\4\0", media_type), payload=payload, folders=FOLDERS)
    assert caught.value.kind is FailureKind.SYSTEM_DEPENDENCY_MISSING


HEADER = b"RIFF\0\0\0\0WAVE"
FORMAT = b"fmt \x10\0\0\0"


@pytest.mark.parametrize("media_type", ["audio/wav", "audio/x-wav", "audio/mpeg"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEADER, "it is a broken WAV file: it has no format and no sound in it."),
        (HEADER + b"data\4\0\0\0abcd", "it is a broken WAV file: its sound comes before its format."),
        (HEADER + b"fmt \2\0\0\0ab", "it is a broken WAV file: its format is cut short."),
        (
            HEADER + FORMAT + struct.pack("<HHIIHH", 1, 0, 8000, 0, 2, 16) + b"data\0\0\0\0",
            "it is a broken WAV file: its header names 0 channels, which must be 1 to 64.",
        ),
        (
            HEADER + FORMAT + struct.pack("<HHIIHH", 3, 1, 8000, 0, 2, 7) + b"data\0\0\0\0",
            "it is a broken WAV file: its header names 7 bits for a sample of the coding 0x0003.",
        ),
        (b"<html>not found</html>", "its bytes are text/html, which has no sound."),
        (b"\x89PNG\r\n\x1a\n\0\0", "its bytes are image/png, which has no sound."),
    ],
)
async def test_broken_sound_is_invalid_with_what_is_wrong(
    bench: Bench, without_ffmpeg: None, media_type: str, content: bytes, says: str
) -> None:
    chunk = await bench.chunk(content, media_type, name="a.wav")
    with pytest.raises(EngineFailure) as caught:
        await bench.run(Chunker(), chunk, folders=FOLDERS)
    assert caught.value.message == f'"a.wav" is {media_type}, but {says}'
    assert caught.value.kind is FailureKind.INVALID_DATA


async def test_ffmpeg_is_named_with_the_coding_that_only_it_reads(
    bench: Bench, tmp_path: Path, without_ffmpeg: None
) -> None:
    chunk = await bench.chunk(wave(tmp_path / "a.wav", samples((1,), 8000), 8000, tag=0x11), "audio/wav")
    with pytest.raises(EngineFailure, match=r"ffmpeg is needed .*0x0011 \(IMA ADPCM\)") as caught:
        await bench.run(Chunker(), chunk, folders=FOLDERS)
    assert caught.value.kind is FailureKind.SYSTEM_DEPENDENCY_MISSING


async def test_an_empty_recording_ends_with_a_warning(bench: Bench, tmp_path: Path, without_ffmpeg: None) -> None:
    empty = await bench.chunk(wave(tmp_path / "a.wav", samples((), 8000), 8000), "audio/wav", name="a.wav")
    assert await bench.run(Chunker(), empty, folders=FOLDERS) == []
    assert await bench.run(Chunker(), await bench.chunk(b"", "audio/mpeg", name="b.mp3"), folders=FOLDERS) == []
    assert [line for line in bench.lines if line.startswith("warning")] == [
        'warning: input "a.wav" (audio/wav) has nothing in it to cut',
        'warning: input "b.mp3" is empty',
    ]


@pytest.mark.parametrize(("tag", "width"), [(3, 4), (3, 8), (6, 1), (7, 1)])
async def test_floats_and_companded_samples_need_no_ffmpeg(
    bench: Bench, tmp_path: Path, without_ffmpeg: None, tag: int, width: int
) -> None:
    path = wave(tmp_path / "a.wav", samples((1.0,), 8000), 8000, tag=tag, width=width)
    [output] = await bench.run(Chunker(), await bench.chunk(path, "audio/mpeg"), folders=FOLDERS)
    assert output.path is not None
    assert (output.start_ms, output.stop_ms, read_pcm(output.path).width) == (0, 1000, 2)


def encoded(folder: Path, suffix: str) -> Path:
    """Returns two seconds of sound in this format."""
    path = folder / f"a.{suffix}"
    source = wave(folder / "a.wav", samples((2.0,), 16000), 16000)
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(source), str(path)], check=True)
    return path


def use(monkeypatch: pytest.MonkeyPatch, by: str, folder: Path) -> None:
    """Only PyAV, or only the program ffmpeg, is there."""
    if by == "PyAV":
        monkeypatch.setenv("PATH", str(folder))
    else:
        monkeypatch.setattr(decoder, "is_installed", lambda: False)


SOUNDS = ("mp3", "m4a", "flac", "ogg", "opus", "aac", "aiff", "mka", "mp4")


@pytest.mark.parametrize("by", ["PyAV", "ffmpeg"])
@pytest.mark.parametrize("suffix", SOUNDS)
async def test_any_sound_is_decoded(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, by: str
) -> None:
    path = encoded(tmp_path, suffix)
    use(monkeypatch, by, tmp_path)
    chunk = await bench.chunk(path, type_of_file(path), name=path.name)
    assert chunk.media_type.startswith(("audio/", "video/"))
    [output] = await bench.run(Chunker(), chunk, payload={"ffmpegTemplate": "audio"}, folders=FOLDERS)
    assert output.path is not None
    sound = read_pcm(output.path)
    assert (sound.rate, sound.channels, sound.width) == (16_000, 1, 2)
    assert 1900 < (output.stop_ms or 0) < 2200
    loudest = max(array("h", b"".join(sound.blocks(0, sound.frames, 1000))))
    assert loudest > 1000


@pytest.mark.parametrize(
    "content", [b"ID3\4\0\0\0\0\0\0" + bytes(2000), b"\0\0\0\x18ftypisom" + bytes(900), b"OggS\0" * 400]
)
async def test_broken_sound_that_only_looks_right_is_invalid(bench: Bench, content: bytes) -> None:
    with pytest.raises(EngineFailure, match="The sound could not be decoded: ") as caught:
        await bench.run(Chunker(), await bench.chunk(content, "audio/mpeg"), folders=FOLDERS)
    assert caught.value.kind is FailureKind.INVALID_DATA


def test_the_decoder_reads_nothing_but_its_file(tmp_path: Path) -> None:
    """With the rules for another file, it cannot open this one."""
    if not decoder._can_confine():
        pytest.skip("this kernel has no Landlock")
    results = tmp_path / "results"
    results.mkdir()
    path, other = (wave(tmp_path / f"{name}.wav", samples((1.0,), 16000), 16000) for name in ("a", "b"))
    rules = json.dumps(decoder._rules(other, results))
    command = [sys.executable, "-P", "-m", "enginehouse.engines.decode_main", rules, "wave", CONTAINERS]
    command += [str(path), str(results / "sound.wav"), "0"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    assert tried.returncode == 1
    assert "Permission denied" in tried.stderr


async def test_how_long_media_last_is_said_by_pyav_too(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await decoder.duration_ms(clip)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await decoder.duration_ms(clip) == told
    assert told
    (tmp_path / "text").write_text("text")
    assert await decoder.duration_ms(tmp_path / "text") is None


async def test_dash_needs_ffmpeg(bench: Bench, without_ffmpeg: None) -> None:
    with pytest.raises(EngineFailure) as caught:
        await bench.run(DashSegmenter(), await bench.chunk(b"x", "video/mp4"))
    assert caught.value.kind is FailureKind.SYSTEM_DEPENDENCY_MISSING


@pytest.mark.parametrize("by", ["PyAV", "ffmpeg"])
async def test_each_gives_sound_pictures_segments_and_dash(
    bench: Bench, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    use(monkeypatch, by, tmp_path)
    chunk = await bench.chunk(clip, "video/x-matroska")
    size = {"customFFMPEGProperties": {"chunkSizeInSeconds": "3", "framesPerSecond": 2}}
    sound = await bench.run(Chunker(), chunk, payload={"ffmpegTemplate": "audio", **size}, folders=FOLDERS)
    assert [output.media_type for output in sound] == ["audio/wav", "audio/wav"]
    assert 2000 < (sound[0].stop_ms or 0) < 2500
    frames = await bench.run(Chunker(), chunk, payload={"ffmpegTemplate": "frame", **size}, folders=FOLDERS)
    assert [(output.start_ms, output.stop_ms) for output in frames][:2] == [(0, 500), (500, 1000)]
    assert len(frames) == 8
    segments = await bench.run(Chunker(), chunk, payload=size, folders=FOLDERS)
    assert [output.media_type for output in segments] == ["video/x-matroska"] * 2
    assert [output.start_ms for output in segments] == [0, 3000]
    assert all(data(frame)[:3] == b"\xff\xd8\xff" for frame in frames)
    dash = await bench.run(DashSegmenter(), chunk)
    assert dash[0].media_type == "application/dash+xml"
    assert len(dash) > 2


@pytest.mark.parametrize("by", ["PyAV", "ffmpeg"])
async def test_neither_opens_a_playlist(
    bench: Bench, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """The playlist names a file next to it in the store. Without our options both would open it."""
    use(monkeypatch, by, tmp_path)
    neighbour = await bench.chunk(clip, "video/x-matroska")
    playlist = await bench.chunk(f"ffconcat version 1.0\nfile {neighbour.path.name}\n".encode(), "video/mp4")
    assert playlist.path.parent == neighbour.path.parent
    with pytest.raises(EngineFailure, match=r"ffmpeg could not read|The media could not be decoded") as caught:
        await bench.run(Chunker(), playlist, folders=FOLDERS)
    assert caught.value.kind is FailureKind.INVALID_DATA
