"""Fires due schedules, and sleeps until the next one is due, but only as long as changes of other servers may wait."""

from enginehouse.operations.house import House
from enginehouse.operations.schedules import firing
from enginehouse.runtime.loop import Loop

LONGEST_SLEEP = 0.5  # seconds; within this time it sees a schedule that another server has created or changed


class Scheduler:
    """One scheduler. Any number may share a storage: a slot fires once, by the scheduler that comes first."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._made = firing.JobCache()
        self.loop = Loop("scheduler", self.tick)

    async def tick(self) -> float:
        """Due slots have fired. Returns the seconds until the next one is due."""
        _, delay = await firing.fire_due(self._house, self._made)
        return min(delay, LONGEST_SLEEP)
