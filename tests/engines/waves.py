"""WAV files for tests: a tone that swells like speech, and pauses with a little noise, at known places."""

import math
import random
import struct
from array import array
from collections.abc import Sequence
from pathlib import Path


def samples(seconds: Sequence[float], rate: int, *, loud: int = 6000, noise: int = 60, seed: int = 1) -> "array[int]":
    """Returns speech and pauses in turn, speech first, each with its length in `seconds`; 16-bit, one channel."""
    chance = random.Random(seed)
    found = array("h")
    for turn, length in enumerate(seconds):
        for at in range(round(length * rate)):
            voice = 0.0
            if turn % 2 == 0:
                voice = loud * math.sin(at * 0.2 * 16000 / rate) * (0.6 + 0.4 * math.sin(at * 12 / rate))
            found.append(int(voice) + chance.randint(-noise, noise))
    return found


def wave(
    path: Path,
    mono: "array[int]",
    rate: int,
    *,
    channels: int = 1,
    width: int = 2,
    extensible: bool = False,
    sizes_filled: bool = True,
    tag: int = 1,
) -> Path:
    """The file at `path` has `mono` as a WAV file in this layout. Further channels are silent. Returns the path."""
    frames = bytearray()
    for sample in mono:
        frames += _packed(sample, width) + _packed(0, width) * (channels - 1)
    bits, size = width * 8, channels * width
    fmt = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate, rate * size, size, bits)
    if extensible:
        fmt += struct.pack("<HHIH", 22, bits, 0, tag) + bytes.fromhex("000000001000800000aa00389b71")
    notes = b"LIST" + struct.pack("<I", 5) + b"INFOx\0"
    data_size = len(frames) if sizes_filled else 0xFFFFFFFF
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + notes + b"data" + struct.pack("<I", data_size)
    riff_size = len(body) + len(frames) if sizes_filled else 0xFFFFFFFF
    path.write_bytes(b"RIFF" + struct.pack("<I", riff_size) + body + bytes(frames))
    return path


def _packed(sample: int, width: int) -> bytes:
    return (
        bytes([(sample >> 8) + 128])
        if width == 1
        else (sample << (8 * width - 16)).to_bytes(width, "little", signed=True)
    )
