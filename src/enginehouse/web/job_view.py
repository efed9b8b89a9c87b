"""What the page of a job shows, and what its live part is made of again when something happens."""

from collections.abc import Mapping
from typing import Any, Final

from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import job_graphql, parse_job
from enginehouse.domain.job import Job, Task
from enginehouse.domain.refs import Ref
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.domain.webhooks.job_action import CHAIN
from enginehouse.operations import job_overview
from enginehouse.operations.house import House
from enginehouse.operations.job_overview import HistoryChoice, JobOverview
from enginehouse.web.addresses import output_address
from enginehouse.web.graph import NODE_HEIGHT, NODE_WIDTH, layout
from enginehouse.web.html import render
from enginehouse.web.task_groups import MOST, edges_of_shown, grouped
from enginehouse.web.task_lines import engine_names, failed_first, label, lines
from enginehouse.web.timeline import ITEMS, ROW, WIDTH, timeline

LISTED: Final = 100  # tasks in the table and on the timeline; a page of its own lists all
_OUTPUTS: Final = 100


def ref_of(text: str) -> Ref:
    """Returns the job that the address names, in any spelling of its id. 0 is no job."""
    return Ref(parse_job(text) or 0, text)


async def overview(house: House, principal: Principal, ref: Ref, history: HistoryChoice | None = None) -> JobOverview:
    """Returns the job as its page shows it. Raises NotFound."""
    return await job_overview.of_job(house, principal, ref, _drawn, outputs=_OUTPUTS + 1, history=history)


def _drawn(job: Job) -> list[Task]:
    """Returns the tasks whose attempts are on the timeline: those that are listed and have few items."""
    return [task for task in _listed(job) if task.items <= ITEMS]


def _listed(job: Job) -> list[Task]:
    return failed_first(job.shown)[:LISTED]


def values(house: House, principal: Principal, found: JobOverview) -> dict[str, Any]:
    """Returns everything that the live part of the page shows."""
    job, outputs, now = found.job, found.outputs, found.now
    names = engine_names(house, principal, job)
    listed = _listed(job)
    drawn = sorted(listed, key=lambda task: task.ordinal)
    return {
        "job": job,
        "job_name": job_graphql(job.id),
        "why": found.why.sentence,
        "rows": lines(listed, found.why.tasks, names),
        "hidden_tasks": len(job.shown) - len(listed),
        **_graph(job, names),
        "timeline": timeline(job, drawn, found.attempts, now),
        "timeline_size": (WIDTH, ROW),
        "outputs": [(output, output_address(output)) for output in outputs[:_OUTPUTS]],
        "has_more_outputs": len(outputs) > _OUTPUTS,
        "labels": {task.ordinal: label(task, names) for task in job.shown},
        "has_ended": job.status in JOB_ENDED,
        "can_cancel": job.status in {JobStatus.PENDING, JobStatus.QUEUED},
        "can_stop": job.status is JobStatus.RUNNING and job.stop_requested_at is None,
        "reused_from": sorted({task.reused_from for task in job.shown if task.reused_from is not None}),
        "subscription": (job.plan.echo.get(CHAIN) or [None])[-1],
        "now": now,
    }


def live_part(found: Mapping[str, Any]) -> str:
    """Returns the part of the page that changes."""
    return render("job_live.html", **found)


def _graph(job: Job, names: Mapping[str, str]) -> dict[str, Any]:
    """Returns the graph: task by task, or in groups if it is too large for that."""
    node = {"node": (NODE_WIDTH, NODE_HEIGHT), "picture": None, "groups": None, "nodes": ()}
    if not job.shown:
        return node
    if len(job.tasks) > MOST:
        return node | {"groups": grouped(job, names)}
    nodes = [
        (
            task.ordinal,
            label(task, names),
            task.status.value,
            f"{task.items_done} of {task.items}" if task.items > 1 else "",
        )
        for task in job.shown
    ]
    return node | {"picture": layout(len(job.tasks), edges_of_shown(job)), "nodes": nodes}
