"""WAV files as mono samples: any rate, any number of channels, integers and floats of any width.

The standard library's reader refuses the extensible header, which is how 24-bit and most studio files are written.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from enginehouse_engines.resample import Samples, resampled

_BLOCK_SECONDS = 10
_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)  # what a writer that could not seek back leaves

# (code, bytes per sample) → type as stored, value of silence, distance from silence to full scale
_ENCODINGS: dict[tuple[int, int], tuple[str, int, int]] = {
    (_PCM, 1): ("u1", 0x80, 0x80),
    (_PCM, 2): ("<i2", 0, 0x8000),
    (_PCM, 3): ("<i4", 0, 0x80000000),  # once widened
    (_PCM, 4): ("<i4", 0, 0x80000000),
    (_FLOAT, 4): ("<f4", 0, 1),
    (_FLOAT, 8): ("<f8", 0, 1),
}


class NotWav(ValueError):
    """The bytes are not a WAV file that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Format:
    """What the header says: PCM or float, bytes per sample, channels, samples per second and channel."""

    code: int
    width: int
    channels: int
    rate: int


def read(path: Path, *, rate: int) -> Iterator[Samples]:
    """The file's sound in -1..1, mixed to one channel, at `rate`, in blocks of some seconds. Raises NotWav."""
    with path.open("rb") as file:
        stored, size = _header(file)
        yield from resampled(_mono(file, stored, size), stored.rate, rate)


def _header(file: BinaryIO) -> tuple[Format, int | None]:
    """The format and the bytes of sound that follow, None for up to the end; the file stands at the first of them."""
    start = file.read(12)
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        raise NotWav("it does not begin as a WAV file does")
    stored: Format | None = None
    while len(header := file.read(8)) == 8:
        kind, size = header[:4], int.from_bytes(header[4:], "little")
        if kind == b"data":
            if stored is None:
                raise NotWav("its sound comes before its format")
            return stored, None if size in _UNKNOWN_SIZES else size
        if kind == b"fmt ":
            stored = _format(file.read(min(size, 64)))
            size -= min(size, 64)
        file.seek(size + size % 2, 1)
    raise NotWav("it has no sound in it")


def _format(data: bytes) -> Format:
    if len(data) < 16:
        raise NotWav("its format is cut short")
    code, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", data)
    if code == _EXTENSIBLE and len(data) >= 26:
        (code,) = struct.unpack_from("<H", data, 24)
    if code not in (_PCM, _FLOAT):
        raise NotWav(f"its encoding is 0x{code:04x}; PCM integers (0x0001) and floats (0x0003) can be read")
    width = frame // channels if channels else 0
    if (code, width) not in _ENCODINGS or frame != width * channels:
        raise NotWav(f"its frames of {frame} bytes do not hold {channels} channels of {bits} bits")
    if not 1_000 <= rate <= 768_000:
        raise NotWav(f"its rate of {rate} Hz is not between 1000 and 768000")
    return Format(code, width, channels, rate)


def _mono(file: BinaryIO, stored: Format, size: int | None) -> Iterator[Samples]:
    frame = stored.width * stored.channels
    block = stored.rate * _BLOCK_SECONDS * frame
    left = size
    while data := file.read(block if left is None else min(block, left)):
        if left is not None:
            left -= len(data)
        whole = data[: len(data) - len(data) % frame]
        yield _samples(whole, stored).reshape(-1, stored.channels).mean(axis=1, dtype=np.float32)


def _samples(data: bytes, stored: Format) -> Samples:
    kind, silence, scale = _ENCODINGS[stored.code, stored.width]
    if stored.width == 3:
        wide = np.zeros((len(data) // 3, 4), "u1")
        wide[:, 1:] = np.frombuffer(data, "u1").reshape(-1, 3)
        data = wide.tobytes()
    return ((np.frombuffer(data, kind).astype(np.float32) - silence) / scale).astype(np.float32)
