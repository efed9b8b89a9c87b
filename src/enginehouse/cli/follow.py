"""A job followed until it has ended: a live table on a terminal, a line for each event where output is piped."""

import time
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from enginehouse.cli import history, output
from enginehouse.client import events, jobs
from enginehouse.client.http import Connection

ENDED = frozenset({"complete", "failed", "aborted"})
_SHORTEST, _LONGEST = 0.1, 1.0
_TOLD_BY_TASKS = frozenset({"created", "queued", "started", "completed", "failed", "aborted"})

Json = dict[str, Any]


def follow(server: Connection, job_id: str, console: Console) -> Json:
    """The job as it was when it had ended, shown on the way there. Raises RequestFailed."""
    view: _Table | _Lines = _Table(server, job_id, console) if console.is_terminal else _Lines(server, job_id, console)
    with view:
        try:
            for message in events.follow(server, job_id, heartbeat=1 if console.is_terminal else 15):
                view.tell(message)
        except events.NotServedError:
            view.look()  # raises where it is the job that there is not
            click.echo("This server has no event streams; it is asked again and again instead.", err=True)
            for job in snapshots(server, job_id):
                view.show(job)
    return jobs.detail(server, job_id)


def until_ended(server: Connection, job_id: str) -> Json:
    """The job as it was when it had ended. Raises RequestFailed."""
    try:
        for _ in events.follow(server, job_id):
            pass
    except events.NotServedError:
        [*_, ended] = snapshots(server, job_id)
        return ended
    return jobs.detail(server, job_id)


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
    if "reusedFrom" in task:
        parts.append("reused")
    if task["taskStatus"] in ENDED and (retried := task["chunkCountInfo"]["retryCount"]):
        parts.append(f"{retried} tried again")
    if task.get("failureReason", "none") != "none":
        parts.append(f"{task['failureReason']}: {task.get('failureDetail') or ''}".rstrip(": "))
    return "; ".join(parts)


class _Table:
    """The tasks as they are, on a terminal: looked at anew when something has happened, though not at every event."""

    def __init__(self, server: Connection, job_id: str, console: Console) -> None:
        self._server, self._job_id = server, job_id
        self._live = Live(console=console, auto_refresh=False)
        self._looked = -_SHORTEST

    def __enter__(self) -> None:
        self._live.__enter__()

    def __exit__(self, *exception: Any) -> None:
        self._live.__exit__(*exception)

    def tell(self, message: events.Message) -> None:
        if message.kind == "end" or time.monotonic() - self._looked >= _SHORTEST:
            self.look()

    def look(self) -> None:
        self.show(jobs.detail(self._server, self._job_id))
        self._looked = time.monotonic()

    def show(self, job: Json) -> None:
        self._live.update(Group(tasks(job)), refresh=True)


class _Lines:
    """What happens to the tasks, a line for each event; of the job itself only what its tasks do not tell."""

    def __init__(self, server: Connection, job_id: str, console: Console) -> None:
        self._server, self._job_id, self._console = server, job_id, console
        self._names: list[str] = []
        self._said: dict[int, str] = {}

    def __enter__(self) -> None: ...

    def __exit__(self, *exception: object) -> None: ...

    def tell(self, message: events.Message) -> None:
        number = message.data.get("task")
        if message.id is None or (number is None and message.kind in _TOLD_BY_TASKS):
            return
        if number is not None and number >= len(self._names):
            self.look()
        name = "job" if number is None else self._names[number]
        self._console.print(history.line(message.data, name))

    def look(self) -> None:
        self._names = [task_name(task) for task in jobs.detail(self._server, self._job_id)["tasks"]]

    def show(self, job: Json) -> None:
        for number, task in enumerate(job["tasks"]):
            word = task["taskStatus"]
            if word != self._said.get(number, "pending"):
                self._said[number] = word
                self._console.print(f"{task_name(task):<32} {word:<14} {note(task)}".rstrip())
