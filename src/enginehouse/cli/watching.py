"""A job followed until it has ended: a live table on a terminal, a line for each change where output is piped."""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from enginehouse.cli import output
from enginehouse.client import jobs
from enginehouse.client.http import Connection

ENDED = frozenset({"complete", "failed", "aborted"})
_SHORTEST, _LONGEST = 0.1, 1.0

Json = dict[str, Any]


def follow(server: Connection, job_id: str, console: Console) -> Json:
    """The job as it was when it had ended, shown on the way there. Raises RequestFailed."""
    lines = _Lines(console)
    live = Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext()
    job: Json = {}
    with live as shown:
        for job in snapshots(server, job_id):
            if shown is None:
                lines.tell(job)
            else:
                shown.update(Group(tasks(job)), refresh=True)
    return job


def snapshots(server: Connection, job_id: str) -> Iterator[Json]:
    """The job each time it has changed, up to its end; asked often while it moves, seldom while it does not."""
    last: Json | None = None
    pause = _SHORTEST
    while True:
        job = jobs.detail(server, job_id)
        if job != last:
            last, pause = job, _SHORTEST
            yield job
        if job["jobStatus"] in ENDED:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST)


def tasks(job: Json) -> Table:
    """The tasks of a job, how far each is, and what went wrong."""
    return output.table(
        ("task", "engine", "status", "chunks", "note"),
        [
            (number, task_name(task), output.status(task["taskStatus"]), chunks(task), Text(note(task), "red"))
            for number, task in enumerate(job["tasks"])
        ],
    )


def task_name(task: Json) -> str:
    """What a person calls the task: its engine's name."""
    return str(task.get("engineName") or task["engineId"])


def chunks(task: Json) -> str:
    """How many of its items a task has done; nothing before it has any."""
    counted = task["chunkCountInfo"]
    total = counted["chunkToProcessCount"]
    return f"{counted['chunkCompletedCount']}/{total}" if total else ""


def note(task: Json) -> str:
    """Why a task failed, and how often it was tried again."""
    parts = []
    if task["taskStatus"] in ENDED and (retried := task["chunkCountInfo"]["retryCount"]):
        parts.append(f"{retried} tried again")
    if task.get("failureReason", "none") != "none":
        parts.append(f"{task['failureReason']}: {task.get('failureDetail') or ''}".rstrip(": "))
    return "; ".join(parts)


class _Lines:
    """Says only what is new."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[int, str] = {}

    def tell(self, job: Json) -> None:
        for number, task in enumerate(job["tasks"]):
            word = task["taskStatus"]
            if word != self._said.get(number, "pending"):
                self._said[number] = word
                count = chunks(task) if word in ENDED else ""
                line = f"{task_name(task):<32} {word:<9} {count:<8} {note(task)}"
                self._console.print(line.rstrip())
