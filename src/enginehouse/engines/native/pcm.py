"""WAV files with plain PCM samples, which the server cuts itself."""

import wave
from dataclasses import replace
from pathlib import Path
from typing import Final

from enginehouse.wave import PCM, NotWave, WaveFile, read_header

_BLOCK: Final = 1 << 20


def read_pcm(path: Path) -> WaveFile:
    """Returns the PCM WAV file at `path`. Raises NotWave for another coding and for a damaged header."""
    header = read_header(path)
    if header.code != PCM or header.bits not in (8, 16, 24, 32):
        raise NotWave(f"its coding is {header.code} with {header.bits} bits, not PCM")
    if not 1 <= header.channels <= 64 or not 1000 <= header.rate <= 768_000:
        raise NotWave(f"{header.channels} channels at {header.rate} Hz")
    # Some recorders write a wrong frame size. Players compute it from the bits.
    return replace(header, frame_size=header.channels * header.bits // 8)


def milliseconds(source: WaveFile, frame: int) -> int:
    """Returns the time at which `frame` begins."""
    return frame * 1000 // source.rate


def write_pcm(source: WaveFile, start: int, stop: int, target: Path) -> None:
    """`target` is a WAV file with the frames from `start` up to `stop`."""
    with wave.open(str(target), "wb") as file:
        file.setnchannels(source.channels)
        file.setsampwidth(source.width)
        file.setframerate(source.rate)
        for block in source.blocks(start, stop, max(1, _BLOCK // source.frame_size)):
            file.writeframesraw(block)
