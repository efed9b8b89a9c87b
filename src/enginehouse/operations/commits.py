"""What this process learns from each of its commits: it counts, tells followers, and writes the lines of ordinary life.

A line has ids, names and numbers. What an engine has said of a failure is in the database, and not in the log: it may
quote what the engine worked on.
"""

import logging
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Final

import structlog

from enginehouse.domain.ids import job_graphql, task_graphql
from enginehouse.domain.status import JobStatus
from enginehouse.domain.totals import BATCH_SIZE, BATCH_TIME, Totals
from enginehouse.operations.organization_feeds import OrganizationFeeds
from enginehouse.operations.traces import JobTraces
from enginehouse.storage.database.facts import AttemptEnd, Facts, JobEnd

LINES_A_SECOND: Final = 20
_log: Final = structlog.get_logger(__name__)
_writes: Final = logging.getLogger(__name__).isEnabledFor


class Commits:
    """The listener of the database of a house. `totals` is what this process has counted since it started.

    `totals_elsewhere`: what the other processes at the same address have counted.
    """

    def __init__(self, feeds: OrganizationFeeds) -> None:
        self.totals = Totals()
        self.totals_elsewhere: Totals | None = None
        self.traces: JobTraces | None = None  # if spans are recorded
        self._feeds = feeds
        self._since = float("-inf")
        self._written = 0
        self._left_out = Counter[str]()

    def __call__(self, facts: Facts) -> None:
        """One more transaction is committed."""
        self.totals.merge(facts.totals)
        if facts.organizations:
            self._feeds.changed(facts.organizations)
        if facts.ends:
            self._note_ends(facts.ends)
        if failures := [attempt for attempt in facts.attempts if attempt.has_failed]:
            self._note_failures(failures)
        if self.traces is not None and (facts.ends or facts.attempts):
            self.traces.note(facts)

    def all_totals(self) -> Totals:
        """Returns what was counted at this address. Nobody counts on in it."""
        if self.totals_elsewhere is None:
            return self.totals
        found = Totals()
        found.merge(self.totals)
        found.merge(self.totals_elsewhere)
        return found

    def of_batches(self, verb: str) -> Callable[[int, float], None]:
        """Returns what counts the batches of a verb: their requests and seconds."""

        def observe(requests: int, seconds: float) -> None:
            self.totals.observe(BATCH_SIZE, requests, verb)
            self.totals.observe(BATCH_TIME, seconds, verb)

        return observe

    def _note_ends(self, ends: list[JobEnd]) -> None:
        for end in ends:
            level = logging.INFO if end.status == JobStatus.FAILED else logging.DEBUG
            if _writes(level) and (level == logging.DEBUG or self._may_write("jobs")):
                _log.log(
                    level,
                    "a job has ended",
                    job=job_graphql(end.job_id),
                    outcome=end.status,
                    organization=end.organization_id,
                    tasks=end.tasks,
                    seconds=round(end.seconds, 3),
                )

    def _note_failures(self, failures: list[AttemptEnd]) -> None:
        for failure in failures:
            if _writes(logging.INFO) and self._may_write("attempts"):
                _log.info(
                    "an attempt has failed",
                    task=task_graphql(failure.job_id, failure.ordinal),
                    item=failure.item,
                    attempt=failure.number,
                    engine=failure.engine_id,
                    reason=failure.reason,
                    tried_again=failure.is_tried_again,
                )

    def _may_write(self, what: str) -> bool:
        """True for a few lines in each second. A storm of failures must not fill the disk, or slow the server."""
        now = monotonic()
        if now - self._since >= 1:
            left_out, self._left_out = self._left_out, Counter()
            self._since, self._written = now, 0
            if left_out:
                _log.info("more has failed", jobs=left_out["jobs"], attempts=left_out["attempts"])
        self._written += 1
        if self._written <= LINES_A_SECOND:
            return True
        self._left_out[what] += 1
        return False
