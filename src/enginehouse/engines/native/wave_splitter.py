"""Cuts the speech in a WAV file in its pauses.

It measures the loudness of every 10 ms. A stretch that is much quieter than the recording's speech, for long enough, is
a pause. Each piece has a longest length. A piece ends in the middle of the longest pause in the later half of that
length. If there is none, it ends in the last pause of the earlier half. If that has none either, it ends where the
later half is quietest.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import mul
from typing import Final

from enginehouse.engines.native.pcm import Sound

_STEPS_A_SECOND: Final = 100
_SHORTEST_PAUSE: Final = 15  # steps
_READ_STEPS: Final = 500
_BLUR: Final = 5  # steps on each side, when speech without a pause must be cut


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of a WAV file, from `start` up to `stop`."""

    start: int
    stop: int


def split(source: Sound, max_seconds: float) -> list[Stretch]:
    """Returns the whole file as stretches without gaps, each at most `max_seconds` long. An empty file has none."""
    if source.frames == 0:
        return []
    step = max(1, round(source.rate / _STEPS_A_SECOND))
    longest = max(1, int(max_seconds * source.rate) // step)
    if source.frames <= longest * step:
        return [Stretch(0, source.frames)]
    levels = _levels(source, step)
    pauses = _pauses(levels)
    edges = [0]
    # The last step may be shorter, so the remainder is compared in frames.
    while source.frames - edges[-1] * step > longest * step:
        edges.append(_edge(levels, pauses, edges[-1], edges[-1] + longest))
    frames = [edge * step for edge in edges] + [source.frames]
    return [Stretch(start, stop) for start, stop in pairwise(frames)]


def _levels(source: Sound, step: int) -> "array[float]":
    """Returns the mean square of each step, over all channels, in units of 16-bit samples."""
    levels = array("d")
    samples_a_step = step * source.channels
    for block in source.blocks(0, source.frames, step * _READ_STEPS):
        samples = _as_16_bit(block, source.width)
        for first in range(0, len(samples), samples_a_step):
            some = samples[first : first + samples_a_step]
            levels.append(sum(map(mul, some, some)) / len(some))
    return levels


def _as_16_bit(block: bytes, width: int) -> "array[int]":
    """Returns the upper 16 bits of every sample, which is enough for loudness."""
    if width == 1:
        return array("h", [(sample - 128) << 8 for sample in block])
    whole = len(block) - len(block) % width
    upper = bytearray(whole // width * 2)
    upper[0::2] = block[width - 2 : whole : width]
    upper[1::2] = block[width - 1 : whole : width]
    samples = array("h", bytes(upper))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _pauses(levels: "array[float]") -> list[Stretch]:
    """Returns every run of quiet steps that is long enough to be a pause."""
    threshold = _threshold(levels)
    pauses: list[Stretch] = []
    start: int | None = None
    for position, level in enumerate(levels):
        if level <= threshold:
            start = position if start is None else start
        elif start is not None:
            pauses.append(Stretch(start, position))
            start = None
    if start is not None:
        pauses.append(Stretch(start, len(levels)))
    return [pause for pause in pauses if pause.stop - pause.start >= _SHORTEST_PAUSE]


def _threshold(levels: "array[float]") -> float:
    """Returns a level a third of the way from the noise floor to speech in decibels, at most 30 dB below speech."""
    ordered = sorted(levels)
    floor = max(ordered[len(ordered) // 100], 1.0)
    speech = max(ordered[len(ordered) * 9 // 10], floor)
    return float(max(floor * (speech / floor) ** (1 / 3), speech / 1000))


def _edge(levels: "array[float]", pauses: list[Stretch], start: int, bound: int) -> int:
    """Returns the step at which the piece from `start` ends: after `start`, and not after `bound`."""
    half = start + (bound - start) // 2
    later = list(_within(pauses, half, bound))
    if later:
        return max(later)[1]
    earlier = list(_within(pauses, start + 1, half))
    if earlier:
        return max(earlier, key=lambda pause: pause[1])[1]
    return min(range(half + 1, bound + 1), key=lambda at: sum(levels[max(0, at - _BLUR) : at + _BLUR]))


def _within(pauses: list[Stretch], first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yields the length and the middle of each pause between `first` and `last`."""
    nearest = bisect_left(pauses, first, key=lambda pause: pause.stop)
    for place in range(nearest, len(pauses)):
        pause = pauses[place]
        if pause.start >= last:
            return
        begin, end = max(pause.start, first), min(pause.stop, last)
        if end - begin >= _SHORTEST_PAUSE:
            yield end - begin, (begin + end) // 2
