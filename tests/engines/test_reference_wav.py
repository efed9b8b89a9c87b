"""WAV files of all formats give the same sound."""

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from enginehouse.engines.native.pcm import read_pcm, write_pcm
from enginehouse.wave import A_LAW, MU_LAW, NotWave, expansion
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
        case 6 | 7, 1:
            levels = np.array(expansion(code)) / 0x8000
            return bytes(np.abs(levels - sample).argmin() for sample in samples)
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


@pytest.mark.parametrize(("code", "width"), [(1, 1), (1, 2), (1, 3), (1, 4), (3, 4), (3, 8), (6, 1), (7, 1)])
def test_every_width_is_the_same_sound(tmp_path: Path, code: int, width: int) -> None:
    heard = sound(tmp_path / "a.wav", riff(encoded(tone(RATE), code, width), code=code, width=width))
    np.testing.assert_allclose(heard, tone(RATE), atol=0.02)


@pytest.mark.parametrize(("code", "width"), [(1, 1), (1, 2), (1, 3), (1, 4), (3, 4), (3, 8), (6, 1), (7, 1)])
def test_the_chunker_passes_on_the_same_sound(tmp_path: Path, code: int, width: int) -> None:
    (tmp_path / "a.wav").write_bytes(riff(encoded(tone(RATE), code, width), code=code, width=width))
    source = read_pcm(tmp_path / "a.wav")
    write_pcm(source, 1_000, 5_000, tmp_path / "piece.wav")
    piece = np.concatenate(list(read_mono(tmp_path / "piece.wav", rate=RATE)))
    np.testing.assert_allclose(piece, tone(RATE)[1_000:5_000], atol=0.02)


@pytest.mark.parametrize("width", [4, 8])
def test_floats_that_are_no_sound_are_silence_and_loud_ones_are_cut_off(tmp_path: Path, width: int) -> None:
    strange = np.array([np.nan, np.inf, 5, -5, 0.5], np.float32)
    (tmp_path / "a.wav").write_bytes(riff(encoded(strange, 3, width), code=3, width=width))
    source = read_pcm(tmp_path / "a.wav")
    block = b"".join(source.blocks(0, source.frames, 100))
    assert list(np.frombuffer(block, "<i2")) == [0, 0, 0x7FFF, -0x7FFF, 0x4000]
    assert np.isfinite(np.concatenate(list(read_mono(tmp_path / "a.wav", rate=RATE)))).all()


def test_companded_samples_are_those_of_the_standard() -> None:
    assert [expansion(MU_LAW)[byte] for byte in (0x00, 0x80, 0x7F, 0xFF, 0x55)] == [-32124, 32124, 0, 0, -716]
    assert [expansion(A_LAW)[byte] for byte in (0x55, 0xD5, 0x2A, 0xAA, 0x00)] == [-8, 8, -32256, 32256, -5504]


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


def test_a_header_of_a_recording_without_sound_may_be_followed_by_other_parts(tmp_path: Path) -> None:
    assert len(sound(tmp_path / "a.wav", riff(b"") + b"LIST" + struct.pack("<I", 4) + b"tail")) == 0


def test_a_large_file_says_its_size_in_another_place(tmp_path: Path) -> None:
    data = encoded(tone(RATE), 1, 2)
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, len(data), 0, 0)
    large = b"RF64" + riff(data, before=sizes, size=0xFFFFFFFF)[4:] + b"LIST" + struct.pack("<I", 4) + b"tail"
    assert len(sound(tmp_path / "a.wav", large)) == RATE // 2


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
        (b"RIFF\0\0\0\0WAVE", "it has no format and no sound in it"),
        (riff(b"")[:-8], "it has no sound in it"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "its sound comes before its format"),
        (b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\x01\0", "its format is cut short"),
        (riff(b"", code=0x55), "its coding is 0x0055 (MP3), not PCM, float, A-law or µ-law"),
        (riff(b"", width=5), "its header names 40 bits for a sample of the coding 0x0001"),
        (riff(b"", channels=0), "its header names 0 channels, which must be 1 to 64"),
        (riff(b"", rate=0), "its rate of 0 Hz is not between 1000 and 768000"),
    ],
)
def test_what_is_no_wav_file_is_refused_with_the_reason(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(NotWave) as refused:
        sound(tmp_path / "a.wav", data)
    assert str(refused.value) == says
