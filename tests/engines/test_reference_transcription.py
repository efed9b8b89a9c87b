"""Transcription: words at their times in the media, and none without speech.

An artificial voice, in which any words may be recognised, tests the form of the result; real speech tests the words.
"""

import re
import wave
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.quality.scores import distance
from tests.engines import extras
from tests.engines.aion import problems
from tests.engines.reference import answer, answers, chunk, work
from tests.thorough import THOROUGH

from enginehouse.engine import Chunk, EngineFailure, FailureKind
from enginehouse_engines.speech import LONGEST, RATE, Pcm, utterances
from enginehouse_engines.transcription import engine


def silence(seconds: float) -> Pcm:
    return np.random.default_rng(1).integers(-3, 4, int(seconds * RATE)).astype(np.int16)


def voice(seconds: float) -> Pcm:
    """Returns a buzz through two moving resonances that opens and shuts like a mouth.

    It sounds like speech, without words.
    """
    time = np.arange(int(seconds * RATE)) / RATE
    made = np.zeros_like(time)
    for harmonic in range(1, 40):
        pitch = 120.0 * harmonic
        first, second = 500 + 250 * np.sin(2 * np.pi * 1.3 * time), 1500 + 600 * np.sin(2 * np.pi * 0.9 * time)
        loud = np.exp(-(((pitch - first) / 150) ** 2)) + 0.5 * np.exp(-(((pitch - second) / 200) ** 2))
        made += loud * np.sin(2 * np.pi * pitch * time)
    mouth = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * time)
    spoken: Pcm = (made * mouth / np.abs(made).max() * 12_000).astype(np.int16)
    return spoken + silence(seconds)[: len(time)]


def file(path: Path, *parts: Pcm) -> bytes:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.concatenate(parts).tobytes())
    return path.read_bytes()


def transcript(path: Path, data: bytes, **more: Any) -> dict[str, Any]:
    found = answer(engine, work(chunk(path, data, "audio/wav", **more)))
    assert problems(found, "transcript") == []
    assert found["language"] == "en-US"
    return found


def test_words_lie_where_they_were_said_in_the_media(tmp_path: Path) -> None:
    data = file(tmp_path / "a.wav", silence(2), voice(3), silence(2))
    alone = transcript(tmp_path / "a.wav", data)["series"]
    assert alone
    assert all(1_500 <= item["startTimeMs"] < item["stopTimeMs"] <= 5_600 for item in alone)
    assert all(0 <= word["confidence"] <= 1 for item in alone for word in item["words"])
    later = transcript(tmp_path / "b.wav", data, start_ms=60_000)["series"]
    assert [(item["startTimeMs"] - 60_000, item["stopTimeMs"] - 60_000, item["words"]) for item in later] == [
        (item["startTimeMs"], item["stopTimeMs"], item["words"]) for item in alone
    ]


def test_words_are_plain_words(tmp_path: Path) -> None:
    data = file(tmp_path / "a.wav", silence(1), voice(2), silence(1), voice(1), silence(1))
    words = [word["word"] for item in transcript(tmp_path / "a.wav", data)["series"] for word in item["words"]]
    assert words
    assert all(re.fullmatch(r"[a-z][a-z'.-]*", word) for word in words), words


@pytest.mark.parametrize("seconds", [0, 0.01, 3])
def test_a_sound_without_speech_has_no_words(tmp_path: Path, seconds: float) -> None:
    assert transcript(tmp_path / "a.wav", file(tmp_path / "a.wav", silence(seconds)))["series"] == []


def test_what_was_heard_before_changes_nothing(tmp_path: Path) -> None:
    data = file(tmp_path / "a.wav", voice(2))
    first = transcript(tmp_path / "a.wav", data)
    loud = file(
        tmp_path / "b.wav", np.random.default_rng(2).integers(-9_000, 9_000, 2 * RATE).astype(np.int16), voice(1)
    )
    transcript(tmp_path / "b.wav", loud)
    assert transcript(tmp_path / "a.wav", data) == first


def test_speech_is_cut_where_nobody_speaks_and_never_too_long() -> None:
    sound = np.concatenate([silence(2), voice(3), silence(2), voice(3), silence(0.2)])
    found = utterances(sound)
    assert len(found) == 2
    (start, stop), (next_start, next_stop) = found
    assert 1.5 <= start / RATE <= 2.1
    assert 4.8 <= stop / RATE <= next_start / RATE <= 7.1
    assert 9.8 <= next_stop / RATE <= len(sound) / RATE


def test_speech_without_a_pause_is_cut_at_its_quietest_place() -> None:
    sound = np.concatenate([voice(26), voice(40)])
    sound[int(25.0 * RATE) : int(25.1 * RATE)] = 0
    found = utterances(sound)
    assert all(stop - start <= LONGEST for start, stop in found)
    assert all(stop == start for (_, stop), (start, _) in pairwise(found))
    assert 25.0 <= found[0][1] / RATE <= 25.1


@pytest.mark.parametrize(
    ("data", "media_type", "says"),
    [
        (
            b"ID3\x04",
            "audio/mpeg",
            '"input" is audio/mpeg, and its sound cannot be decoded: Invalid data',
        ),
        (
            b"RIFF\0\0\0\0WAVE",
            "audio/wav",
            '"input" is audio/wav, and it has no format and no sound in it.',
        ),
    ],
)
def test_what_is_no_wav_file_is_refused_for_good(tmp_path: Path, data: bytes, media_type: str, says: str) -> None:
    with pytest.raises(EngineFailure) as refused:
        answers(engine, work(chunk(tmp_path / "input", data, media_type)))
    assert refused.value.message.startswith(says)
    assert refused.value.kind is FailureKind.INVALID_DATA


def test_an_empty_recording_has_no_words_and_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\0\0\0\0"
    for content in (b"", header, header + b"x"):
        found = answer(engine, work(chunk(tmp_path / "input", content, "audio/wav")))
        assert (found["series"], found["vendor"]) == ([], {"note": "The recording is empty."})
        assert capsys.readouterr().out == 'warning: "input" is empty: there is nothing to hear\n'


def test_nothing_to_hear_says_what_to_give() -> None:
    with pytest.raises(EngineFailure, match=r"^Nothing to hear: give payload\.url, or a target") as refused:
        answers(engine, work(payload={"text": "words"}))
    assert refused.value.kind is FailureKind.INVALID_DATA


def test_real_speech_is_mostly_understood() -> None:
    wrong = total = 0
    for clip, words in islice(extras.speech().items(), None if THOROUGH else 2):
        recording = Chunk(path=clip, media_type="audio/wav", size=clip.stat().st_size)
        heard = [word["word"] for item in answer(engine, work(recording))["series"] for word in item["words"]]
        spoken = words.replace("mister", "mr").split()
        wrong += distance(spoken, heard)
        total += len(spoken)
    assert total > (60 if THOROUGH else 25)
    assert wrong / total < 0.35
