"""`enginehouse job …`: create, read, cancel and retry jobs."""

import sys
from pathlib import Path
from typing import IO, Any

import click

from enginehouse.cli import (
    bulk_acts,
    bulk_cancels,
    follow,
    job_acts,
    job_history,
    job_items,
    job_results,
    job_view,
    output,
    terminal,
)
from enginehouse.cli.bulk_cancels import RangeFlags
from enginehouse.cli.connection import with_client, with_client_of_server
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_spelling import job_spelling
from enginehouse.cli.id_types import ENGINE, JOB, JOB_STATUS, PIPELINE, REASON
from enginehouse.cli.job_options import TaskFlags, create_from_file, request_and_source
from enginehouse.cli.job_rule import RuleFlags, rule_options_beside_range
from enginehouse.cli.options import (
    RenamedOption,
    created_after_option,
    created_before_option,
    engine_id,
    key_option,
    page_options,
    payload_option,
)
from enginehouse.cli.relative_time import ago, took, with_words
from enginehouse.cli.rows import Column, flexible, optional, show_page
from enginehouse.cli.why import why
from enginehouse.client import Client, Json, events, jobs


@click.group()
def job() -> None:
    """Create, watch, cancel and retry jobs; fetch their results.

    The id of a job may come from either interface.
    """


for _command in (*job_history.COMMANDS, *job_results.COMMANDS, *job_acts.COMMANDS, job_items.items, why):
    job.add_command(_command)


@job.command()
@click.option("--engine", type=ENGINE, help="The engine of the only task: its id, its slug or a part of its name.")
@click.option("--pipeline", type=PIPELINE, help="Instead of an engine, a pipeline. See: enginehouse pipeline list")
@click.option(
    "--from",
    "source",
    cls=RenamedOption,
    old=("--url",),
    metavar="URL",
    help="What it works on: what is at an http(s) address …",
)
@click.option("--text", help="… or this text …")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="… or a file, which is uploaded.")
@payload_option
@click.option(
    "--request",
    type=click.File("rb"),
    metavar="FILE",
    help="A JSON file with a whole request of either interface; - is stdin.",
)
@click.option("--watch", is_flag=True, help="Wait until the job has ended, and show how it goes.")
@key_option
@output.json_option
@with_client_of_server
def create(
    client: Client, *, request: IO[bytes] | None, watch: bool, as_json: bool, key: str | None, **task: Any
) -> None:
    """Create a job: an engine or a pipeline on what is at an address, a text or a file, or what a file describes.

    A pipeline takes any file: what the file is decides what reads it.
    --request takes the body of POST /edge/v1/proc/job/create, or the input of the mutation createJob.
    """
    request, task["source"] = request_and_source(request, task["source"])
    flags = TaskFlags(**task)
    if key is not None and flags.file is not None:
        raise CommandError(
            "--idempotency-key: not with --file, because every upload creates another target. Upload the file once, "
            "and name the target in --request.",
            exit_code=2,
        )
    if request is not None and not flags.is_empty():
        raise CommandError("--request describes the whole job; leave the other flags out.", exit_code=2)
    ids, warnings = flags.create(client, key=key) if request is None else create_from_file(client, request, key=key)
    output.warn(warnings)
    if not watch:
        output.show({"ids": ids, "warnings": warnings}, "\n".join(ids), as_json=as_json)
        return
    for job_id in ids:
        if as_json:
            ended = events.wait(client, job_id)
            output.show_json(ended)
        else:
            ended = follow.watch(client, job_id)
        follow.refuse_unless_complete(client, ended)
        if sys.stdout.isatty() and not as_json:
            terminal.echo(f"What it found: enginehouse job results {job_id}", err=True)


@job.command()
@click.argument("job_id", type=JOB)
@output.json_option
@with_client
def get(client: Client, job_id: str, *, as_json: bool) -> None:
    """Show a job and its tasks as they are now."""
    record = jobs.get(client, job_id)
    if as_json:
        output.show_json(record)
        return
    console = output.console()
    facts = [
        ("job", record["coreJobID"]),
        ("REST id", record["internalJobID"]),
        ("status", output.status(record["jobStatus"])),
        ("name", record.get("jobName")),
        ("created", with_words(record["createdDateTime"])),
        ("started", with_words(record.get("startedDateTime"))),
        ("ended", with_words(job_view.ended(record))),
        ("took", took(record.get("startedDateTime"), job_view.ended(record))),
        ("paused", with_words(record.get("pausedDateTime"))),
        ("cancelled", with_words(record.get("stopRequestedDateTime"))),
        ("still stopping", record.get("stopping") or None),
        ("target", record.get("coreRecordingId")),
        ("endpoints", "\n".join(_endpoints(record)) or None),
        ("retry of", _spelled(record.get("retryOf"))),
        ("first job", _spelled(record.get("rootJobID"))),
        ("retries", "\n".join(map(job_spelling, record.get("retries", ()))) or None),
    ]
    console.print(output.facts(facts))
    console.print(job_view.task_table(record))


def _spelled(job_id: str | None) -> str | None:
    return None if job_id is None else job_spelling(job_id)


def _endpoints(record: Json) -> list[str]:
    """Returns the endpoints of the job, each once."""
    return list(dict.fromkeys(route["endpoint"] for route in record["taskRoutes"] if "endpoint" in route))


@job.command("list")
@click.option("--status", type=JOB_STATUS, metavar="STATUS", help=f"Only jobs with this status: {JOB_STATUS}.")
@click.option(
    "--engine", type=ENGINE, help="Only jobs with a task of this engine: its id, its slug or a part of its name."
)
@click.option(
    "--reason",
    "failure",
    cls=RenamedOption,
    old=("--failure",),
    type=REASON,
    metavar="REASON",
    help="Only jobs with a task that failed for this reason.",
)
@click.option("--name", help="Only jobs with exactly this name.")
@click.option("--paused", is_flag=True, help="Only paused jobs.")
@created_after_option
@created_before_option
@page_options
@output.json_option
@with_client
def list_(
    client: Client,
    *,
    status: str | None,
    engine: str | None,
    failure: str | None,
    name: str | None,
    paused: bool,
    created_after: str | None,
    created_before: str | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """List jobs, newest first."""
    filters = {
        "engine": None if engine is None else engine_id(client, engine),
        "failureReason": failure,
        "jobName": name,
        "paused": "true" if paused else None,
        "CreatedAfter": created_after,
        "CreatedBefore": created_before,
    }
    page = jobs.page(client, status=status, limit=limit, offset=offset, **filters)
    if as_json:
        output.show_json(page)
        return
    rows = [
        (
            one["coreJobID"],
            output.status(one["jobStatus"]),
            job_view.progress(one),
            ago(one["createdDateTime"]),
            job_view.engine_names(one),
            took(one.get("startedDateTime"), job_view.ended(one)),
            one.get("jobName"),
        )
        for one in page["result"]
    ]
    more = (Column("took", optional=True), optional("name"))
    columns = ("job", "status", "tasks", "created", flexible("engines"), *more)
    empty = "No job matches. Create one with: enginehouse job create --engine ENGINE --file FILE"
    show_page(columns, rows, offset=offset, count=page["count"], empty=empty)


@job.command()
@click.argument("job_id", type=JOB, required=False)
@bulk_cancels.range_options
@rule_options_beside_range
@click.option("--include-running", is_flag=True, help="Also stop what has started.")
@click.option("--wait", is_flag=True, help="Wait until everything has stopped.")
@key_option
@output.json_option
@with_client
def cancel(
    client: Client,
    job_id: str | None,
    *,
    range_flags: RangeFlags,
    rule_flags: RuleFlags,
    include_running: bool,
    wait: bool,
    key: str | None,
    as_json: bool,
) -> None:
    """Cancel a job that has not started: none of its tasks starts any more.

    With --include-running, also cancel a job that has started: its engines are told to stop, and are ended after a
    while. Then the job is aborted. Without a JOB_ID, cancel all jobs of an organization that were created in a range of
    time, or all that match other flags. The command says how many they are, and asks.
    """
    if job_id is None and (rule_flags.names_jobs or rule_flags.plan or rule_flags.confirm is not None):
        act = "stop" if include_running else "cancel"
        bulk_acts.carry_out(client, act, range_flags.rule(rule_flags), key=key, as_json=as_json)
        return
    if job_id is None:
        bulk_cancels.cancel(client, range_flags, include_running=include_running, wait=wait, key=key, as_json=as_json)
        return
    range_flags.refuse_with_job()
    rule_flags.refuse_with_job()
    answer = jobs.cancel(client, job_id, include_running=include_running)
    if not as_json:
        stopping = answer.get("stopping", 0)
        terminal.echo("cancelled" if answer["count"] else "the job was cancelled before; nothing has changed")
        if stopping:
            terminal.echo(f"{stopping} running {'attempt is' if stopping == 1 else 'attempts are'} being stopped")
        if wait:
            follow.watch(client, job_id)
        return
    if wait:
        ended = events.wait(client, job_id)
        answer |= {"stopping": ended.get("stopping", 0), "jobStatus": ended["jobStatus"]}
    output.show_json(answer)
