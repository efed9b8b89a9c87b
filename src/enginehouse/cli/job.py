"""`enginehouse job …`: what a person does with jobs, from the smallest one to a whole graph in a file."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from enginehouse.cli import bulk_cancels, follow, history, job_failure, output, pause
from enginehouse.cli.attempts import attempts
from enginehouse.cli.connection import at_named_server, at_server
from enginehouse.cli.job_options import Wanted, read_request
from enginehouse.cli.problem import FailureError
from enginehouse.cli.why import why
from enginehouse.client import events, jobs
from enginehouse.client.http import Connection

_key_option = click.option(
    "--idempotency-key",
    "key",
    help="Any text: the same command with the same key is done once, however often it is run.",
)


@click.group()
def job() -> None:
    """Create, watch, cancel and retry jobs; fetch their results.

    An id may be given as either interface spells it.
    """


job.add_command(attempts)
job.add_command(why)
pause.add_to(job, "jobs", what="a job")


@job.command()
@click.option("--engine", help="The only task's engine: its id, its slug or a part of its name.")
@click.option("--url", "source_url", help="What the engine works on: an http(s) URL …")
@click.option("--text", help="… or this text …")
@click.option("--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="… or a file, which is uploaded.")
@click.option("--payload", metavar="JSON", help="The engine's settings, an object.")
@click.option(
    "--from", "request", type=click.File("rb"), help="A JSON file with a whole request of either interface; - is stdin."
)
@click.option("--watch", is_flag=True, help="Stay until the job has ended.")
@_key_option
@output.json_option
@at_named_server
def create(
    server: Connection,
    *,
    request: Any,
    watch: bool,
    as_json: bool,
    source_url: str | None,
    key: str | None,
    **given: Any,
) -> None:
    """Create a job: one engine on a URL, a text or a file, or all that a file describes.

    --from takes the body of POST /edge/v1/proc/job/create, or the input of the mutation createJob.
    """
    wanted = Wanted(url=source_url, key=key, **given)
    if key is not None and wanted.file is not None:
        raise FailureError(
            "--idempotency-key: not with --file, which is uploaded as another target each time. Upload it once, and "
            "name the target in --from.",
            exit_code=2,
        )
    ids, warnings = read_request(server, request, key=key) if request is not None else ([], [])
    if request is None:
        made, warnings = wanted.create(server)
        ids = [made]
    elif wanted.anything():
        raise FailureError("--from says everything; leave the other flags out.", exit_code=2)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if watch:
        for job_id in ids:
            _watched(server, job_id, as_json=as_json)
    elif as_json:
        output.show_json({"ids": ids, "warnings": warnings})
    else:
        click.echo("\n".join(ids))


@job.command()
@click.argument("job_id")
@output.json_option
@at_server
def get(server: Connection, job_id: str, *, as_json: bool) -> None:
    """Show a job and its tasks as they are now."""
    found = jobs.detail(server, job_id)
    if as_json:
        output.show_json(found)
        return
    shown = output.console()
    facts = [
        ("job", found["coreJobID"]),
        ("REST id", found["internalJobID"]),
        ("status", output.status(found["jobStatus"])),
        ("created", found["createdDateTime"]),
        ("started", found.get("startedDateTime")),
        ("ended", found.get("completedDateTime") or found.get("abortedDateTime")),
        ("paused", found.get("pausedDateTime")),
        ("cancelled", found.get("stopRequestedDateTime")),
        ("still stopping", found.get("stopping") or None),
        ("target", found.get("coreRecordingId")),
        ("retry of", found.get("retryOf")),
        ("first job", found.get("rootJobID")),
        ("retries", "\n".join(found.get("retries", ())) or None),
    ]
    shown.print(output.table(("", ""), [fact for fact in facts if fact[1] is not None]))
    shown.print(follow.tasks(found))


@job.command("list")
@click.option("--status", help="Only jobs with this status.")
@click.option("--limit", type=int, default=20, show_default=True, help="At most so many.")
@click.option("--offset", type=int, default=0, show_default=True, help="Leave out the newest so many.")
@output.json_option
@at_server
def list_(server: Connection, *, status: str | None, limit: int, offset: int, as_json: bool) -> None:
    """List jobs, newest first."""
    found = jobs.listed(server, status=status, limit=limit, offset=offset)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (one["coreJobID"], output.status(one["jobStatus"]), _progress(one), one["createdDateTime"], _engines(one))
        for one in found["result"]
    ]
    output.console().print(output.table(("job", "status", "tasks", "created", "engines"), rows))
    if offset + len(rows) < found["count"]:
        click.echo(f"{len(rows)} of {found['count']}; more with --offset {offset + len(rows)}", err=True)


@job.command()
@click.argument("job_id")
@output.json_option
@at_server
def watch(server: Connection, job_id: str, *, as_json: bool) -> None:
    """Follow a job until it has ended, event by event; --json: one in a line. Exit code 0 when it is complete."""
    if as_json:
        _stream(server, job_id)
    else:
        _watched(server, job_id, as_json=False)


@job.command("events")
@click.argument("job_id")
@output.json_option
@at_server
def events_(server: Connection, job_id: str, *, as_json: bool) -> None:
    """List what has happened to a job and its tasks."""
    found = events.listed(server, job_id)
    if as_json:
        output.show_json(found)
        return
    names = [follow.task_name(task) for task in jobs.detail(server, job_id)["tasks"]]
    rows = [
        (one["id"], one["dateTime"], "job" if "task" not in one else f"{one['task']} {names[one['task']]}",
         history.words(one), history.remark(one))
        for one in found
    ]  # fmt: skip
    output.console().print(output.table(("", "when", "what", "event", ""), rows))


@job.command()
@click.argument("job_id", required=False)
@bulk_cancels.range_options
@click.option("--include-running", is_flag=True, help="Stop what has started, too.")
@click.option("--wait", is_flag=True, help="Stay until all of it has stopped.")
@_key_option
@output.json_option
@at_server
def cancel(
    server: Connection,
    job_id: str | None,
    *,
    created: bulk_cancels.Range,
    include_running: bool,
    wait: bool,
    key: str | None,
    as_json: bool,
) -> None:
    """Cancel a job that has not started: none of its tasks starts any more.

    With --include-running also one that has: what runs is told to end, and made to after a while; then it is aborted.
    Without a job, all those of an organization that were created from one moment to another: how many first, and then
    the question.
    """
    if job_id is None:
        bulk_cancels.cancel(server, created, include_running=include_running, wait=wait, key=key, as_json=as_json)
        return
    created.refuse_beside_a_job()
    answer = jobs.cancel(server, job_id, include_running=include_running)
    if not as_json:
        stopping = answer.get("stopping", 0)
        click.echo("cancelled" if answer["count"] else "it was cancelled before; nothing has changed")
        if stopping:
            click.echo(f"{stopping} running {'attempt is' if stopping == 1 else 'attempts are'} being stopped")
    if wait:
        if as_json:
            [*_, ended] = follow.snapshots(server, job_id)
            answer |= {"stopping": ended.get("stopping", 0), "jobStatus": ended["jobStatus"]}
        else:
            ended = follow.follow(server, job_id, output.console())
            output.console().print(f"job {ended['coreJobID']}: {ended['jobStatus']}")
    if as_json:
        output.show_json(answer)


@job.command()
@click.argument("job_id")
@click.option("--only-failed", is_flag=True, help="Run only what is not complete, on the stored outputs of the rest.")
@_key_option
@output.json_option
@at_server
def retry(server: Connection, job_id: str, *, only_failed: bool, key: str | None, as_json: bool) -> None:
    """Do a job that is not complete again, as a new job."""
    made = jobs.retry(server, job_id, only_failed=only_failed, key=key)
    if as_json:
        output.show_json({"id": made, "retryOf": job_id})
    else:
        click.echo(made)


@job.command()
@click.argument("job_id")
@click.option("--output", "name", help="Write this output to stdout.")
@click.option("--save", type=click.Path(path_type=Path, file_okay=False), help="Put all of them, or --output, here.")
@output.json_option
@at_server
def results(server: Connection, job_id: str, *, name: str | None, save: Path | None, as_json: bool) -> None:
    """List what a job has published, write one output to stdout, or save them in a folder."""
    found = jobs.outputs(server, job_id)
    chosen = [one for one in found if name in (None, one["name"])]
    if name is not None and not chosen:
        known = ", ".join(one["name"] for one in found) or "none yet"
        raise FailureError(f'Output "{name}" was not found. The job\'s outputs: {known}.')
    if name is not None and save is None:
        _to_stdout(server, job_id, name)
        return
    saved = [_saved(server, job_id, one["name"], save) for one in chosen] if save is not None else []
    if as_json:
        output.show_json({"outputs": chosen, "saved": [str(path) for path in saved]})
    elif save is not None:
        click.echo("\n".join(map(str, saved)) or "no outputs yet", err=not saved)
    else:
        output.console().print(output.table(("output", "bytes"), [(one["name"], one["size"]) for one in chosen]))


@job.command()
@click.argument("job_id")
@click.option("--task", "number", type=int, help="Only this task, by its number in: enginehouse job get.")
@output.json_option
@at_server
def logs(server: Connection, job_id: str, *, number: int | None, as_json: bool) -> None:
    """Show what the engines of a job have printed, attempt by attempt."""
    tasks = jobs.detail(server, job_id)["tasks"]
    if number is not None and not 0 <= number < len(tasks):
        raise FailureError(f"--task: 0–{len(tasks) - 1}, got {number}.", exit_code=2)
    found: list[dict[str, Any]] = []
    for at, task in enumerate(tasks):
        if number in (None, at):
            for name, text in jobs.logs(server, task["internalTaskID"]):
                found.append({"task": at, "engine": follow.task_name(task), "log": name, "text": text})
    if as_json:
        output.show_json(found)
        return
    for one in found:
        click.echo(f"== task {one['task']}, {one['engine']}, {one['log']}\n{one['text'].rstrip()}")


def _stream(server: Connection, job_id: str) -> None:
    try:
        for message in events.follow(server, job_id):
            if message.id is not None:
                click.echo(json.dumps(message.data, ensure_ascii=False))
    except events.NotServedError as missing:
        jobs.detail(server, job_id)
        raise FailureError("This server has no event streams; leave out --json, or use: job get --json") from missing
    job_failure.refuse_unless_complete(server, jobs.detail(server, job_id))


def _watched(server: Connection, job_id: str, *, as_json: bool) -> None:
    if as_json:
        ended = follow.until_ended(server, job_id)
        output.show_json(ended)
    else:
        ended = follow.follow(server, job_id, output.console())
        output.console().print(f"job {ended['coreJobID']}: {ended['jobStatus']}")
    job_failure.refuse_unless_complete(server, ended)


def _progress(one: dict[str, Any]) -> str:
    done = sum(task["taskStatus"] == "complete" for task in one["tasks"])
    return f"{done}/{len(one['tasks'])}"


def _engines(one: dict[str, Any]) -> str:
    names = [follow.task_name(task) for task in one["tasks"]]
    return ", ".join(names[:4]) + (" …" if len(names) > 4 else "")


def _saved(server: Connection, job_id: str, name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    # A name is an engine's to choose; only its last part may decide where on this machine the bytes go.
    target = folder / (Path(name).name or "output")
    jobs.fetch_output(server, job_id, name, target)
    return target


def _to_stdout(server: Connection, job_id: str, name: str) -> None:
    sys.stdout.flush()
    for block in jobs.output_bytes(server, job_id, name):
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
