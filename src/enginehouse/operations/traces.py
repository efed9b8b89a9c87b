"""The spans of jobs and attempts: each is told when it has ended, by the server that has committed its end.

Its parent is the span of the request that created the job. A job that a schedule has created begins a trace of its own.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import structlog

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.ids import job_graphql, micros_of, task_graphql
from enginehouse.domain.status import JobStatus
from enginehouse.domain.traces import Span, TraceParent, number_of
from enginehouse.domain.work import Lease
from enginehouse.storage.database.database import Database
from enginehouse.storage.database.facts import AttemptEnd, Facts, JobEnd
from enginehouse.storage.jobs import traces

_MOST: Final = 10_000  # ends that wait to be told; more are left out
_AT_ONCE: Final = 500
_PAUSE: Final = 0.2  # seconds
_log: Final = structlog.get_logger(__name__)


class JobTraces:
    """Tells of ended jobs and attempts. `send` gets their spans; `root` decides about a trace that begins here."""

    def __init__(
        self, database: Database, *, send: Callable[[Span], None], root: Callable[[int, str], TraceParent]
    ) -> None:
        self._database = database
        self._send = send
        self._root = root
        self._waiting: deque[JobEnd | AttemptEnd] = deque()
        self._left_out = 0
        self._telling: asyncio.Task[None] | None = None

    def note(self, facts: Facts) -> None:
        """A transaction is committed. Its ends are told soon."""
        ends: list[JobEnd | AttemptEnd] = [*facts.attempts, *facts.ends]
        room = _MOST - len(self._waiting)
        self._waiting.extend(ends[:room])
        self._left_out += max(0, len(ends) - room)
        if self._waiting and self._telling is None:
            self._telling = asyncio.create_task(self._tell_all(), name="traces")

    async def of_attempt(self, lease: Lease) -> str:
        """Returns the `traceparent` of an attempt, for whoever works on it."""
        job_id, ordinal, item = lease.key
        trace = (await self._traces([job_id]))[job_id]
        return trace.below("attempt", job_id, ordinal, item, lease.attempt).text

    async def close(self) -> None:
        """Everything that waits is told."""
        while self._telling is not None:
            await asyncio.wait([self._telling])

    async def _tell_all(self) -> None:
        try:
            while self._waiting:
                ends = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
                # Without the storage nobody knows the parents of these.
                with suppress(Unavailable):
                    await self._tell(ends)
                if self._left_out:
                    _log.warning("too many jobs and attempts ended at once: some have no span", lines=self._left_out)
                    self._left_out = 0
                await asyncio.sleep(_PAUSE if len(self._waiting) < _AT_ONCE else 0)
        except Exception:
            _log.exception("spans could not be told")
        finally:
            self._telling = None

    async def _tell(self, ends: list[JobEnd | AttemptEnd]) -> None:
        found = await self._traces({end.job_id for end in ends})
        for end in ends:
            if not (trace := found[end.job_id]).is_sampled:
                continue
            match end:
                case JobEnd():
                    self._send(_of_job(end, trace))
                case AttemptEnd():
                    self._send(_of_attempt(end, trace))

    async def _traces(self, job_ids: set[int] | list[int]) -> Mapping[int, TraceParent]:
        stored = await self._database.glance(lambda tx: traces.of_jobs(tx, job_ids))
        return {job_id: stored.get(job_id) or self._root(number_of(16, "job", job_id), "job") for job_id in job_ids}


def _of_job(end: JobEnd, trace: TraceParent) -> Span:
    return Span(
        "job",
        trace.below("job", end.job_id),
        trace.span_id,
        micros_of(end.job_id),
        end.at,
        {
            "enginehouse.job": job_graphql(end.job_id),
            "enginehouse.organization": end.organization_id,
            "enginehouse.tasks": end.tasks,
            "enginehouse.outcome": end.status,
        },
        has_failed=end.status == JobStatus.FAILED,
    )


def _of_attempt(end: AttemptEnd, trace: TraceParent) -> Span:
    attributes: dict[str, str | int] = {
        "enginehouse.task": task_graphql(end.job_id, end.ordinal),
        "enginehouse.item": end.item,
        "enginehouse.attempt": end.number,
        "enginehouse.engine": end.engine_id,
        "enginehouse.worker": end.worker,
        "enginehouse.outcome": end.outcome,
    }
    return Span(
        "attempt",
        trace.below("attempt", end.job_id, end.ordinal, end.item, end.number),
        trace.below("job", end.job_id).span_id,
        end.started_at,
        end.ended_at,
        attributes if end.reason is None else attributes | {"enginehouse.reason": end.reason},
        has_failed=end.has_failed,
    )
