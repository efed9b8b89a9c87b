"""`enginehouse job watch`, `events` and `attempts`: show what happens to a job now, and what has happened."""

from typing import Final

import click

from enginehouse.cli import follow, job_view, output
from enginehouse.cli.connection import with_client
from enginehouse.cli.id_types import JOB
from enginehouse.cli.options import ordinals, task_option
from enginehouse.cli.relative_time import ago, took
from enginehouse.cli.rows import Column, flexible, optional, show_rows
from enginehouse.client import Client, jobs
from enginehouse.client import events as job_events


@click.command()
@click.argument("job_id", type=JOB)
@output.json_option
@with_client
def watch(client: Client, job_id: str, *, as_json: bool) -> None:
    """Follow a job until it has ended, event by event.

    With --json each event is one line. The exit code is 0 if the job is complete.
    """
    if as_json:
        for message in job_events.follow(client, job_id):
            if message.id is not None:
                output.show_json_line(message.data)
        ended = jobs.get(client, job_id)
    else:
        ended = follow.watch(client, job_id)
    follow.refuse_unless_complete(client, ended)


@click.command()
@click.argument("job_id", type=JOB)
@output.json_option
@with_client
def events(client: Client, job_id: str, *, as_json: bool) -> None:
    """List everything that has happened to a job and its tasks."""
    history = job_events.history(client, job_id)
    if as_json:
        output.show_json(history)
        return
    names = [job_view.task_name(task) for task in jobs.get(client, job_id)["tasks"]]
    rows = [
        (
            event["dateTime"],
            f"{event['task']} {names[event['task']]}" if "task" in event else "job",
            job_view.event_words(event),
            job_view.event_remark(event),
            event["id"],
        )
        for event in history
    ]
    columns = ("when", flexible("what"), "event", flexible("remark"), Column("id", optional=True))
    show_rows(columns, rows, empty="Nothing has happened yet.")


@click.command()
@click.argument("job_id", type=JOB)
@task_option
@output.json_option
@with_client
def attempts(client: Client, job_id: str, *, ordinal: int | None, as_json: bool) -> None:
    """List every attempt of a job's tasks: worker, start, end, outcome.

    A reused task has no attempts here. They belong to the job that made its outputs.
    """
    tasks = jobs.get(client, job_id)["tasks"]
    chosen = ordinals(tasks, ordinal)
    if ordinal is None:
        records = list(jobs.attempts_of_job(client, job_id))
    else:
        records = [{"task": number, **one} for number in chosen for one in jobs.attempts(client, job_id, number)]
    if as_json:
        output.show_json(records)
        return
    rows = [
        (
            one["task"], job_view.task_name(tasks[one["task"]]), one["item"], one["number"],
            output.status(one["outcome"]), ago(one["startedDateTime"]),
            took(one["startedDateTime"], one.get("endedDateTime")), job_view.reason(one), one["worker"],
        )
        for one in records
    ]  # fmt: skip
    ends = ("started", "took", flexible("reason"), optional("worker"))
    show_rows(("task", flexible("engine"), "item", "attempt", "outcome", *ends), rows, empty="No task has started yet.")


COMMANDS: Final = (watch, events, attempts)
