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
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED
from enginehouse.domain.task_items import ItemStatus
from enginehouse.domain.work import Attempt, AttemptPlace
from enginehouse.operations import artifacts, attempts, task_items, why
from enginehouse.operations.attempts import PART, LogPart
from enginehouse.web import job_view
from enginehouse.web.addresses import output_address
from enginehouse.web.html import render
from enginehouse.web.page_request import PageRequest
from enginehouse.web.task_lines import engine_names, label
from enginehouse.web.task_routes import routes_of

_ITEMS: Final = 50
_ATTEMPTS: Final = 100
_OUTPUTS: Final = 50
_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_SHOWN_PAYLOAD: Final = 65_536  # characters


@dataclass(frozen=True, slots=True)
class Choice:
    """What the address of the page chooses: an attempt, the place in its log, and pages of items and outputs."""

    attempt: tuple[int, int] | None = None
    offset: int | None = None
    status: ItemStatus | None = None
    after: int = task_items.FIRST
    output: OutputPlace = FIRST_PLACE

    @classmethod
    def of(cls, request: PageRequest) -> "Choice":
        """Returns the choice in the address. What cannot be read chooses nothing."""
        attempt, output = numbers(request.query("attempt"), 2), numbers(request.query("output"), 3)
        status = request.query("status")
        after, offset = numbers(request.query("after"), 1), numbers(request.query("offset"), 1)
        return cls(
            (attempt[0], attempt[1]) if attempt else None,
            offset[0] if offset else None,
            ItemStatus(status) if status in set(ItemStatus) else None,
            after[0] if after else task_items.FIRST,
            OutputPlace(*output) if output else FIRST_PLACE,
        )


def ref_of(request: PageRequest) -> TaskRef:
    """Returns the task that the address names. Raises NotFound for a number that is none."""
    ref, text = job_view.ref_of(request.path("id")), request.path("n")
    if not _NUMBER.fullmatch(text):
        raise NotFound("Task", text[:80])
    return TaskRef(ref.number, int(text), f"{ref.text}/{text}")


async def values(request: PageRequest, ref: TaskRef, choice: Choice) -> dict[str, Any]:
    """Returns everything that the parts of the page show, except the log. Raises NotFound."""
    house, principal = request.house, request.principal
    job, explained = await why.task(house, principal, ref)
    task = job.tasks[ref.ordinal]
    if task.deleted_at is not None:
        raise NotFound("Task", ref.text)
    names = engine_names(house, principal, job)
    page = await task_items.of_task(house, principal, ref, status=choice.status, after=choice.after, limit=_ITEMS)
    shown = await _attempt(request, ref, choice)
    outputs = await artifacts.page_of_task(house, principal, ref, after=choice.output, limit=_OUTPUTS + 1)
    base = f"/jobs/{job_graphql(job.id)}/tasks/{task.ordinal}"
    return {
        "job": job,
        "task": task,
        "base": base,
        "job_name": job_graphql(job.id),
        "label": label(task, names),
        "engine": names[task.plan.engine_id],
        "why": explained.sentence,
        "again_at": _again_at(task, [each.again_at for each in page.items]),
        "items": page,
        "choice": choice,
        "statuses": list(ItemStatus),
        "shown": shown,
        "attempts": await _of_item(request, ref, 0 if shown is None else shown.item),
        "outputs": [(output, output_address(output)) for output in outputs[:_OUTPUTS]],
        "next_output": _place(outputs[_OUTPUTS - 1]) if len(outputs) > _OUTPUTS else None,
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
    key = (request.house, request.principal, ref, shown.item, shown.number)
    try:
        found = await attempts.log_part(*key, offset=choice.offset or 0)
        if choice.offset is None and found.next < found.size:
            found = await attempts.log_part(*key, offset=max(0, found.size - PART))
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


async def _attempt(request: PageRequest, ref: TaskRef, choice: Choice) -> Attempt | None:
    if choice.attempt is not None:
        return await attempts.one(request.house, request.principal, ref, *choice.attempt)
    return await attempts.newest(request.house, request.principal, ref)


async def _of_item(request: PageRequest, ref: TaskRef, item: int) -> list[Attempt]:
    """Returns the attempts of one item, the last first."""
    after = AttemptPlace(ref.ordinal, item, 0)
    found = await attempts.of_job(request.house, request.principal, Ref.of(ref.job_id), after=after, limit=_ATTEMPTS)
    own = [one for at, one in found if (at.ordinal, at.item) == (ref.ordinal, item)]
    return own[::-1]


def _again_at(task: Task, times: list[int | None]) -> int | None:
    """Returns when a task whose only item waits to be tried again is tried."""
    return times[0] if task.items == 1 and times else None


def _place(output: Any) -> str:
    return f"{output.folder}.{output.item}.{output.part}"


def numbers(text: str, count: int) -> tuple[int, ...] | None:
    """Returns so many numbers with points between them; None for any other text. Only the first may be negative."""
    parts = text.split(".")
    if len(parts) != count or not all(_NUMBER.fullmatch(each.removeprefix("-")) for each in parts):
        return None
    found = tuple(map(int, parts))
    return found if min(found) >= -1 else None
