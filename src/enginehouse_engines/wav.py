"""Reads WAV files as mono samples: any rate, any number of channels, integers, floats and companded samples."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from enginehouse.wave import A_LAW, FLOAT, MU_LAW, PCM, WaveFile, expansion, read_wave
from enginehouse_engines.resample import Samples, resample

_BLOCK_SECONDS = 10

# (code, bytes per sample) → stored type, value of silence, distance from silence to full scale
_ENCODINGS: dict[tuple[int, int], tuple[str, int, int]] = {
    (PCM, 1): ("u1", 0x80, 0x80),
    (PCM, 2): ("<i2", 0, 0x8000),
    (PCM, 3): ("<i4", 0, 0x80000000),  # after widening
    (PCM, 4): ("<i4", 0, 0x80000000),
    (FLOAT, 4): ("<f4", 0, 1),
    (FLOAT, 8): ("<f8", 0, 1),
}


def read_mono(path: Path, *, rate: int) -> Iterator[Samples]:
    """Yields the file's sound in -1..1, mixed to one channel, at `rate`, in blocks of some seconds. Raises NotWave."""
    source = read_wave(path)
    yield from resample(_mono(source), source.rate, rate)


def _mono(source: WaveFile) -> Iterator[Samples]:
    for block in source.blocks(0, source.frames, source.rate * _BLOCK_SECONDS):
        yield _samples(block, source).reshape(-1, source.channels).mean(axis=1, dtype=np.float32)


def _samples(data: bytes, source: WaveFile) -> Samples:
    if source.code in (A_LAW, MU_LAW):
        table: Samples = np.array(expansion(source.code), np.float32) / np.float32(0x8000)
        expanded: Samples = table[np.frombuffer(data, "u1")]
        return expanded
    kind, silence, scale = _ENCODINGS[source.code, source.width]
    if source.width == 3:
        wide = np.zeros((len(data) // 3, 4), "u1")
        wide[:, 1:] = np.frombuffer(data, "u1").reshape(-1, 3)
        data = wide.tobytes()
    samples: Samples = ((np.frombuffer(data, kind).astype(np.float32) - silence) / scale).astype(np.float32)
    if source.code == FLOAT:
        np.nan_to_num(samples, copy=False, posinf=1, neginf=-1)
    return samples
