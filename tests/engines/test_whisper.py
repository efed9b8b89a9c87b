"""Whisper hears real speech, with its packages in an environment of their own."""

import subprocess
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.quality.scores import error_rate, spoken
from tests.engines import extras
from tests.engines.aion import problems
from tests.engines.test_reference_transcription import file, silence


def heard(document: dict[str, Any]) -> list[str]:
    return [word["word"] for item in document["series"] for word in item["words"]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("whisper")
    clips = [*extras.speech()]
    with wave.open(str(clips[0])) as clip:
        said = np.frombuffer(clip.readframes(clip.getnframes()), np.int16)
    file(folder / "late.wav", silence(2), said, silence(1))
    file(folder / "quiet.wav", silence(4))
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.mp3").write_bytes(b"this is no sound at all")
    (folder / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:5,\n{clips[0]}\n")
    film = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=d=8:s=64x64:r=5"]
    subprocess.run([*film, "-i", clips[0], "-shortest", folder / "film.mkv"], check=True)
    subprocess.run([*film, "-t", "1", folder / "mute.mp4"], check=True)

    def sound(path: Path, media_type: str = "audio/wav", **more: Any) -> dict[str, Any]:
        return {"path": str(path), "media_type": media_type, "name": path.name, **more}

    works: dict[str, Any] = {clip.stem: ([sound(clip)], None) for clip in clips}
    works |= {
        "late": ([sound(folder / "late.wav", start_ms=60_000)], {"language": "en-US"}),
        "film": ([sound(folder / "film.mkv", "video/x-matroska")], None),
        "quiet": ([sound(folder / "quiet.wav")], None),
        "empty": ([sound(folder / "empty.wav")], None),
        "text": ([sound(folder / "text.mp3", "audio/mpeg")], None),
        "list": ([sound(folder / "list.m3u8", "audio/mpegurl")], None),
        "mute": ([sound(folder / "mute.mp4", "video/mp4")], None),
        "nothing": ([], {"text": "words"}),
        "german": ([sound(clips[0])], {"language": "de"}),
        "model": ([sound(clips[0])], {"model": "/etc"}),
        "number": ([sound(clips[0])], {"language": 7}),
    }
    return extras.call("whisper", works, folder, ENGINEHOUSE_WHISPER_MODEL=str(extras.model()))


def test_clear_reading_is_nearly_all_right(answers: dict[str, Any]) -> None:
    pairs = []
    for clip, words in extras.speech().items():
        [document] = answers[clip.stem]
        assert problems(document, "transcript") == []
        assert document["language"] == "en"
        pairs.append((spoken(words), spoken(" ".join(heard(document)))))
    assert sum(len(right) for right, _ in pairs) > 60
    assert error_rate(pairs) <= 0.06


def test_each_word_has_its_time_in_the_media_and_its_confidence(answers: dict[str, Any]) -> None:
    [document] = answers["late"]
    assert problems(document, "transcript") == []
    assert spoken(" ".join(heard(document)))[:3] == ["and", "mister", "john"]
    times = [(item["startTimeMs"], item["stopTimeMs"]) for item in document["series"]]
    assert times == sorted(times)
    assert all(61_000 <= start < stop <= 69_500 for start, stop in times)
    confidences = [item["words"][0]["confidence"] for item in document["series"]]
    assert all(0 <= one <= 1 for one in confidences)
    assert sum(confidences) / len(confidences) > 0.8


def test_a_word_with_a_hyphen_is_one_word(answers: dict[str, Any]) -> None:
    words = [word for clip in extras.speech() for word in heard(answers[clip.stem][0])]
    assert "cold-hearted" in words
    assert not [word for word in words if word.startswith("-")]


def test_a_video_is_heard_as_it_is(answers: dict[str, Any]) -> None:
    [document] = answers["film"]
    assert spoken(" ".join(heard(document)))[-3:] == ["do", "for", "them"]


def test_nobody_speaks_in_silence(answers: dict[str, Any]) -> None:
    assert [answers[name][0]["series"] for name in ("quiet", "empty")] == [[], []]
    assert answers["empty"][0]["vendor"] == {"note": "The recording is empty."}


REFUSALS = {
    "text": '"text.mp3" is audio/mpeg, and its sound cannot be decoded: ',
    "list": '"list.m3u8" is audio/mpegurl, and its sound cannot be decoded: ',  # it names another file
    "mute": '"mute.mp4" is video/mp4, and it has no sound.',
    "nothing": "Nothing to hear: give payload.url, or a target with a primary asset, with sound.",
    "german": "payload.language: the model model knows en, not 'de'.",
    "model": "payload.model: must be one of none, which are here, not '/etc'.",
    "number": "payload.language: must be a string, not 7.",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_heard_says_why(answers: dict[str, Any], name: str) -> None:
    assert answers[name]["kind"] == "invalid_data"
    assert answers[name]["message"].startswith(REFUSALS[name])
