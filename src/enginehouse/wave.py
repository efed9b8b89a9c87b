"""Reads WAV files: where the samples are, in which coding, and what is wrong with a broken file.

The standard library's reader refuses the extensible header, which most tools write for 24 bits or several channels, and
believes sizes that a live recorder never filled in. This module is public, like `enginehouse.engine`, for engines that
read sound.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

__all__ = ["A_LAW", "FLOAT", "MU_LAW", "PCM", "NotWave", "OtherCoding", "WaveFile", "expansion", "read_wave"]

PCM: Final = 0x0001
FLOAT: Final = 0x0003
A_LAW: Final = 0x0006
MU_LAW: Final = 0x0007
_BITS: Final = {PCM: range(2, 33), FLOAT: (32, 64), A_LAW: (8,), MU_LAW: (8,)}
_CODINGS: Final = {0x0002: "Microsoft ADPCM", 0x0011: "IMA ADPCM", 0x0031: "GSM 6.10", 0x0050: "MPEG", 0x0055: "MP3"}
_MOST_CHANNELS: Final = 64
_RATES: Final = range(1_000, 768_001)
_EXTENSIBLE: Final = 0xFFFE
_EXTENSIBLE_SIZE: Final = 26  # bytes of the format up to and with the code, which the extensible form stores later
_MOST_CHUNKS: Final = 1000  # before the sound
_UNKNOWN_SIZES: Final = frozenset({0, 0xFFFFFFFF})  # a writer that cannot seek back leaves one of these
_AFTER_SOUND: Final = frozenset({b"LIST", b"id3 ", b"ID3 ", b"bext", b"cue ", b"smpl", b"iXML", b"fact", b"JUNK"})


class NotWave(ValueError):
    """The bytes are not a readable WAV file. The message says why."""


class OtherCoding(NotWave):
    """It is a WAV file, but its samples are in a coding that only other programs read."""


@dataclass(frozen=True, slots=True)
class WaveFile:
    """The values of the header. `code` is PCM, FLOAT, A_LAW or MU_LAW.

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


def read_wave(path: Path) -> WaveFile:
    """Returns the WAV file at `path`, whose samples can be read. Raises NotWave."""
    found = _read_header(path)
    allowed = _BITS.get(found.code)
    if allowed is None:
        name = _CODINGS.get(found.code, "unknown here")
        raise OtherCoding(f"its coding is 0x{found.code:04x} ({name}), not PCM, float, A-law or \u00b5-law")
    if not 1 <= found.channels <= _MOST_CHANNELS:
        raise NotWave(f"its header names {found.channels} channels, which must be 1 to {_MOST_CHANNELS}")
    if found.rate not in _RATES:
        raise NotWave(f"its rate of {found.rate} Hz is not between {_RATES[0]} and {_RATES[-1]}")
    if found.bits not in allowed:
        raise NotWave(f"its header names {found.bits} bits for a sample of the coding 0x{found.code:04x}")
    # Some recorders write a wrong frame size. Players compute it from the bits.
    return replace(found, frame_size=found.channels * -(-found.bits // 8))


def expansion(code: int) -> list[int]:
    """Returns the 16-bit sample for each byte of A_LAW or MU_LAW (ITU-T G.711)."""
    return [_a_law(byte) if code == A_LAW else _mu_law(byte) for byte in range(256)]


def _a_law(byte: int) -> int:
    byte ^= 0x55
    exponent, mantissa = byte >> 4 & 7, byte & 15
    value = mantissa * 16 + 8 if exponent == 0 else mantissa * 16 + 264 << exponent - 1
    return value if byte & 0x80 else -value


def _mu_law(byte: int) -> int:
    byte ^= 0xFF
    value = ((byte & 15) * 8 + 132 << (byte >> 4 & 7)) - 132
    return -value if byte & 0x80 else value


def _read_header(path: Path) -> WaveFile:
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] not in (b"RIFF", b"RF64", b"BW64") or start[8:] != b"WAVE":
            raise NotWave("it does not begin as a WAV file does")
        layout: _Format | None = None
        large: int | None = None
        for name, size in _chunks(file):
            if name == b"ds64":
                sizes = file.read(16)
                large = struct.unpack("<8xQ", sizes)[0] if len(sizes) == 16 else None
            elif name == b"fmt ":
                layout = _format(file.read(min(size, _EXTENSIBLE_SIZE)))
            elif name == b"data":
                if layout is None:
                    raise NotWave("its sound comes before its format")
                offset = file.tell()
                return WaveFile(path, *layout, offset, _sound_size(file, size, large))
    raise NotWave("it has no format and no sound in it" if layout is None else "it has no sound in it")


def _sound_size(file: BinaryIO, size: int, large: int | None) -> int:
    """Returns the bytes of sound from the file's position on, also where the header does not know or is too large."""
    offset = file.tell()
    rest = file.seek(0, 2) - offset
    if size == 0xFFFFFFFF and large:
        return min(large, rest)
    if size in _UNKNOWN_SIZES:
        file.seek(offset)
        return 0 if size == 0 and file.read(4) in _AFTER_SOUND else rest
    return min(size, rest)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yields the name and size of each RIFF chunk. The file's position is then at its content."""
    for _ in range(_MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return
        name, size = struct.unpack("<4sI", header)
        start = file.tell()
        yield name, size
        file.seek(start + size + size % 2)
    raise NotWave(f"its header has more than {_MOST_CHUNKS} parts")


def _format(data: bytes) -> _Format:
    if len(data) < 16:
        raise NotWave("its format is cut short")
    code, channels, rate, _, frame_size, bits = struct.unpack_from("<HHIIHH", data)
    if code == _EXTENSIBLE and len(data) >= _EXTENSIBLE_SIZE:
        (code,) = struct.unpack_from("<H", data, 24)
    return _Format(code, channels, rate, frame_size, bits)
