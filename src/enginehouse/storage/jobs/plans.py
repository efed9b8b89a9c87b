"""Plans in memory. A plan is decoded once and kept until the job ends, or until something is added to it.

The job's row says which revision of its plan holds: 0 for the plan as created, later a random number. So a plan that
another server has extended, or that was never committed, is not taken for the current one.
"""

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

import msgspec

from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges, edges_of, engine_set
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs.new_jobs import NewJob

_decode = msgspec.json.Decoder(Plan).decode
encode = msgspec.json.Encoder().encode

_REVISIONS = 62  # bits
_PLAN_BYTES = 1_000  # of a plan of one short task, with its edges
_BYTES_PER_TASK = 300
_BYTES_PER_CHARACTER = 6  # of its document, when it is decoded


@dataclass(slots=True)
class Plans:
    """The plans of unfinished jobs, up to about `max_bytes`. Storage has all plans, so any may be missing here.

    Safe for use from several threads: on SQLite the writer thread loads plans while the event loop forgets others.
    """

    max_bytes: int = 48 * 1024 * 1024
    _kept: OrderedDict[int, tuple[Plan, Edges, int, int]] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def job_ids(self) -> set[int]:
        """The jobs whose plans are in memory."""
        return set(self._kept)

    @property
    def size(self) -> int:
        """About how many bytes the plans take."""
        return self._bytes

    def keep_new(self, created: Iterable[tuple[int, NewJob]]) -> None:
        """Keeps the plans of new jobs while there is room. Older jobs run first, so they are not dropped for them."""
        with self._lock:
            for job_id, job in created:
                if job_id in self._kept:  # it has the id of a job that was never committed
                    self._drop(job_id)
                size = _size(job.plan, job.document)
                if self._bytes + size <= self.max_bytes:
                    self._kept[job_id] = (job.plan, job.edges, size, 0)
                    self._bytes += size

    def forget(self, job_id: int) -> None:
        """Drops the plan of a job that has ended or is deleted."""
        with self._lock:
            self._drop(job_id)

    def has_sync(self, job_id: int) -> bool:
        """True if clients may wait for results of pushes to the job. False if its plan is not in memory."""
        kept = self._kept.get(job_id)
        return kept is not None and kept[1].has_sync

    async def load(self, tx: Tx, revisions: Mapping[int, int]) -> dict[int, tuple[Plan, Edges]]:
        """Returns the plans of these jobs, which have these revisions; a job without a document is missing."""
        with self._lock:
            plans = {
                job_id: self._kept[job_id][:2]
                for job_id, revision in revisions.items()
                if job_id in self._kept and self._kept[job_id][3] == revision
            }
        if len(plans) < len(revisions):
            for job_id, document in await tx.all("jobs.documents", ids=list(revisions.keys() - plans.keys())):
                plan = decode(document)
                plans[job_id] = (plan, edges_of(plan))
                self._keep(job_id, *plans[job_id], document, revisions[job_id])
        return plans

    def _keep(self, job_id: int, plan: Plan, edges: Edges, document: str, revision: int) -> None:
        size = _size(plan, document)
        with self._lock:
            self._drop(job_id)
            self._kept[job_id] = (plan, edges, size, revision)
            self._bytes += size
            while self._bytes > self.max_bytes and len(self._kept) > 1:
                self._drop(next(iter(self._kept)))

    def _drop(self, job_id: int) -> None:
        if (kept := self._kept.pop(job_id, None)) is not None:
            self._bytes -= kept[2]


async def replace(tx: Tx, plans: Sequence[tuple[int, Plan, int]]) -> None:
    """Each job, which is locked, has this plan from now on, with so many tasks more. Every server reads it again."""
    await tx.many("additions.set_documents", [(job_id, encode(plan).decode()) for job_id, plan, _ in plans])
    grown = [
        (job_id, more, secrets.randbits(_REVISIONS) + 1, engine_set(task.engine_id for task in plan.tasks))
        for job_id, plan, more in plans
    ]
    await tx.many("additions.grow", grown)


def _size(plan: Plan, document: str) -> int:
    further = len(plan.tasks) - 1  # tasks that are alike are few characters
    return _PLAN_BYTES + _BYTES_PER_TASK * further + _BYTES_PER_CHARACTER * len(document)


def decode(document: str) -> Plan:
    """Returns the plan in a job's document."""
    return _decode(document)
