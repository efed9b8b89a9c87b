"""`enginehouse job attempts`: who ran what of a job when, and how each attempt ended."""

from typing import Any

import click

from enginehouse.cli import follow, output
from enginehouse.cli.connection import at_server
from enginehouse.cli.problem import FailureError
from enginehouse.client import jobs
from enginehouse.client.http import Connection

Json = dict[str, Any]


@click.command()
@click.argument("job_id")
@click.option("--task", "number", type=int, help="Only this task, by its number in: enginehouse job get.")
@output.json_option
@at_server
def attempts(server: Connection, job_id: str, *, number: int | None, as_json: bool) -> None:
    """List every attempt of a job's tasks: worker, start, end, outcome.

    A reused task has none here; they are those of the job that made its outputs.
    """
    tasks = jobs.detail(server, job_id)["tasks"]
    if number is not None and not 0 <= number < len(tasks):
        raise FailureError(f"--task: 0–{len(tasks) - 1}, got {number}.", exit_code=2)
    chosen = [at for at in range(len(tasks)) if number in (None, at)]
    found = [{"task": at, **one} for at in chosen for one in jobs.attempts(server, job_id, at)]
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            one["task"], follow.task_name(tasks[one["task"]]), one["item"], one["number"], one["worker"],
            one["startedDateTime"], one.get("endedDateTime", ""), output.status(one["outcome"]), _why(one),
        )
        for one in found
    ]  # fmt: skip
    titles = ("task", "engine", "item", "attempt", "worker", "started", "ended", "outcome", "why")
    output.console().print(output.table(titles, rows))


def _why(one: Json) -> str:
    return ": ".join(part for part in (one.get("failureReason"), one.get("failureDetail")) if part)
