"""Finds the stretches of a sound with speech, cut in silence and short enough to be recognised."""

from importlib import import_module
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
Pcm = NDArray[np.int16]

LONGEST = 30 * RATE  # the longest stretch that is recognised at once
_MARGIN = int(0.3 * RATE)  # kept around speech, because the detector misses the first sound of a word
_SEARCHED = 10 * RATE  # searched for the quietest place, at the end of a stretch that is too long
_FRAME = int(0.03 * RATE)


def utterances(sound: Pcm) -> list[tuple[int, int]]:
    """Returns the stretches with speech as (first sample, end), in order and without overlap, none for silence."""
    spoken = _spoken(sound)
    stretches: list[tuple[int, int]] = []
    # Two neighbours share the pause between them. The first and the last have all the silence at their outer ends.
    middles = [(before + after) // 2 for (_, before), (after, _) in pairwise(spoken)]
    for (start, stop), earliest, latest in zip(spoken, [0, *middles], [*middles, len(sound)], strict=False):
        stretches.extend(_cut(sound, max(start - _MARGIN, earliest), min(stop + _MARGIN, latest)))
    return stretches


def _spoken(sound: Pcm) -> list[tuple[int, int]]:
    endpointer = import_module("pocketsphinx").Endpointer(window=0.5, sample_rate=RATE, frame_length=_FRAME / RATE)
    frame: int = endpointer.frame_bytes // 2
    stretches: list[tuple[int, int]] = []
    start: int | None = None
    for at in range(0, len(sound), frame):
        data = sound[at : at + frame].tobytes()
        if at + frame < len(sound):
            endpointer.process(data)
        else:
            endpointer.end_stream(data)
        if start is None and endpointer.in_speech:
            start = round(endpointer.speech_start * RATE)
        elif start is not None and not endpointer.in_speech:
            stretches.append((start, min(round(endpointer.speech_end * RATE), len(sound))))
            start = None
    if start is not None:
        stretches.append((start, len(sound)))
    return [(start, stop) for start, stop in stretches if stop > start]


def _cut(sound: Pcm, start: int, stop: int) -> list[tuple[int, int]]:
    stretches: list[tuple[int, int]] = []
    while stop - start > LONGEST:
        end = start + LONGEST
        frames = sound[end - _SEARCHED : end].astype(np.float32)
        loudness = np.square(frames[: len(frames) // _FRAME * _FRAME]).reshape(-1, _FRAME).mean(axis=1)
        middle = end - _SEARCHED + int(loudness.argmin()) * _FRAME + _FRAME // 2
        stretches.append((start, middle))
        start = middle
    stretches.append((start, stop))
    return stretches
