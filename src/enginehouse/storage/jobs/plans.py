"""Plans in memory. A job's plan never changes, so it is decoded once and kept while the job is in use."""

from collections import OrderedDict
from dataclasses import dataclass, field

import msgspec

from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges, edges_of
from enginehouse.storage.database.database import Tx

_decode = msgspec.json.Decoder(Plan).decode
encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Plans:
    """The plans of recent jobs, bounded by their number of tasks. Storage has all plans, so any may be dropped."""

    limit: int = 200_000
    _kept: OrderedDict[int, tuple[Plan, Edges]] = field(default_factory=OrderedDict)
    _tasks: int = 0

    def keep(self, job_id: int, plan: Plan, edges: Edges) -> None:
        if job_id in self._kept:
            return
        self._kept[job_id] = (plan, edges)
        self._tasks += len(plan.tasks)
        while self._tasks > self.limit and len(self._kept) > 1:
            _, (old, _) = self._kept.popitem(last=False)
            self._tasks -= len(old.tasks)

    def forget(self, job_id: int) -> None:
        if (kept := self._kept.pop(job_id, None)) is not None:
            self._tasks -= len(kept[0].tasks)

    async def load(self, tx: Tx, job_ids: set[int]) -> dict[int, tuple[Plan, Edges]]:
        """Returns the plans of these jobs; a job without a document is missing."""
        kept = self._kept
        plans = {job_id: kept[job_id] for job_id in job_ids if job_id in kept}
        if len(plans) < len(job_ids):
            for job_id, document in await tx.all("jobs.documents", ids=list(job_ids - plans.keys())):
                plan = decode(document)
                plans[job_id] = (plan, edges_of(plan))
                self.keep(job_id, *plans[job_id])
        return plans


def decode(document: str) -> Plan:
    """Returns the plan in a job's document."""
    return _decode(document)
