"""Checks that the stored numbers of jobs and tasks are those of the rows that they count."""

from typing import Final, NamedTuple

from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class WrongStatusCount(NamedTuple):
    """How many jobs of a status an organization has: as `stored`, and as `counted` from the rows."""

    organization_id: int
    status: str
    stored: int
    counted: int

    def text(self) -> str:
        return f"{self.stored} jobs that are {self.status}, but has {self.counted}"


class WrongFailureCount(NamedTuple):
    """The same for the jobs of which a task has failed for a reason."""

    organization_id: int
    reason: str
    stored: int
    counted: int

    def text(self) -> str:
        return f"{self.stored} jobs with a task that failed for {self.reason}, but has {self.counted}"


class WrongEngineCount(NamedTuple):
    """The same for the jobs that name an engine."""

    organization_id: int
    engine_id: str
    stored: int
    counted: int

    def text(self) -> str:
        return f"{self.stored} jobs of engine {self.engine_id}, but has {self.counted}"


class WrongScheduleCount(NamedTuple):
    """The same for the jobs of a schedule."""

    organization_id: int
    schedule_id: int
    stored: int
    counted: int

    def text(self) -> str:
        return f"{self.stored} jobs of schedule {self.schedule_id}, but has {self.counted}"


class WrongTaskCount(NamedTuple):
    """The same for tasks. Without an engine: those that are shown as aborted, because their job was cancelled."""

    organization_id: int
    engine_id: str
    status: str
    reason: str
    backlog: int
    stored: int
    counted: int

    def text(self) -> str:
        what = f"of engine {self.engine_id}" if self.engine_id else "of cancelled jobs"
        why = f" for {self.reason}" if self.reason else ""
        waits = " and may run" if self.backlog else ""
        return f"{self.stored} tasks {what} that are {self.status}{why}{waits}, but has {self.counted}"


_CHECKS: Final = (
    Select("count_consistency.jobs", WrongStatusCount),
    Select("count_consistency.failures", WrongFailureCount),
    Select("count_consistency.engines", WrongEngineCount),
    Select("count_consistency.schedules", WrongScheduleCount),
    Select("count_consistency.tasks", WrongTaskCount),
)


async def check_counts(tx: Tx, *, limit: int = 20) -> list[str]:
    """Returns the first `limit` numbers that are wrong, as sentences."""
    wrong = list[str]()
    for check in _CHECKS:
        for row in await check.all(tx, limit=limit - len(wrong)):
            wrong.append(f"organization {row.organization_id} counts {row.text()}")
    return wrong
