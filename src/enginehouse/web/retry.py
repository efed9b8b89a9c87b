"""Retries a job: as it was, only what failed, or with other payloads, which a page of its own lets a person edit."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.errors import InvalidInput, Refusal
from enginehouse.domain.identity import Role
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import Job
from enginehouse.domain.planning.payloads import TaskPayload
from enginehouse.domain.status import JobStatus
from enginehouse.operations import jobs
from enginehouse.operations.permission import require
from enginehouse.web import job_view
from enginehouse.web.page_request import GoTo, HtmlPage, Page, PageRequest
from enginehouse.web.task_lines import engine_names, label

MOST: Final = 30  # payloads on one page
_FIELD: Final = re.compile(r"payload\.(\d{1,9})", re.ASCII)
_PATH: Final = re.compile(r"payloads\[(\d+)\]")
_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class EditedPayload:
    """The payload of a task as text to edit, and what is wrong with it."""

    ordinal: int
    label: str
    text: str
    fault: str = ""


async def show(request: PageRequest) -> HtmlPage:
    """GET /jobs/{id}/retry: the payloads of the job, or of one task, to be edited."""
    require(request.principal, Role.USER)
    job = await jobs.get(request.house, request.principal, job_view.ref_of(request.path("id")))
    only = _chosen(request.query("task"))
    given = {task.ordinal: _text(task.plan.payload) for task in job.shown if only in (None, task.ordinal)}
    return _page(request, job, given, {}, only_failed=only is not None or job.status is JobStatus.FAILED)


async def act(request: PageRequest) -> HtmlPage | GoTo:
    """POST /jobs/{id}/retry: a new job does the same again, or the page says what is wrong."""
    ref = job_view.ref_of(request.path("id"))
    given = {int(found[1]): text for name, text in request.form.items() if (found := _FIELD.fullmatch(name))}
    only_failed = request.form.get("only") == "failed"
    payloads: list[TaskPayload] = []
    try:
        job = await jobs.get(request.house, request.principal, ref) if given else None
        payloads = [] if job is None else _payloads(job, given)
        made = await jobs.retry(request.house, request.principal, ref, only_failed=only_failed, payloads=payloads)
    except Refusal as refusal:
        if not given or job is None:
            raise
        faults = _faults(refusal, payloads)
        return _page(request, job, given, faults, only_failed=only_failed, status=refusal.rest_status)
    return GoTo(f"/jobs/{job_graphql(made.job_id)}")


def _payloads(job: Job, given: Mapping[int, str]) -> list[TaskPayload]:
    """Returns what the form says of tasks of the job. A text that is as it was says nothing."""
    return [
        TaskPayload(task=str(task.ordinal), payload_text=text.strip())
        for task in job.shown
        if (text := given.get(task.ordinal)) is not None and _lines(text) != _lines(_text(task.plan.payload))
    ]


def _faults(refusal: Refusal, payloads: list[TaskPayload]) -> dict[int | None, str]:
    """Returns what is wrong, by the task whose payload it is; None for what is no payload's."""
    if not isinstance(refusal, InvalidInput):
        return {None: refusal.message}
    found: dict[int | None, str] = {}
    for problem in refusal.problems:
        place = _PATH.match(problem.path)
        ordinal = None if place is None else int(payloads[int(place[1])].task)
        found[ordinal] = f"{found[ordinal]} {problem.text}" if ordinal in found else problem.text
    return found


def _page(
    request: PageRequest,
    job: Job,
    given: Mapping[int, str],
    faults: Mapping[int | None, str],
    *,
    only_failed: bool,
    status: int = 200,
) -> HtmlPage:
    names = engine_names(request.house, request.principal, job)
    tasks = [task for task in job.shown if task.ordinal in given]
    fields = [
        EditedPayload(task.ordinal, label(task, names), given[task.ordinal], faults.get(task.ordinal, ""))
        for task in tasks[:MOST]
    ]
    return HtmlPage(
        "retry.html",
        {
            "title": "Retry with other payloads",
            "job": job,
            "job_name": job_graphql(job.id),
            "fields": fields,
            "hidden": len(tasks) - len(fields),
            "fault": faults.get(None, ""),
            "only_failed": only_failed,
        },
        status,
    )


def _text(payload: object) -> str:
    return "" if payload is None else json.dumps(payload, ensure_ascii=False, indent=2)


def _lines(text: str) -> list[str]:
    """Returns the lines of a text. A browser sends its own ends of lines."""
    return text.strip().splitlines()


def _chosen(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/jobs/{id}/retry", show),
    ("POST", "/jobs/{id}/retry", act),
)
