"""The timeline of a job: one row for each task, with what it waited and each of its attempts. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.job import Job, Task
from enginehouse.domain.work import Attempt

WIDTH: Final = 720
ROW: Final = 22
Make = Callable[[int, int, str, str], "Bar"]
_SMALLEST: Final = 3  # so that a short attempt can be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a row: from `x`, `width` long. `kind` is `waited` or the outcome of an attempt."""

    x: int
    width: int
    kind: str
    label: str
    micros: int


@dataclass(frozen=True, slots=True)
class Row:
    """A task with its bars."""

    ordinal: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rows, and the whole time that the width stands for (µs)."""

    rows: tuple[Row, ...]
    micros: int


def timeline(job: Job, attempts: Mapping[int, Sequence[Attempt]], now: int) -> Timeline | None:
    """Returns the timeline up to the last end, or up to now if something still runs. None if nothing has started."""
    every = [attempt for found in attempts.values() for attempt in found]
    if not every:
        return None
    start = job.created_at
    end = max(now if attempt.ended_at is None else attempt.ended_at for attempt in every)
    whole = max(1, end - start)

    def bar(first: int, last: int, kind: str, label: str) -> Bar:
        x = (first - start) * WIDTH // whole
        return Bar(x, max(_SMALLEST, (last - start) * WIDTH // whole - x), kind, label, last - first)

    rows = tuple(Row(task.ordinal, tuple(_bars(task, attempts.get(task.ordinal, ()), now, bar))) for task in job.shown)
    return Timeline(rows, whole)


def _bars(task: Task, attempts: Sequence[Attempt], now: int, bar: Make) -> list[Bar]:
    ordered = sorted(attempts, key=lambda attempt: attempt.started_at)
    bars = []
    if ordered and task.queued_at is not None and ordered[0].started_at > task.queued_at:
        bars.append(bar(task.queued_at, ordered[0].started_at, "waited", "waited for a worker slot"))
    for attempt in ordered:
        ended = now if attempt.ended_at is None else attempt.ended_at
        item = f"item {attempt.item + 1}, " if task.items > 1 else ""
        label = f"{item}attempt {attempt.number}: {attempt.failure_reason or attempt.outcome}"
        bars.append(bar(attempt.started_at, max(ended, attempt.started_at), attempt.outcome, label))
    return bars
