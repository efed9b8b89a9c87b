"""How many jobs, tasks and attempts an organization has: by status, engine, reason of a failure, and over time."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.domain.times import FIRST_MOMENT, SECOND
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import statistics, task_pages
from enginehouse.storage.jobs.statistics import JobTally, RunningAttempts
from enginehouse.storage.jobs.task_pages import TaskTally

MOST_MARKS: Final = 1000
_A_DAY: Final = 86_400 * SECOND
# The distances of the marks (seconds) among which a request without one gets the shortest with at most 120 marks.
_STEPS: Final = (60, 300, 900, 3_600, 21_600, 86_400, 604_800, 2_592_000)
_USUAL_MARKS: Final = 120


@dataclass(frozen=True, slots=True)
class Window:
    """The range of a statistic (µs, both inclusive) and the distance of its marks. The first mark is the start."""

    start: int
    end: int
    step: int

    @property
    def marks(self) -> tuple[int, ...]:
        """When each part of the range begins."""
        return tuple(range(self.start, self.end + 1, self.step))


async def window(house: House, start: int | None, end: int | None, interval: int | None = None) -> Window:
    """Returns the range: by default the 24 hours before its end, and the end is now. `interval` is in seconds.

    Raises InvalidInput for more than 1000 marks and for a start behind the end.
    """
    last = await house.database.read(lambda tx: tx.read_clock()) if end is None else end
    first = (max(last - _A_DAY, FIRST_MOMENT) if start is None else start) // SECOND * SECOND
    if first > last:
        raise InvalidInput([Problem("startTime", "must be before endTime.")])
    length = -(-(last - first + 1) // SECOND)
    shortest = -(-length // MOST_MARKS)
    if interval is None:
        interval = next((step for step in _STEPS if length <= step * _USUAL_MARKS), max(_STEPS[-1], shortest))
    if interval < shortest:
        text = f"{shortest} or more for this range, got {interval}."
        raise InvalidInput([Problem("interval", text, str(interval), f"{shortest} or more")])
    return Window(first, last, interval * SECOND)


async def jobs(
    house: House,
    principal: Principal,
    range_: Window,
    *,
    engine_ids: Sequence[str] | None = None,
    by_mark: bool = False,
) -> list[JobTally]:
    """Returns how many jobs of the organization, created in the range, have each status now, and each mark.

    `engine_ids`: only jobs with a task of one of these engines.
    """
    require(principal, Role.READER)
    step = range_.step if by_mark else None

    async def look(tx: Tx) -> list[JobTally]:
        return await statistics.jobs(
            tx,
            principal.organization_id,
            created_from=range_.start,
            created_to=range_.end,
            engine_ids=engine_ids,
            step=step,
        )

    return await house.database.read(look)


async def tasks(
    house: House,
    principal: Principal,
    range_: Window,
    filter_: TaskFilter | None = None,
    *,
    by_mark: bool = False,
) -> list[TaskTally]:
    """Returns how many tasks of these jobs have each status now, engine, reason of a failure, and mark."""
    require(principal, Role.READER)
    criteria = replace(filter_ or TaskFilter(), created_from=range_.start, created_to=range_.end)
    step = range_.step if by_mark else None
    return await house.database.read(lambda tx: task_pages.tally(tx, principal.organization_id, criteria, step=step))


async def backlog(house: House, principal: Principal, range_: Window) -> dict[tuple[str, int], list[int]]:
    """Returns how many tasks of each (engine, priority) had not started at each mark. Those without any are missing."""
    require(principal, Role.READER)
    marks = range_.marks
    rows = await house.database.read(
        lambda tx: statistics.backlog(
            tx, principal.organization_id, first=range_.start, last=range_.end, step=range_.step
        )
    )
    changes = defaultdict[tuple[str, int], list[int]](lambda: [0] * len(marks))
    for row in rows:
        if row.mark < len(marks):
            changes[row.engine_id, row.priority][row.mark] += int(row.change)
    waiting = {key: list(accumulate(changes[key])) for key in sorted(changes)}
    return {key: numbers for key, numbers in waiting.items() if any(numbers)}


async def running(house: House, principal: Principal, *, start: int, end: int) -> list[RunningAttempts]:
    """Returns how many attempts of each engine each worker runs now, of those that started in the range (µs)."""
    require(principal, Role.READER)
    return await house.database.read(
        lambda tx: statistics.running(tx, principal.organization_id, started_from=start, started_to=end)
    )


def total(series: Sequence[Sequence[int]], marks: int) -> list[int]:
    """Returns the sum of the series at each mark."""
    sums = Counter[int]()
    for numbers in series:
        sums.update(dict(enumerate(numbers)))
    return [sums[mark] for mark in range(marks)]
