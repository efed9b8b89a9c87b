"""The list of all tasks of a job, for jobs with more than their own page shows."""

from typing import Final
from urllib.parse import urlencode

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import Task
from enginehouse.domain.status import TaskStatus
from enginehouse.operations import why
from enginehouse.web import job_view
from enginehouse.web.page_request import HtmlPage, Page, PageRequest
from enginehouse.web.task_groups import layer_of_tasks
from enginehouse.web.task_lines import engine_names, failed_first, lines

PAGE: Final = 200
_LONGEST_NUMBER: Final = 9  # digits


async def show(request: PageRequest) -> HtmlPage:
    """GET /jobs/{id}/tasks: the tasks, perhaps only those with a status, of an engine or in a layer of the graph."""
    ref = job_view.ref_of(request.path("id"))
    job, explained = await why.job(request.house, request.principal, ref)
    names = engine_names(request.house, request.principal, job)
    given = {name: request.query(name) for name in ("status", "engine", "layer") if request.query(name)}
    page = max(1, _number(request, "page"))
    layer = layer_of_tasks(job) if "layer" in given else ()
    wanted = _number(request, "layer")
    found = [
        task
        for task in failed_first(job.shown)
        if _has(task, _status(given.get("status")), given.get("engine"))
        and (not layer or layer[task.ordinal] == wanted)
    ]
    first = (page - 1) * PAGE
    chosen = found[first : first + PAGE]
    base = f"/jobs/{job_graphql(job.id)}/tasks"
    return HtmlPage(
        "tasks.html",
        {
            "title": "Tasks",
            "job_name": job_graphql(job.id),
            "job": job,
            "rows": lines(chosen, explained.tasks, names),
            "given": {name: given.get(name, "") for name in ("status", "engine", "layer")},
            "engine_names": names,
            "statuses": list(TaskStatus),
            "count": len(found),
            "first": first + 1,
            "last": first + len(chosen),
            "before": _address(base, given, page - 1) if page > 1 else None,
            "after": _address(base, given, page + 1) if first + len(chosen) < len(found) else None,
        },
    )


def _has(task: Task, status: TaskStatus | None, engine_id: str | None) -> bool:
    return status in (None, task.status) and engine_id in (None, task.plan.engine_id)


def _status(word: str | None) -> TaskStatus | None:
    if word is not None and word not in set(TaskStatus):
        raise InvalidInput(f"{', '.join(TaskStatus)}, got {word[:40]}.", "status")
    return None if word is None else TaskStatus(word)


def _number(request: PageRequest, name: str) -> int:
    text = request.query(name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else 0


def _address(base: str, given: dict[str, str], page: int) -> str:
    return f"{base}?{urlencode({**given, 'page': page})}"


PAGES: Final[tuple[Page, ...]] = (("GET", "/jobs/{id}/tasks", show),)
