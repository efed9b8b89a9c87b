"""Converts sound to another rate, block by block."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_ZERO_CROSSINGS = 16  # of the low-pass on each side
_PASSED = 0.95  # of the narrower band


def resample(blocks: Iterable[Samples], rate: int, target_rate: int) -> Iterator[Samples]:
    """Yields the sound of `blocks` at `target_rate` samples per second. The borders of blocks do not affect it.

    It is one windowed sinc for each phase of the ratio between the rates.
    """
    if rate == target_rate:
        yield from blocks
        return
    ratio = Fraction(target_rate, rate)
    up, down = ratio.numerator, ratio.denominator
    cutoff = _PASSED * min(1.0, up / down)
    reach = int(np.ceil(_ZERO_CROSSINGS / cutoff))
    # Invariant: the next output sample is `phase / up` of a sample after held[reach].
    held = np.zeros(reach, np.float32)
    phase = 0
    for block in _with_silence(blocks, reach):
        held = np.concatenate((held, block))
        centres = len(held) - 2 * reach
        if centres <= 0:
            continue
        count = (centres * up - phase + down - 1) // down
        samples = np.empty(count, np.float32)
        windows = sliding_window_view(held, 2 * reach + 1)
        for first in range(min(up, count)):
            row, offset = divmod(phase + first * down, up)
            samples[first::up] = windows[row::down] @ _low_pass(offset / up, cutoff, reach)
        yield samples
        consumed, phase = divmod(phase + count * down, up)
        held = held[consumed:]


def _with_silence(blocks: Iterable[Samples], length: int) -> Iterator[Samples]:
    yield from blocks
    yield np.zeros(length, np.float32)


def _low_pass(offset: float, cutoff: float, reach: int) -> Samples:
    """Returns the filter for a point that is `offset` of a sample after the window's middle."""
    distance = np.arange(-reach, reach + 1) - offset
    taper = 0.5 + 0.5 * np.cos(np.pi * distance / (reach + 1))
    taps = np.sinc(cutoff * distance) * taper
    return np.asarray(taps / taps.sum(), np.float32)
