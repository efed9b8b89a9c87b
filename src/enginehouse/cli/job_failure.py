"""How a job that did not become complete is explained: which task, why, and the end of its log."""

from typing import Any

from enginehouse.cli.problem import FailureError
from enginehouse.client import jobs
from enginehouse.client.http import Connection, RequestFailed

_LINES = 20

Json = dict[str, Any]


def refuse_unless_complete(server: Connection, job: Json, *, look: str = "See: enginehouse job logs") -> None:
    """Returns when the job is complete. Raises FailureError saying what went wrong otherwise, and where to `look`."""
    word = job["jobStatus"]
    if word == "complete":
        return
    name = job["coreJobID"]
    if word == "aborted":
        raise FailureError(f"Job {name} was cancelled. Do it again with: enginehouse job retry {name}")
    causes = [
        f"{task['engine']['name'] if task['engine'] else task['id']} failed, {task['failureReason']}: "
        f"{task['failureMessage'] or 'no message'}"
        for task in jobs.failures(server, name)
    ]
    where = f" {look} {name}" if look else ""
    raise FailureError(f"Job {name} failed. {' '.join(causes)}{where}")


def log_tail(server: Connection, job: Json) -> list[str]:
    """The last lines that the failed tasks of the job have printed; none where they cannot be had."""
    lines: list[str] = []
    for task in job["tasks"]:
        if task["taskStatus"] == "failed":
            try:
                for _, text in jobs.logs(server, task["internalTaskID"]):
                    lines = [*lines, *text.splitlines()][-_LINES:]
            except RequestFailed:
                continue
    return lines
