"""The timeline of a job: one row for each task, with what it waited and each of its attempts. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.job import Job, Task
from enginehouse.domain.status import TASK_ENDED
from enginehouse.domain.work import Attempt

WIDTH: Final = 720
ROW: Final = 22  # the height of a row with one lane
_LANE: Final = 14
_TOP: Final = 4
_LANES: Final = 6  # attempts of one task that are side by side in its row
ITEMS: Final = 100  # of a task with more, one bar stands for all
_SMALLEST: Final = 3  # so that a short attempt can be seen
Make = Callable[[int, int, int, str, str, str], "Bar"]


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a row: from `x`, `width` long. `kind` is `waited`, the outcome of an attempt or the status of a task.

    `attempt` is the attempt that it stands for, as ITEM.NUMBER, "" if it stands for none.
    """

    x: int
    y: int
    width: int
    kind: str
    label: str
    attempt: str
    micros: int


@dataclass(frozen=True, slots=True)
class Row:
    """A task with its bars."""

    ordinal: int
    bars: tuple[Bar, ...]

    @property
    def height(self) -> int:
        """The height of the row, in which all lanes have room."""
        return ROW + max((bar.y - _TOP for bar in self.bars), default=0)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rows, and the whole time that the width stands for (µs)."""

    rows: tuple[Row, ...]
    micros: int


def timeline(job: Job, tasks: Sequence[Task], attempts: Mapping[int, Sequence[Attempt]], now: int) -> Timeline | None:
    """Returns the timeline of these tasks of the job. None if nothing has started.

    It goes up to the last end, or up to now if something still runs or waits to be tried again.
    """
    begun = [task for task in tasks if task.started_at is not None or attempts.get(task.ordinal)]
    if not begun:
        return None
    start, ready = job.created_at, _ready(job)
    end = max(_end(task, attempts.get(task.ordinal, ()), now) for task in begun)
    end = max(end, job.completed_at or job.aborted_at or end)
    whole = max(1, end - start)

    def bar(first: int, last: int, lane: int, kind: str, label: str, attempt: str) -> Bar:
        x = min(max(0, first - start) * WIDTH // whole, WIDTH - _SMALLEST)
        width = min(max(_SMALLEST, (last - start) * WIDTH // whole - x), WIDTH - x)
        return Bar(x, _TOP + lane * (_LANE + 2), width, kind, label, attempt, max(0, last - first))

    rows = [
        Row(
            task.ordinal,
            tuple(_bars(task, attempts.get(task.ordinal, ()), ready.get(task.ordinal), min(now, end), bar)),
        )
        for task in tasks
    ]
    return Timeline(tuple(rows), whole)


def _ready(job: Job) -> dict[int, int]:
    """Returns since when each task could start: since its job was created, or its last parent was complete.

    A task that waits for a parent, or that began with a part of its parent's output, is missing.
    """
    parents: dict[int, list[int | None]] = {task.ordinal: [] for task in job.shown}
    for route in job.shown_routes:
        if route.parent >= 0:
            parents[route.child].append(job.tasks[route.parent].completed_at)
        elif route.endpoint:
            parents[route.child].append(None)
    known = {ordinal: [at for at in ends if at is not None] for ordinal, ends in parents.items()}
    return {n: max(known[n], default=job.created_at) for n, ends in parents.items() if len(known[n]) == len(ends)}


def _end(task: Task, attempts: Sequence[Attempt], now: int) -> int:
    if task.status not in TASK_ENDED:
        return now
    ends = [now if attempt.ended_at is None else attempt.ended_at for attempt in attempts]
    return max([task.completed_at or task.aborted_at or task.modified_at, *ends])


def _bars(task: Task, attempts: Sequence[Attempt], ready: int | None, now: int, bar: Make) -> Iterator[Bar]:
    if task.items > ITEMS:
        yield from _summary(task, now, bar)
        return
    ordered = sorted(attempts, key=lambda attempt: attempt.started_at)
    first = ordered[0].started_at if ordered else now
    since = ready if task.queued_at is None else task.queued_at
    if since is not None and first > since and (ordered or task.status not in TASK_ENDED):
        yield bar(since, first, 0, "waited", "waited for a worker slot", "")
    if task.items > 1:
        yield from _side_by_side(ordered, now, bar)
    else:
        yield from _one_after_the_other(task, ordered, now, bar)


def _summary(task: Task, now: int, bar: Make) -> Iterator[Bar]:
    if task.started_at is not None:
        last = task.completed_at or task.aborted_at or (task.modified_at if task.status in TASK_ENDED else now)
        label = f"{task.items} items, {task.attempts} attempts"
        yield bar(task.started_at, max(last, task.started_at), 0, task.status.value, label, "")


def _one_after_the_other(task: Task, ordered: Sequence[Attempt], now: int, bar: Make) -> Iterator[Bar]:
    last: int | None = None
    for attempt in ordered:
        if last is not None and attempt.started_at > last:
            yield bar(last, attempt.started_at, 0, "waited", "waited to be tried again", "")
        last = now if attempt.ended_at is None else attempt.ended_at
        yield _bar(attempt, last, 0, "", bar)
    if last is not None and task.status not in TASK_ENDED and now > last:
        yield bar(last, now, 0, "waited", "waits to be tried again", "")


def _side_by_side(ordered: Sequence[Attempt], now: int, bar: Make) -> Iterator[Bar]:
    """Yields the attempts, each in the first lane that is free. With too many at once some overlap."""
    free = [0] * _LANES
    for attempt in ordered:
        lane = next((n for n, until in enumerate(free) if until <= attempt.started_at), free.index(min(free)))
        last = now if attempt.ended_at is None else attempt.ended_at
        free[lane] = max(last, attempt.started_at)
        yield _bar(attempt, last, lane, f"item {attempt.item}, ", bar)


def _bar(attempt: Attempt, last: int, lane: int, item: str, bar: Make) -> Bar:
    label = f"{item}attempt {attempt.number}: {attempt.failure_reason or attempt.outcome}"
    place = f"{attempt.item}.{attempt.number}"
    return bar(attempt.started_at, max(last, attempt.started_at), lane, attempt.outcome, label, place)
