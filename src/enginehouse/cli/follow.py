"""Follows a job until it has ended: a live table on a terminal, a line for each event in a pipe.

Shows why it failed.
"""

import time
from typing import Final

from rich.console import Console
from rich.live import Live

from enginehouse.cli import job_view, output
from enginehouse.cli.errors import CommandError
from enginehouse.client import Client, Json, RequestFailed, events, jobs

_PAUSE: Final = 0.1  # seconds between two looks at the job
_LOG_LINES: Final = 20
# Kinds of events that a job has because one of its tasks has them.
_FROM_TASKS: Final = frozenset({"created", "queued", "started", "completed", "failed", "aborted"})


def follow(client: Client, job_id: str, console: Console) -> Json:
    """The job has ended, and the console shows its progress. Returns the job. Raises RequestFailed."""
    if console.is_terminal:
        _show_table(client, job_id, console)
    else:
        _print_lines(client, job_id, console)
    return jobs.get(client, job_id)


def watch(client: Client, job_id: str) -> Json:
    """The job has ended, and stdout shows its progress and its final status. Returns the job. Raises RequestFailed."""
    console = output.console()
    job = follow(client, job_id, console)
    console.print(f"job {job['coreJobID']}: {job['jobStatus']}")
    return job


def refuse_unless_complete(client: Client, job: Json, *, hint: str = "See: enginehouse job logs") -> None:
    """The job is complete. Otherwise raises CommandError with the causes and the `hint`."""
    status = job["jobStatus"]
    if status == "complete":
        return
    name = job["coreJobID"]
    if status == "aborted":
        raise CommandError(f"Job {name} was cancelled. Run it again with: enginehouse job retry {name}")
    causes = [f"{job_view.task_name(task)} failed, {job_view.failure(task)}" for task in jobs.failures(client, name)]
    raise CommandError(f"Job {name} failed. {' '.join(causes)}{f' {hint} {name}' if hint else ''}")


def log_tail(client: Client, job: Json) -> list[str]:
    """Returns the last lines that the failed tasks of the job have printed. A log that cannot be read is left out."""
    lines: list[str] = []
    for task in job["tasks"]:
        if task["taskStatus"] == "failed":
            try:
                for _, text in jobs.logs(client, task["internalTaskID"]):
                    lines = [*lines, *text.splitlines()][-_LOG_LINES:]
            except RequestFailed:
                continue
    return lines


def _show_table(client: Client, job_id: str, console: Console) -> None:
    """The table shows the tasks until the job ends. After an event they are read again, but at most every `_PAUSE`."""
    read_at = -_PAUSE
    with Live(console=console, auto_refresh=False) as live:
        for message in events.follow(client, job_id, heartbeat=1):
            if message.kind == "end" or time.monotonic() - read_at >= _PAUSE:
                live.update(job_view.task_table(jobs.get(client, job_id)), refresh=True)
                read_at = time.monotonic()


def _print_lines(client: Client, job_id: str, console: Console) -> None:
    """Each event of a task is a line. An event of the job is a line only if it does not follow from its tasks."""
    names: list[str] = []
    for message in events.follow(client, job_id):
        ordinal = message.data.get("task")
        if message.id is None or (ordinal is None and message.kind in _FROM_TASKS):
            continue
        if ordinal is not None and ordinal >= len(names):
            names = [job_view.task_name(task) for task in jobs.get(client, job_id)["tasks"]]
        console.print(job_view.event_line(message.data, "job" if ordinal is None else names[ordinal]))
