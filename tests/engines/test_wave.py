"""The WAV reader gives both of its users the results that they need for unusual headers."""

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.engines.waves import samples, wave

from enginehouse.engines.native.pcm import read_pcm
from enginehouse.wave import NotWave, read_wave
from enginehouse_engines.wav import read_mono

RATE = 16_000
MONO = samples((0.1,), RATE)
FRAME_SIZE, BITS = 32, 34  # the offsets at which `wave` writes them


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return wave(tmp_path / "a.wav", MONO, RATE)


def patch(path: Path, offset: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(data)] = data
    path.write_bytes(content)


def test_the_header_says_where_the_samples_are(path: Path) -> None:
    found = read_wave(path)
    assert (found.code, found.channels, found.rate, found.bits, found.width) == (1, 1, RATE, 16, 2)
    assert found.size == found.frames * 2 == len(MONO) * 2
    assert path.read_bytes()[found.offset :] == b"".join(found.blocks(0, found.frames, 100))
    assert [len(block) for block in found.blocks(3, 10, 3)] == [6, 6, 2]


def test_the_form_for_large_files_is_read(path: Path) -> None:
    patch(path, 0, b"RF64")
    assert read_pcm(path).frames == len(MONO)
    assert len(np.concatenate(list(read_mono(path, rate=RATE)))) == len(MONO)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_file_that_was_cut_off_ends_with_its_last_whole_frame(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    left = len(MONO) - (cut + 1) // 2
    assert read_pcm(path).frames == left
    assert len(np.concatenate(list(read_mono(path, rate=RATE)))) == left


@pytest.mark.parametrize("frame_size", [0, 1, 4, 5])
def test_a_wrong_frame_size_stops_nobody(path: Path, frame_size: int) -> None:
    patch(path, FRAME_SIZE, struct.pack("<H", frame_size))
    assert read_pcm(path).frames == len(MONO)
    assert len(np.concatenate(list(read_mono(path, rate=RATE)))) == len(MONO)


def test_a_header_without_an_end_is_not_read_to_its_end(path: Path) -> None:
    path.write_bytes(b"RIFF\xff\xff\xff\xffWAVE" + b"none\0\0\0\0" * 2000)
    with pytest.raises(NotWave, match="more than 1000 parts"):
        read_wave(path)


def test_twelve_bits_in_two_bytes_are_read_as_samples(path: Path) -> None:
    patch(path, BITS, struct.pack("<H", 12))
    assert len(np.concatenate(list(read_mono(path, rate=RATE)))) == read_pcm(path).frames == len(MONO)
