"""Rows of the table of growth: what each thing costs at each size, and how many times as much at the largest."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MOST: Final = 1.5
REFUSED: Final = float("inf")  # the wait for what a server cannot answer in time
# What a list may take at the largest size, whatever it takes at the others (ms): its first page, and the thousandth,
# which lies behind 10 000 entries of an index, or of several.
SLOW: Final = 100.0
DEEP_SLOW: Final = 300.0
FAR: Final = "page 1000"  # the end of such a title
# Of a wait below this (ms) the clock, the loop and the connection are a large part.
_FLOOR: Final = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """The values of one thing, one for each size; None where the page has fewer rows than at the largest size.

    `most`: what it may be at the largest size, whatever it is at the others.
    """

    title: str
    unit: str
    values: tuple[float | None, ...]
    most: float | None = None

    @property
    def ratio(self) -> float | None:
        """The largest size beside the smallest that is comparable. None if there is no other size, or no answer."""
        known = [value for value in self.values if value is not None]
        if len(known) < 2 or known[-1] == REFUSED:
            return None
        return known[-1] / known[0]

    @property
    def grows(self) -> bool:
        """True if the largest size costs more than it may."""
        ratio = self.ratio
        if self.values[-1] == REFUSED:
            return True
        return ratio is not None and ratio > MOST and (self.values[-1] or 0) > _FLOOR

    @property
    def is_slow(self) -> bool:
        """True if it is more than it may be at the largest size, so that it shows even if nothing is comparable."""
        last = self.values[-1]
        return self.most is not None and last is not None and last > self.most


def of_waits(waits: Sequence[Mapping[str, Sequence[float]]], rows: Sequence[Mapping[str, int]]) -> list[Row]:
    """Returns a row for each thing, in the order of the largest size. The tenth percentile stands for its waits.

    Other programs on the machine disturb the shortest waits least.
    """
    found = []
    for title in waits[-1]:
        unit = "MB" if title.startswith("memory") else "ms"
        values = []
        for known, returned in zip(waits, rows, strict=True):
            alike = known[title] == [REFUSED] or returned.get(title) == rows[-1].get(title)
            values.append(quick(known[title]) if alike else None)
        # Of a page that no database has, only the refusal of the place was timed.
        if rows[-1].get(title) == 0 and title.endswith(FAR):
            values = [None] * len(values)
        most = None if title not in rows[-1] else DEEP_SLOW if title.endswith(FAR) else SLOW
        found.append(Row(title, unit, tuple(values), most))
    return found


def quick(waits: Sequence[float]) -> float:
    """Returns the tenth percentile, of a few waits the shortest."""
    return statistics.quantiles(waits, n=10)[0] if len(waits) >= 20 else min(waits)
