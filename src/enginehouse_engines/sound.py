"""The sound of a file as 16-bit samples of one channel: of any audio or video with PyAV, without it of WAV files."""

from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enginehouse.text.media_types import CONTAINERS
from enginehouse.wave import NotWave
from enginehouse_engines.wav import read_mono

Pcm = NDArray[np.int16]


class NotSound(ValueError):
    """The file has no sound that can be read here. The message says why."""


def can_decode() -> bool:
    """Returns True if sound of any coding can be read, and not only that of WAV files."""
    return find_spec("av") is not None


def read_sound(path: Path, *, rate: int) -> Pcm:
    """Returns the sound at `rate` samples per second. The bytes decide what it is. Raises NotSound."""
    if not can_decode():
        return _of_wave(path, rate)
    try:
        return _decoded(path, rate)
    except NotSound:
        with path.open("rb") as file:
            if file.read(4) not in (b"RIFF", b"RF64", b"BW64"):
                raise
        return _of_wave(path, rate)  # a header that a live recorder has not filled in


def _of_wave(path: Path, rate: int) -> Pcm:
    try:
        blocks = [(block.clip(-1, 1) * 32767).astype(np.int16) for block in read_mono(path, rate=rate)]
    except NotWave as problem:
        raise NotSound(str(problem)) from None
    return np.concatenate(blocks) if blocks else np.empty(0, np.int16)


def _decoded(path: Path, rate: int) -> Pcm:
    av: Any = import_module("av")
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise NotSound("it has no sound")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
            packets = container.demux(container.streams.audio[0])
            frames = chain((frame for packet in packets for frame in _frames(av, packet)), [None])
            sound = [part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)]
    except (av.error.FFmpegError, OSError, IndexError) as problem:
        why = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        raise NotSound(f"its sound cannot be decoded: {why}") from None
    return np.concatenate(sound) if sound else np.empty(0, np.int16)


def _frames(av: Any, packet: Any) -> list[Any]:
    """Returns the sound of a packet. A damaged one has none."""
    try:
        return list(packet.decode())
    except av.error.InvalidDataError:
        return []
