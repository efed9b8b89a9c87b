"""How many jobs of an organization were created, started and ended in each minute. The change itself counts them."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from enginehouse.domain.status import JobStatus
from enginehouse.domain.times import SECOND
from enginehouse.domain.totals import JOBS_CREATED, JOBS_ENDED, JOBS_STARTED
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

MINUTE: Final = 60 * SECOND
_AT_ONCE: Final = 60  # minutes that one transaction deletes

CREATED: Final = "created"
STARTED: Final = "started"
MOVES: Final[Mapping[JobStatus, str]] = {
    JobStatus.RUNNING: STARTED,
    JobStatus.COMPLETE: "complete",
    JobStatus.FAILED: "failed",
    JobStatus.ABORTED: "aborted",
}
"""What a job does when it gets this status. One that waits again does nothing."""

Moves = Mapping[tuple[int, str], int]
"""How many jobs of an organization did this."""


class RatePart(NamedTuple):
    """What happened in one part of the time."""

    part: int
    created: int
    started: int
    complete: int
    failed: int
    aborted: int


_COLUMNS: Final = RatePart._fields[1:]
_OF_ORGANIZATION: Final = Select("rates.of_organization", RatePart)


async def add(tx: Tx, moves: Moves) -> None:
    """Counts what jobs did in the minute of this transaction. A transaction calls this once."""
    owners = sorted({organization_id for organization_id, _ in moves})
    minute = tx.now // MINUTE
    rows = [(owner, minute, tx.writer, *(moves.get((owner, column), 0) for column in _COLUMNS)) for owner in owners]
    await tx.many("rates.add", rows)
    totals = tx.facts.totals
    for (_, move), jobs in moves.items():
        match move:
            case "created":
                totals.add(JOBS_CREATED, by=jobs)
            case "started":
                totals.add(JOBS_STARTED, by=jobs)
            case _:
                totals.add(JOBS_ENDED, move, by=jobs)


def aborted(changes: Mapping[tuple[int, str], int]) -> Moves:
    """Returns the jobs that a cancel has aborted, from the changes of their counts."""
    return {key: jobs for key, jobs in changes.items() if key[1] == JobStatus.ABORTED and jobs > 0}


async def of_organization(tx: Tx, organization_id: int, *, first: int, last: int, step: int) -> list[RatePart]:
    """Returns the parts in which something happened, `step` minutes each, between two minutes since 1970."""
    return await _OF_ORGANIZATION.all(tx, organization_id=organization_id, first=first, last=last, step=step)


async def prune(tx: Tx, *, before: int) -> bool:
    """Deletes an hour of minutes that end before `before` (µs). Returns True if there may be more."""
    end = before // MINUTE
    found = await tx.one("rates.oldest", before=end)
    if found is None:
        return False
    oldest = int(found[0])
    await tx.run("rates.delete", until=min(end, oldest + _AT_ONCE) - 1)
    return oldest + _AT_ONCE < end
