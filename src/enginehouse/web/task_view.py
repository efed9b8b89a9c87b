"""What the page of a task shows, and what its live parts are made of again when something happens."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from enginehouse.domain.artifact import FIRST_PLACE, OutputPlace
from enginehouse.domain.errors import NotFound, Refusal
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import Job, Task
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED
from enginehouse.domain.task_items import ItemPage, ItemStatus
from enginehouse.domain.work import Attempt
from enginehouse.operations import attempts, task_items, task_overview
from enginehouse.operations.attempts import PART, LogPart
from enginehouse.operations.task_overview import TaskChoice
from enginehouse.web import job_view
from enginehouse.web.addresses import output_address, place_text
from enginehouse.web.html import render
from enginehouse.web.page_request import PageRequest
from enginehouse.web.task_lines import engine_names, label
from enginehouse.web.task_routes import routes_of

_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_SHOWN_PAYLOAD: Final = 65_536  # characters


@dataclass(frozen=True, slots=True)
class Choice:
    """What the address of the page chooses, and the place in the log from which it is shown."""

    task: TaskChoice
    offset: int | None = None

    @classmethod
    def of(cls, request: PageRequest) -> "Choice":
        """Returns the choice in the address. What cannot be read chooses nothing."""
        attempt, output = numbers(request.query("attempt"), 2), numbers(request.query("output"), 3)
        status = request.query("status")
        after, offset = numbers(request.query("after"), 1), numbers(request.query("offset"), 1)
        chosen = TaskChoice(
            attempt=(attempt[0], attempt[1]) if attempt else None,
            status=ItemStatus(status) if status in set(ItemStatus) else None,
            after=after[0] if after else task_items.FIRST,
            output=OutputPlace(*output) if output else FIRST_PLACE,
        )
        return cls(chosen, max(0, offset[0]) if offset else None)


def ref_of(request: PageRequest) -> TaskRef:
    """Returns the task that the address names. Raises NotFound for a number that is none."""
    ref, text = job_view.ref_of(request.path("id")), request.path("n")
    if not _NUMBER.fullmatch(text):
        raise NotFound("Task", text[:80])
    return TaskRef(ref.number, int(text), f"{ref.text}/{text}")


async def values(request: PageRequest, ref: TaskRef, choice: Choice) -> dict[str, Any]:
    """Returns everything that the parts of the page show, except the log. Raises NotFound."""
    house, principal = request.house, request.principal
    found = await task_overview.of_task(house, principal, ref, choice.task)
    job, task = found.job, found.task
    names = engine_names(house, principal, job)
    base = f"/jobs/{job_graphql(job.id)}/tasks/{task.ordinal}"
    return {
        "job": job,
        "task": task,
        "base": base,
        "job_name": job_graphql(job.id),
        "label": label(task, names),
        "engine": names[task.plan.engine_id],
        "why": found.why.sentence,
        "last_event": found.last_event,
        "again_at": _again_at(task, found.items),
        "items": found.items,
        "choice": choice.task,
        "statuses": list(ItemStatus),
        "shown": found.shown,
        "attempts": found.attempts,
        "outputs": [(output, output_address(output)) for output in found.outputs],
        "next_output": None if found.next_output is None else place_text(found.next_output),
        "job_has_ended": job.status in JOB_ENDED,
        "has_ended": task.status in TASK_ENDED,
    }


def fixed(request: PageRequest, job: Job, task: Task) -> dict[str, Any]:
    """Returns what never changes: the payload, and where inputs come from and outputs go to."""
    names = engine_names(request.house, request.principal, job)
    payload = json.dumps(task.plan.payload, ensure_ascii=False, indent=2)
    return {
        "payload": None if task.plan.payload is None else payload[:_SHOWN_PAYLOAD],
        "payload_is_cut": len(payload) > _SHOWN_PAYLOAD,
        "routes": routes_of(job, task, names),
    }


def part(name: str, found: Mapping[str, Any]) -> str:
    """Returns a part of the page: `state`, `work` or `log`."""
    return render(f"task_{name}.html", **found)


async def log_values(request: PageRequest, ref: TaskRef, shown: Attempt | None, choice: Choice) -> dict[str, Any]:
    """Returns the log of the attempt: from the chosen place, or its end."""
    if shown is None:
        return {"log": None, "log_text": "", "log_fault": None, "is_tail": False}
    key = (request.house, request.principal, ref, shown)
    try:
        found = await attempts.part_of(*key, offset=choice.offset or 0)
        if choice.offset is None and found.next < found.size:
            found = await attempts.part_of(*key, offset=max(0, found.size - PART))
    except Refusal as refusal:
        return {"log": None, "log_text": "", "log_fault": refusal.message, "is_tail": False}
    return {
        "log": found,
        "log_text": _whole_characters(found),
        "log_fault": None,
        "is_tail": not found.is_over and found.next >= found.size,
    }


def _whole_characters(found: LogPart) -> str:
    return found.text.lstrip("\N{REPLACEMENT CHARACTER}") if found.offset else found.text


def _again_at(task: Task, page: ItemPage) -> int | None:
    """Returns when a task whose only item waits to be tried again is tried."""
    return page.items[0].again_at if task.items == 1 and page.items else None


def numbers(text: str, count: int) -> tuple[int, ...] | None:
    """Returns so many numbers with points between them; None for any other text. Only the first may be negative."""
    parts = text.split(".")
    if len(parts) != count or not all(_NUMBER.fullmatch(each.removeprefix("-")) for each in parts):
        return None
    found = tuple(map(int, parts))
    return found if min(found) >= -1 else None
