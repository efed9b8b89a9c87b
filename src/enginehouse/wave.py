"""Reads WAV files: where the samples are, and what the header says about them.

The standard library's reader refuses the extensible header, which most tools write for 24 bits or several channels, and
believes sizes that a live recorder never filled in. This module is public, like `enginehouse.engine`, for engines that
read sound.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

__all__ = ["FLOAT", "PCM", "NotWave", "WaveFile", "read_header"]

PCM: Final = 0x0001
FLOAT: Final = 0x0003
_EXTENSIBLE: Final = 0xFFFE
_EXTENSIBLE_SIZE: Final = 26  # bytes of the format up to and with the code, which the extensible form stores later
_UNKNOWN_SIZES: Final = frozenset({0, 0xFFFFFFFF})  # a writer that cannot seek back leaves one of these


class NotWave(ValueError):
    """The bytes are not a readable WAV file. The message says why."""


@dataclass(frozen=True, slots=True)
class WaveFile:
    """The unchecked values of the header. `code` is PCM, FLOAT or another.

    `frame_size` bytes hold one sample of each channel. The samples are `size` bytes from byte `offset` on.
    """

    path: Path
    code: int
    channels: int
    rate: int
    frame_size: int
    bits: int
    offset: int
    size: int

    @property
    def width(self) -> int:
        """The bytes of one sample."""
        return self.frame_size // self.channels if self.channels else 0

    @property
    def frames(self) -> int:
        """The number of whole frames."""
        return self.size // self.frame_size if self.frame_size else 0

    def blocks(self, start: int, stop: int, frames_each: int) -> Iterator[bytes]:
        """Yields the bytes of the frames from `start` up to `stop`, `frames_each` at a time.

        The last block may be shorter.
        """
        with self.path.open("rb") as file:
            file.seek(self.offset + start * self.frame_size)
            left = (stop - start) * self.frame_size
            while left > 0:
                block = file.read(min(left, frames_each * self.frame_size))
                if not block:
                    return
                left -= len(block)
                yield block


class _Format(NamedTuple):
    code: int
    channels: int
    rate: int
    frame_size: int
    bits: int


def read_header(path: Path) -> WaveFile:
    """Returns the WAV file at `path`. Raises NotWave."""
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
            raise NotWave("it does not begin as a WAV file does")
        layout: _Format | None = None
        for name, size in _chunks(file):
            if name == b"fmt ":
                layout = _format(file.read(min(size, _EXTENSIBLE_SIZE)))
            elif name == b"data":
                if layout is None:
                    raise NotWave("its sound comes before its format")
                offset = file.tell()
                rest = path.stat().st_size - offset
                return WaveFile(path, *layout, offset, rest if size in _UNKNOWN_SIZES else min(size, rest))
    raise NotWave("it has no sound in it")


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yields the name and size of each RIFF chunk. The file's position is then at its content."""
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", header)
        start = file.tell()
        yield name, size
        file.seek(start + size + size % 2)


def _format(data: bytes) -> _Format:
    if len(data) < 16:
        raise NotWave("its format is cut short")
    code, channels, rate, _, frame_size, bits = struct.unpack_from("<HHIIHH", data)
    if code == _EXTENSIBLE and len(data) >= _EXTENSIBLE_SIZE:
        (code,) = struct.unpack_from("<H", data, 24)
    return _Format(code, channels, rate, frame_size, bits)
