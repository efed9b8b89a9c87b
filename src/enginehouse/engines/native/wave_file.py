"""How PCM samples lie in a WAV file.

The header is read here and not by the standard library, which refuses the extensible form that most tools write for
24 bits or several channels, and believes sizes that a live recorder never filled in.
"""

import struct
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

_PCM: Final = 1
_EXTENSIBLE: Final = 0xFFFE
_BLOCK: Final = 1 << 20
_UNFILLED: Final = frozenset({0, 0xFFFFFFFF})


class NotPcm(ValueError):
    """The file is a WAV with another coding than plain PCM, or is damaged."""


@dataclass(frozen=True, slots=True)
class WaveFile:
    """Where the samples are: `frames` times (`channels` x `width` bytes), from byte `offset` on."""

    path: Path
    channels: int
    width: int
    rate: int
    offset: int
    frames: int

    @property
    def frame_size(self) -> int:
        return self.channels * self.width

    def milliseconds(self, frame: int) -> int:
        return frame * 1000 // self.rate

    def blocks(self, start: int, stop: int, frames_each: int) -> Iterator[bytes]:
        """The bytes of the frames from `start` up to `stop`, `frames_each` at a time; the last block may be shorter."""
        with self.path.open("rb") as file:
            file.seek(self.offset + start * self.frame_size)
            left = (stop - start) * self.frame_size
            while left > 0:
                block = file.read(min(left, frames_each * self.frame_size))
                if not block:
                    return
                left -= len(block)
                yield block


def opened(path: Path) -> WaveFile:
    """The layout of the WAV file at `path`. Raises NotPcm."""
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            raise NotPcm("not a WAV file")
        coding: tuple[int, int, int, int] | None = None
        for name, size in _chunks(file):
            if name == b"fmt ":
                coding = _coding(file.read(min(size, 40)))
            elif name == b"data":
                if coding is None:
                    raise NotPcm("the format comes after the data")
                return _laid_out(path, file.tell(), size, coding)
    raise NotPcm("it has no data")


def write(source: WaveFile, start: int, stop: int, target: Path) -> None:
    """`target` is a WAV file with the frames from `start` up to `stop`."""
    with wave.open(str(target), "wb") as file:
        file.setnchannels(source.channels)
        file.setsampwidth(source.width)
        file.setframerate(source.rate)
        for block in source.blocks(start, stop, max(1, _BLOCK // source.frame_size)):
            file.writeframesraw(block)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", header)
        start = file.tell()
        yield name, size
        file.seek(start + size + size % 2)


def _coding(fmt: bytes) -> tuple[int, int, int, int]:
    if len(fmt) < 16:
        raise NotPcm("its format is cut short")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", fmt[:16])
    if tag == _EXTENSIBLE and len(fmt) >= 26:
        tag = struct.unpack("<H", fmt[24:26])[0]
    return tag, channels, rate, bits


def _laid_out(path: Path, offset: int, size: int, coding: tuple[int, int, int, int]) -> WaveFile:
    tag, channels, rate, bits = coding
    if tag != _PCM or bits not in (8, 16, 24, 32):
        raise NotPcm(f"its coding is {tag} with {bits} bits, not PCM")
    if not 1 <= channels <= 64 or not 1000 <= rate <= 768_000:
        raise NotPcm(f"{channels} channels at {rate} Hz")
    there = path.stat().st_size - offset
    size = there if size in _UNFILLED else min(size, there)
    width = bits // 8
    return WaveFile(path, channels, width, rate, offset, size // (channels * width))
