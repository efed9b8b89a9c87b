"""Puts jobs back into the queue: paused ones are resumed, failed ones run again under their ids."""

from collections.abc import Sequence
from typing import assert_never

from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.status import JobStatus
from enginehouse.operations import bounds
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.references import not_found
from enginehouse.operations.task_statuses import tell, withdrawn_engines
from enginehouse.storage import limits
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.work import task_statuses as storage
from enginehouse.storage.work.task_statuses import NamedJob, StatusesOutcome


@trail.mutation("updateJobs", "Job")
async def queue_jobs(house: House, principal: Principal, refs: Sequence[Ref]) -> None:
    """Resumes those of the jobs that are paused; those that failed run again. All or none.

    Of a failed job all failed and aborted tasks run again from the beginning, as with `task_statuses.update`. A job
    that waits already stays as it is. Raises InvalidInput with a problem for each job that is unknown, complete or
    cancelled, or runs and is not paused.
    """
    require(principal, Role.USER)
    problems = [] if refs else [Problem("ids", "must name at least one job.")]
    if len(refs) > house.limits.page_size:
        problems = [Problem("ids", f"at most {house.limits.page_size} per request, got {len(refs)}.")]
    bounds.refuse(problems)
    entry = trail.entry(principal, "updateJobs", object_type="Job", detail="queued")
    paths = {ref.number: f"ids[{n}]" for n, ref in reversed(list(enumerate(refs)))}
    withdrawn = withdrawn_engines(house, principal)

    async def write(tx: Tx) -> StatusesOutcome:
        owner = principal.organization_id
        found = {job_id: await limits.resume_job(tx, owner, job_id) for job_id in sorted(paths)}
        problems = [p for n, ref in enumerate(refs) if (p := _not_queued(n, ref, found[ref.number])) is not None]
        failed = [
            NamedJob(job_id, path)
            for job_id, path in paths.items()
            if (one := found[job_id]) is not None and one.status is JobStatus.FAILED
        ]
        try:
            outcome = await storage.put_jobs_back(tx, house.plans, owner, failed, withdrawn)
        except InvalidInput as refused:
            by_place = sorted([*problems, *refused.problems], key=lambda one: int(one.path[len("ids[") : -1]))
            raise InvalidInput(by_place) from None
        bounds.refuse(problems)
        await entries.record(tx, [entry.about(job_id) for job_id in sorted(paths)])
        return outcome

    outcome = await house.database.write_work(write)
    house.waiting()
    house.watches.changed(sorted(paths))
    await tell(house, principal, outcome)


def _not_queued(number: int, ref: Ref, found: limits.Paused | None) -> Problem | None:
    path = f"ids[{number}]"
    if found is None:
        return not_found(path, ref.text)
    match found.status:
        case JobStatus.PENDING | JobStatus.QUEUED | JobStatus.FAILED:
            return None
        case JobStatus.RUNNING:
            nothing = "is running and not paused; there is nothing to put back into the queue."
            return None if found.changed else Problem(path, nothing, "running")
        case JobStatus.COMPLETE:
            return Problem(path, "is complete; there is nothing to put back into the queue.", "complete")
        case JobStatus.ABORTED:
            return Problem(path, "is aborted; retryJob creates a new job that does the same.", "aborted")
        case unknown:
            assert_never(unknown)
