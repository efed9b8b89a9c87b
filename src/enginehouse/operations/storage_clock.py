"""Compares the storage clock with this machine's clock, says what to do, and resets a clock that was ahead."""

from dataclasses import dataclass
from typing import Final

from enginehouse.domain.errors import NotAllowed
from enginehouse.operations.audit import trail
from enginehouse.operations.permission import OWNER_OF_FILES
from enginehouse.storage import clock_reset
from enginehouse.storage.audit import entries
from enginehouse.storage.clock_reset import Reset
from enginehouse.storage.database.clock import wall_clock
from enginehouse.storage.database.database import Database, Tx

TOLERANCE: Final = 60_000_000  # µs
_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"))  # the seconds of each
_EMBEDDED: Final = "enginehouse clock reset --data FOLDER"
_POSTGRES: Final = "enginehouse clock reset --database URL"


@dataclass(frozen=True, slots=True)
class ClockState:
    """By how many µs the storage clock is ahead of this machine's, and the stored times of the storage clock.

    On SQLite the storage clock never goes back, so stored times are not ahead of it.
    """

    embedded: bool
    clock_ahead: int
    times_ahead: int

    @property
    def advice(self) -> str | None:
        """What is wrong and what to do, in a few sentences; None if nothing is."""
        clock, times = _duration(self.clock_ahead), _duration(self.times_ahead)
        if self.embedded and self.clock_ahead > TOLERANCE:
            return (
                f"The storage clock is {clock} ahead of this machine's clock and never goes back. Until then retries "
                "and schedules wait, and leases do not expire. If this machine's clock is right, stop the server and "
                f"run `{_EMBEDDED}`. If it is wrong, set it."
            )
        if self.clock_ahead > TOLERANCE:
            return (
                f"PostgreSQL's clock is {clock} ahead of this machine's clock. Set the clock that is wrong. If that "
                f"was PostgreSQL's, run `{_POSTGRES}` afterwards."
            )
        if self.times_ahead > TOLERANCE:
            return (
                f"PostgreSQL's clock was ahead: stored times are up to {times} in the future. Until then some retries "
                f"and schedules wait, and some leases do not expire. Run `{_POSTGRES}`. Servers can keep running."
            )
        return None


async def inspect(database: Database) -> ClockState:
    """Returns how the clocks and the stored times stand."""

    async def look(tx: Tx) -> ClockState:
        machine, storage = wall_clock(), await tx.read_clock()
        return ClockState(tx.dialect == "sqlite", max(0, storage - machine), await clock_reset.ahead(tx, storage))

    return await database.read(look)


def _duration(micros: int) -> str:
    """Returns the duration in the largest unit that it fills."""
    seconds = micros // 1_000_000
    size, unit = next((each for each in _UNITS if seconds >= each[0]), (1, "second"))
    number = seconds // size
    return f"{number} {unit}{'' if number == 1 else 's'}"


async def reset(database: Database) -> Reset:
    """No stored time that decides what happens next is in the future. Raises NotAllowed while a bulk cancel is open."""
    entry = trail.entry(OWNER_OF_FILES, "resetClock", object_type="Storage")

    async def change(tx: Tx) -> Reset:
        await tx.read_clock()
        if await clock_reset.stops_new_jobs(tx):
            raise NotAllowed(
                "A bulk cancel from the wrong time is still being applied, and would stop new jobs. Let a server run "
                "until it is done, then reset the clock."
            )
        done = await clock_reset.reset(tx)
        await entries.record(tx, [entry])
        return done

    return await database.write_work(change)
