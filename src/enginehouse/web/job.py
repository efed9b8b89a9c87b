"""The page of a job, and what can be done with it."""

from collections.abc import Awaitable, Callable
from typing import Any

from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.refs import Ref
from enginehouse.operations import events, jobs, limits
from enginehouse.operations.house import House
from enginehouse.web import job_view
from enginehouse.web.visit import GoTo, Page, Visit


async def show(visit: Visit) -> Page:
    """GET /jobs/{id}: its state, graph, timeline, tasks, outputs and history."""
    ref = job_view.ref_of(visit.path("id"))
    happened = await events.list_(visit.house, visit.principal, ref)
    found = await job_view.values(visit.house, visit.principal, ref)
    return Page(
        "job.html",
        {
            "title": f"Job {found['job_name']}",
            **found,
            "events": happened,
            "last_event": happened[-1].id if happened else 0,
            "may_change": visit.may_change,
        },
    )


async def cancel(visit: Visit) -> GoTo:
    """POST /jobs/{id}/cancel: nothing of it starts any more, if it has not started."""
    return await _do(visit, jobs.cancel)


async def stop(visit: Visit) -> GoTo:
    """POST /jobs/{id}/stop: the same, and what runs is stopped."""

    async def stop_all(house: House, principal: Principal, ref: Ref) -> Any:
        return await jobs.cancel(house, principal, ref, include_running=True)

    return await _do(visit, stop_all)


async def retry(visit: Visit) -> GoTo:
    """POST /jobs/{id}/retry: a new job does the same again, or only what failed."""
    ref = job_view.ref_of(visit.path("id"))
    made = await jobs.retry(visit.house, visit.principal, ref, only_failed=visit.form.get("only") == "failed")
    return GoTo(f"/jobs/{job_graphql(made.job_id)}")


async def pause(visit: Visit) -> GoTo:
    """POST /jobs/{id}/pause: nothing more of it starts."""
    return await _do(visit, limits.pause_job)


async def resume(visit: Visit) -> GoTo:
    """POST /jobs/{id}/resume: it goes on."""
    return await _do(visit, limits.resume_job)


async def _do(visit: Visit, act: Callable[[House, Principal, Ref], Awaitable[Any]]) -> GoTo:
    ref = job_view.ref_of(visit.path("id"))
    await act(visit.house, visit.principal, ref)
    return GoTo(f"/jobs/{job_graphql(ref.number)}")
