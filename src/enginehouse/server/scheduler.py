"""Schedules fire: look at what is due, sleep until the next, and never longer than another server's change may wait."""

from enginehouse.operations.house import House
from enginehouse.operations.schedules import firing
from enginehouse.runtime.loop import Loop

LONGEST_SLEEP = 0.5  # seconds; a schedule created or changed on another server is seen by then


class Scheduler:
    """One of any number of schedulers on a storage: a slot fires once, whoever comes first."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._made = firing.JobCache()
        self.loop = Loop("scheduler", self.tick)

    async def tick(self) -> float:
        """What was due has been fired; returns how long until something is again."""
        _, delay = await firing.fire_due(self._house, self._made)
        return min(delay, LONGEST_SLEEP)
