"""Sound of WAV files as plain PCM samples, which the server cuts itself."""

import sys
import wave
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from enginehouse.wave import A_LAW, FLOAT, MU_LAW, WaveFile, expansion, read_wave

_BLOCK: Final = 1 << 20
_LOUDEST: Final = 0x7FFF


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound of a WAV file. PCM samples are as in the file, others become 16-bit."""

    file: WaveFile

    @property
    def channels(self) -> int:
        return self.file.channels

    @property
    def rate(self) -> int:
        return self.file.rate

    @property
    def frames(self) -> int:
        return self.file.frames

    @property
    def width(self) -> int:
        """The bytes of one sample in `blocks`."""
        return 2 if self.file.code in (FLOAT, A_LAW, MU_LAW) else self.file.width

    def blocks(self, start: int, stop: int, frames_each: int) -> Iterator[bytes]:
        """Yields the PCM bytes of the frames from `start` up to `stop`, `frames_each` at a time."""
        blocks = self.file.blocks(start, stop, frames_each)
        match self.file.code:
            case int() as code if code in (A_LAW, MU_LAW):
                yield from _expanded(blocks, code)
            case code if code == FLOAT:
                yield from (_rounded(block, self.file.width) for block in blocks)
            case _:
                yield from blocks


def read_pcm(path: Path) -> Sound:
    """Returns the sound of the WAV file at `path`. Raises NotWave."""
    return Sound(read_wave(path))


def milliseconds(source: Sound, frame: int) -> int:
    """Returns the time at which `frame` begins."""
    return frame * 1000 // source.rate


def write_pcm(source: Sound, start: int, stop: int, target: Path) -> None:
    """`target` is a WAV file with the frames from `start` up to `stop`."""
    with wave.open(str(target), "wb") as file:
        file.setnchannels(source.channels)
        file.setsampwidth(source.width)
        file.setframerate(source.rate)
        for block in source.blocks(start, stop, max(1, _BLOCK // (source.channels * source.width))):
            file.writeframesraw(block)


def _expanded(blocks: Iterator[bytes], code: int) -> Iterator[bytes]:
    samples = expansion(code)
    low = bytes(sample & 0xFF for sample in samples)
    high = bytes(sample >> 8 & 0xFF for sample in samples)
    for block in blocks:
        expanded = bytearray(2 * len(block))
        expanded[0::2] = block.translate(low)
        expanded[1::2] = block.translate(high)
        yield bytes(expanded)


def _rounded(block: bytes, width: int) -> bytes:
    samples = array("f" if width == 4 else "d", block[: len(block) - len(block) % width])
    if sys.byteorder == "big":
        samples.byteswap()
    # NaN and infinity compare false, so they become silence.
    rounded = array("h", [round(max(-1.0, min(1.0, s)) * _LOUDEST) if abs(s) < 1e9 else 0 for s in samples])
    if sys.byteorder == "big":
        rounded.byteswap()
    return rounded.tobytes()
