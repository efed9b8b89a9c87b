"""WAV files of all formats give the same sound."""

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from enginehouse.wave import NotWave
from enginehouse_engines.resample import Samples, resample
from enginehouse_engines.wav import read_mono

RATE = 16_000


def tone(rate: int, *, hertz: float = 440.0, seconds: float = 0.5) -> Samples:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def encoded(samples: Samples, code: int, width: int) -> bytes:
    match code, width:
        case 1, 1:
            return bytes((samples * 127 + 128).round().astype("u1"))
        case 1, 2:
            return (samples * 0x7FFF).astype("<i2").tobytes()
        case 1, 3:
            return (samples * 0x7FFFFF).astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()
        case 1, 4:
            return (samples.astype("f8") * 0x7FFFFFFF).astype("<i4").tobytes()
        case 3, 4:
            return samples.astype("<f4").tobytes()
        case _:
            return samples.astype("<f8").tobytes()


def riff(  # every part of the header can be set wrong
    data: bytes,
    *,
    code: int = 1,
    width: int = 2,
    channels: int = 1,
    rate: int = RATE,
    before: bytes = b"",
    size: int | None = None,
) -> bytes:
    layout = struct.pack("<HHIIHH", code, channels, rate, rate * width * channels, width * channels, width * 8)
    length = len(data) if size is None else size
    body = (
        b"WAVE"
        + before
        + b"fmt "
        + struct.pack("<I", len(layout))
        + layout
        + b"data"
        + struct.pack("<I", length)
        + data
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def sound(path: Path, data: bytes) -> Samples:
    path.write_bytes(data)
    blocks = list(read_mono(path, rate=RATE))
    return np.concatenate(blocks) if blocks else np.empty(0, np.float32)


@pytest.mark.parametrize(("code", "width"), [(1, 1), (1, 2), (1, 3), (1, 4), (3, 4), (3, 8)])
def test_every_width_is_the_same_sound(tmp_path: Path, code: int, width: int) -> None:
    heard = sound(tmp_path / "a.wav", riff(encoded(tone(RATE), code, width), code=code, width=width))
    np.testing.assert_allclose(heard, tone(RATE), atol=0.01)


def test_what_the_standard_library_writes_is_read_mono(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(encoded(tone(RATE), 1, 2))
    np.testing.assert_allclose(np.concatenate(list(read_mono(tmp_path / "a.wav", rate=RATE))), tone(RATE), atol=0.001)


def test_an_extensible_header_is_read_mono(tmp_path: Path) -> None:
    layout = struct.pack("<HHIIHHHHIH14s", 0xFFFE, 1, RATE, RATE * 3, 3, 24, 22, 24, 4, 1, b"\0" * 14)
    data = encoded(tone(RATE), 1, 3)
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(data)) + data
    heard = sound(tmp_path / "a.wav", b"RIFF" + struct.pack("<I", len(body)) + body)
    np.testing.assert_allclose(heard, tone(RATE), atol=0.001)


def test_channels_are_mixed(tmp_path: Path) -> None:
    both = np.stack([tone(RATE), -tone(RATE), 3 * tone(RATE) / 2], axis=1).ravel()
    heard = sound(tmp_path / "a.wav", riff(encoded(both, 3, 4), code=3, width=4, channels=3))
    np.testing.assert_allclose(heard, tone(RATE) / 2, atol=0.001)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_every_rate_is_the_same_sound(rate: int) -> None:
    heard = np.concatenate(list(resample([tone(rate)], rate, RATE)))
    assert len(heard) == pytest.approx(RATE / 2, abs=1)
    inner = slice(500, min(len(heard), RATE // 2) - 500)  # the filter sees silence beyond both ends
    np.testing.assert_allclose(heard[inner], tone(RATE)[inner], atol=0.002)


def test_what_the_lower_rate_cannot_hold_is_silenced_and_not_folded_back() -> None:
    heard = np.concatenate(list(resample([tone(48_000, hertz=11_000)], 48_000, RATE)))
    assert np.abs(heard[500:-500]).max() < 0.005


@pytest.mark.parametrize("cuts", [[1, 2, 3], [5_000], [7, 7, 13_000, 20_000]])
def test_where_the_blocks_are_cut_makes_no_difference(cuts: list[int]) -> None:
    whole = tone(44_100)
    in_one = np.concatenate(list(resample([whole], 44_100, RATE)))
    in_parts = np.concatenate(list(resample(np.split(whole, cuts), 44_100, RATE)))
    np.testing.assert_allclose(in_parts, in_one, atol=1e-6)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 10**9])
def test_a_size_that_is_not_true_reads_to_the_end(tmp_path: Path, size: int) -> None:
    assert len(sound(tmp_path / "a.wav", riff(encoded(tone(RATE), 1, 2), size=size))) == RATE // 2


def test_other_parts_of_the_file_are_passed_over(tmp_path: Path) -> None:
    notes = b"LIST" + struct.pack("<I", 3) + b"odd\0"
    data = riff(encoded(tone(RATE), 1, 2), before=notes) + b"LIST" + struct.pack("<I", 4) + b"tail"
    assert len(sound(tmp_path / "a.wav", data)) == RATE // 2


def test_half_a_frame_at_the_end_is_dropped(tmp_path: Path) -> None:
    assert len(sound(tmp_path / "a.wav", riff(b"\0" * 7, channels=2))) == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it does not begin as a WAV file does"),
        (b"ID3\x04 an MP3 file", "it does not begin as a WAV file does"),
        (b"RIFF\0\0\0\0WAVE", "it has no sound in it"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "its sound comes before its format"),
        (b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\x01\0", "its format is cut short"),
        (riff(b"", code=0x55), "its encoding is 0x0055; PCM integers (0x0001) and floats (0x0003) can be read"),
        (riff(b"", width=5), "its frames of 5 bytes do not hold 1 channels of 40 bits"),
        (riff(b"", channels=0), "its frames of 0 bytes do not hold 0 channels of 16 bits"),
        (riff(b"", rate=0), "its rate of 0 Hz is not between 1000 and 768000"),
    ],
)
def test_what_is_no_wav_file_is_refused_with_the_reason(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(NotWave) as refused:
        sound(tmp_path / "a.wav", data)
    assert str(refused.value) == says
