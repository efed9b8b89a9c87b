"""What a person wants to see of one job at once: why it waits, its attempts, its outputs and its history."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from enginehouse.domain.artifact import Artifact
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import Job, Task
from enginehouse.domain.refs import Ref
from enginehouse.domain.wait_reasons.explanation import JobExplanation
from enginehouse.domain.work import Attempt, AttemptPage
from enginehouse.operations import events, why
from enginehouse.operations.events import EventWindow
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.why import WaitFacts
from enginehouse.storage import artifacts, attempts
from enginehouse.storage.database.database import Tx

_ATTEMPTS = 200  # of one task
_EVENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOverview:
    """A job with why it waits, the first attempts of some of its tasks by ordinal, and its first outputs.

    All of it is of the moment `now` (µs UTC). `history` is None if it was not wanted.
    """

    job: Job
    why: JobExplanation
    attempts: Mapping[int, Sequence[Attempt]]
    outputs: Sequence[Artifact]
    history: EventWindow | None
    now: int


@dataclass(frozen=True, slots=True)
class HistoryChoice:
    """The events after the event `after`, by default the last ones."""

    after: int | None = None
    limit: int = _EVENTS


async def of_job(
    house: House,
    principal: Principal,
    ref: Ref,
    drawn: Callable[[Job], Sequence[Task]],
    *,
    outputs: int,
    history: HistoryChoice | None = None,
) -> JobOverview:
    """Returns the job from one read, with the attempts of the tasks that `drawn` chooses. Raises NotFound."""
    require(principal, Role.READER)
    owner = principal.organization_id

    async def read(tx: Tx) -> tuple[WaitFacts, Mapping[int, Sequence[Attempt]], Sequence[Artifact], EventWindow | None]:
        facts = await why.read(tx, house, principal, [ref.number])
        if ref.number not in facts.jobs:
            return facts, {}, (), None
        pages = [
            AttemptPage(task.job_id, task.ordinal, 0, _ATTEMPTS)
            for task in drawn(facts.jobs[ref.number])
            if task.attempts
        ]
        tried = await attempts.attempts(tx, owner, pages) if pages else {}
        found = await artifacts.published(tx, owner, ref.number, outputs)
        window = None
        if history is not None:
            window = await events.read_window(tx, principal, ref, after=history.after, limit=history.limit)
        return facts, {page.ordinal: rows for page, rows in tried.items()}, found, window

    facts, tried, found, window = await house.database.read(read)
    job, explained = why.of_job(why.explained(facts), ref)
    return JobOverview(job=job, why=explained, attempts=tried, outputs=found, history=window, now=facts.around.now)
