"""What the page of a job shows, and what its live part is made of again when something happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from enginehouse.domain.artifact import Artifact
from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import job_graphql, parse_job
from enginehouse.domain.job import Job
from enginehouse.domain.refs import Ref
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.domain.wait_reasons.explanation import JobExplanation
from enginehouse.domain.work import Attempt, AttemptPage
from enginehouse.operations import artifacts, attempts, engines, maintenance, why
from enginehouse.operations.house import House
from enginehouse.web.graph import NODE_HEIGHT, NODE_WIDTH, Layout, layout
from enginehouse.web.html import render
from enginehouse.web.timeline import ROW, WIDTH, timeline

DRAWN: Final = 300  # tasks up to which the graph is drawn
_ATTEMPTS: Final = 100  # of one task on the timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """A task in the table and in the graph."""

    ordinal: int
    engine: str
    status: str
    sentence: str
    attempts: int
    chunks: str
    started_at: int | None
    ended_at: int | None


def ref_of(text: str) -> Ref:
    """Returns the job that the address names, in any spelling of its id. 0 is no job."""
    return Ref(parse_job(text) or 0, text)


async def values(house: House, principal: Principal, ref: Ref) -> dict[str, Any]:
    """Returns everything that the live part of the page shows. Raises NotFound."""
    job, explained = await why.job(house, principal, ref)
    pages = [AttemptPage(job.id, task.ordinal, 0, _ATTEMPTS) for task in job.shown[:DRAWN]]
    found = await attempts.of_tasks(house, principal, pages)
    tried = {page.ordinal: rows for page, rows in found.items()}
    outputs = await artifacts.of_job(house, principal, ref)
    return _values(house, principal, job, explained, tried, outputs, now=await maintenance.storage_time(house))


def _values(
    house: House,
    principal: Principal,
    job: Job,
    explained: JobExplanation,
    tried: Mapping[int, Sequence[Attempt]],
    outputs: Sequence[Artifact],
    *,
    now: int,
) -> dict[str, Any]:
    names = _names(house, principal, job)
    rows = [
        TaskLine(
            ordinal=task.ordinal,
            engine=task.plan.name or names[task.plan.engine_id],
            status=task.status.value,
            sentence=explained.tasks[task.ordinal].sentence,
            attempts=task.attempts,
            chunks=f"{task.items_done} of {task.items}" if task.items > 1 else "",
            started_at=task.started_at,
            ended_at=task.completed_at or task.aborted_at,
        )
        for task in job.shown
    ]
    return {
        "job": job,
        "job_name": job_graphql(job.id),
        "why": explained.sentence,
        "rows": rows,
        "picture": _picture(job),
        "timeline": timeline(job, tried, now),
        "node": (NODE_WIDTH, NODE_HEIGHT),
        "timeline_size": (WIDTH, ROW),
        "outputs": outputs,
        "labels": {row.ordinal: row.engine for row in rows},
        "has_ended": job.status in JOB_ENDED,
        "can_cancel": job.status in {JobStatus.PENDING, JobStatus.QUEUED},
        "can_stop": job.status is JobStatus.RUNNING and job.stop_requested_at is None,
        "now": now,
    }


def live_part(found: Mapping[str, Any]) -> str:
    """Returns the part of the page that changes."""
    return render("job_live.html", **found)


def _picture(job: Job) -> Layout | None:
    """Returns the graph, None if it is too large to be drawn or has no task."""
    if not 0 < len(job.tasks) <= DRAWN:
        return None
    edges = [(route.parent, route.child) for route in job.shown_routes if route.parent >= 0]
    return layout(len(job.tasks), edges)


def _names(house: House, principal: Principal, job: Job) -> dict[str, str]:
    found = {}
    for engine_id in {task.plan.engine_id for task in job.tasks}:
        engine = engines.shown(house, principal, engine_id)
        found[engine_id] = engine_id if engine is None else engine.spec.name
    return found
