"""Sound is cut in its pauses, in every layout of a WAV file."""

import wave as reference
from itertools import pairwise
from pathlib import Path

import pytest
from tests.engines.waves import samples, wave

from enginehouse.engines.native import wave_splitter
from enginehouse.engines.native.pcm import Sound, read_pcm, write_pcm
from enginehouse.wave import NotWave, OtherCoding

RATE = 8000
SPEECH = (3.0, 0.5, 4.0, 0.3, 2.0, 0.6, 5.0, 0.4, 1.0, 0.25, 3.0)
PAUSES = [(3.0, 3.5), (7.5, 7.8), (9.8, 10.4), (15.4, 15.8), (16.8, 17.05)]


def cuts(source: Sound, seconds: float) -> list[float]:
    stretches = wave_splitter.split(source, seconds)
    assert stretches[0].start == 0
    assert stretches[-1].stop == source.frames
    for one, following in pairwise(stretches):
        assert one.stop == following.start
    for one in stretches:
        assert 0 < (one.stop - one.start) / source.rate <= seconds
    return [one.stop / source.rate for one in stretches[:-1]]


@pytest.mark.parametrize(
    "layout",
    [
        {"width": 2},
        {"width": 1},
        {"width": 3},
        {"width": 4},
        {"channels": 2},
        {"width": 3, "channels": 6, "extensible": True},
        {"sizes_filled": False},
        {"extensible": True},
    ],
    ids=str,
)
def test_every_cut_lies_in_a_pause(tmp_path: Path, layout: dict[str, int]) -> None:
    source = read_pcm(wave(tmp_path / "a.wav", samples(SPEECH, RATE), RATE, **layout))  # type: ignore[arg-type]
    assert source.frames == round(sum(SPEECH) * RATE)
    found = cuts(source, 8)
    assert len(found) >= 2
    assert all(any(start < at < stop for start, stop in PAUSES) for at in found)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100])
def test_odd_rates_keep_the_bound_and_the_pauses(tmp_path: Path, rate: int) -> None:
    source = read_pcm(wave(tmp_path / "a.wav", samples(SPEECH[:5], rate), rate))
    assert all(any(start < at < stop for start, stop in PAUSES) for at in cuts(source, 5))


def test_the_longest_pause_of_the_later_half_is_taken(tmp_path: Path) -> None:
    source = read_pcm(wave(tmp_path / "a.wav", samples((3, 0.8, 3, 0.2, 0.5, 0.4, 4), RATE), RATE))
    assert 7.5 < cuts(source, 8)[0] < 7.9


def test_a_pause_early_in_the_window_is_better_than_speech(tmp_path: Path) -> None:
    source = read_pcm(wave(tmp_path / "a.wav", samples((1, 0.5, 9), RATE), RATE))
    assert 1.0 < cuts(source, 6)[0] < 1.5


def test_quiet_speech_in_a_noisy_room_is_still_cut_in_its_pauses(tmp_path: Path) -> None:
    source = read_pcm(wave(tmp_path / "a.wav", samples(SPEECH, RATE, loud=2500, noise=250), RATE))
    assert all(any(start < at < stop for start, stop in PAUSES) for at in cuts(source, 8))


def test_speech_without_a_pause_and_silence_keep_the_bound(tmp_path: Path) -> None:
    assert len(cuts(read_pcm(wave(tmp_path / "a.wav", samples((9,), RATE), RATE)), 2)) >= 4
    assert len(cuts(read_pcm(wave(tmp_path / "b.wav", samples((0, 9), RATE, noise=0), RATE)), 2)) >= 4


def test_a_short_file_is_one_piece_and_an_empty_one_none(tmp_path: Path) -> None:
    assert cuts(read_pcm(wave(tmp_path / "a.wav", samples((2,), RATE), RATE)), 2) == []
    assert wave_splitter.split(read_pcm(wave(tmp_path / "b.wav", samples((), RATE), RATE)), 2) == []


def test_a_piece_is_a_wav_file_with_exactly_its_frames(tmp_path: Path) -> None:
    mono = samples((2,), RATE)
    source = read_pcm(wave(tmp_path / "a.wav", mono, RATE, width=3, channels=2, extensible=True))
    write_pcm(source, 100, 4100, tmp_path / "piece.wav")
    with reference.open(str(tmp_path / "piece.wav")) as piece:
        assert piece.getparams()[:4] == (2, 3, RATE, 4000)
        first = piece.readframes(1)
    assert first == mono[100].to_bytes(2, "little", signed=True).rjust(3, b"\0") + b"\0\0\0"


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"RIFF\0\0\0\0AVI ",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd",
        b"RIFF\0\0\0\0WAVEfmt \2\0\0\0ab",
        b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff",
    ],
)
def test_a_damaged_header_is_not_pcm(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(damaged)
    with pytest.raises(NotWave):
        read_pcm(tmp_path / "a.wav")


def test_another_coding_is_not_pcm(tmp_path: Path) -> None:
    with pytest.raises(OtherCoding, match=r"0x0011 \(IMA ADPCM\), not PCM"):
        read_pcm(wave(tmp_path / "a.wav", samples((1,), RATE), RATE, tag=0x11))
