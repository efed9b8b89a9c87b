"""How many jobs of a filter there are of each kind that acts on many jobs tell apart."""

from dataclasses import replace
from typing import NamedTuple

from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import job_scans, totals


class KindTally(NamedTuple):
    """How many jobs have this status and are alike: whether a task has started, and the job is paused or cancelled."""

    status: str
    started: int
    paused: int
    cancelled: int
    jobs: int


async def of(tx: Tx, organization_id: int, filter_: JobFilter) -> list[KindTally]:
    """Returns how many jobs match of each kind. Ended jobs of a status are alike."""
    applying = await barriers.is_open(tx, organization_id)
    wanted, rows = filter_.statuses or tuple(JobStatus), list[KindTally]()
    live = tuple(status for status in wanted if status not in JOB_ENDED)
    if live:
        for scan in job_scans.scans(organization_id, replace(filter_, statuses=live), applying=applying, total=True):
            found = await tx.all(scan.number("applied_tally" if applying else "tally"), **scan.params)
            rows += [KindTally(*row) for row in found]
    for status in sorted(JOB_ENDED.intersection(wanted)):
        one = replace(filter_, statuses=(status,))
        jobs = 0 if filter_.paused else await totals.count(tx, organization_id, one)
        rows.append(KindTally(status.value, 1, 0, 0, jobs))
    return rows
