"""How many jobs of an organization were created, started and ended over time, in equal parts of minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.errors import Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.times import SECOND
from enginehouse.operations import bounds
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import rates as storage
from enginehouse.storage.jobs.rates import MINUTE, RatePart

KEPT_HOURS: Final = 48
MOST_PARTS: Final = 1_000
USUAL_SECONDS: Final = 3_600
_MICROS_KEPT: Final = KEPT_HOURS * 3_600 * SECOND


@dataclass(frozen=True, slots=True)
class RatePoint:
    """What jobs did in the part of the time that begins at `start` (µs UTC)."""

    start: int
    created: int
    started: int
    complete: int
    failed: int
    aborted: int

    @property
    def ended(self) -> int:
        return self.complete + self.failed + self.aborted


async def rates(house: House, principal: Principal, *, since: int | None = None, step: int = 60) -> Sequence[RatePoint]:
    """Returns a point for each `step` (seconds, whole minutes) from `since` (µs; by default an hour ago) to now.

    The last point is of a part that has not ended. Numbers are exact, and kept for two days. Raises InvalidInput.
    """
    require(principal, Role.READER)
    return await house.database.read(lambda tx: read(tx, principal.organization_id, since=since, step=step))


async def read(tx: Tx, organization_id: int, *, since: int | None = None, step: int = 60) -> Sequence[RatePoint]:
    """Returns the points of an organization, from this transaction. Raises InvalidInput."""
    now = await tx.read_clock()
    first = now - USUAL_SECONDS * SECOND if since is None else max(since, now - _MICROS_KEPT)
    minutes = step // 60
    problems = list[Problem]()
    if since is not None and since > now:
        problems.append(Problem("since", "a time that has passed."))
    if step % 60 or minutes < 1:
        text = f"whole minutes, as seconds: 60, 120, 300 …, got {step}."
        problems.append(Problem("step", text, str(step), "a multiple of 60"))
    elif not problems and (parts := (now - first) // (minutes * MINUTE)) > MOST_PARTS:
        shortest = -(-(now - first) // (MOST_PARTS * MINUTE)) * 60
        text = f"{shortest} or more for this time, at most {MOST_PARTS} points; got {step}, which is {parts}."
        problems.append(Problem("step", text, str(step), f"{shortest} or more"))
    bounds.refuse(problems)
    begin = first // (minutes * MINUTE) * minutes
    last = now // MINUTE
    found = await storage.of_organization(tx, organization_id, first=begin, last=last, step=minutes)
    by_part = {row.part: row for row in found}
    return [
        RatePoint((begin + part * minutes) * MINUTE, *by_part.get(part, RatePart(part, 0, 0, 0, 0, 0))[1:])
        for part in range((last - begin) // minutes + 1)
    ]


async def prune(house: House, *, now: int) -> bool:
    """Deletes an hour of numbers that are older than two days. Returns True if there may be more."""
    return await house.database.write(lambda tx: storage.prune(tx, before=now - _MICROS_KEPT))
