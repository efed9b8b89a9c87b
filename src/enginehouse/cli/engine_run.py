"""`enginehouse engine test`: one job with one engine on a file, and its result, or exactly what went wrong."""

import mimetypes
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from enginehouse.cli import follow, output
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_types import ENGINE
from enginehouse.cli.options import engine_id, json_object, payload_option
from enginehouse.client import Client, Json, engines, events, files, jobs

_SHOWN: Final = 4_000  # bytes of a result; --output keeps all of it
_PATIENCE: Final = 3  # looks at an engine that is not available, about a second apart


@click.command("test")
@click.argument("name", type=ENGINE, metavar="ID")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--type", "media_type", metavar="TYPE", help="The media type of the file.  [default: by its name]")
@payload_option
@click.option("--output", "folder", type=click.Path(file_okay=False, path_type=Path), help="Keep the results here.")
@output.json_option
@with_client
def run_once(
    client: Client,
    *,
    name: str,
    file: Path,
    media_type: str | None,
    payload: str | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Run one job of an engine on a file, and show its result or what went wrong.

    A failure is not tried again. If the engine is not available, the job is cancelled and the command says why.
    """
    console = output.console(err=as_json)
    engine = engine_id(client, name)
    task: Json = {"engineId": engine, "executionPreferences": {"maxRetries": 0}}
    if payload is not None:
        task["payload"] = json_object("--payload", payload)
    kind = media_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    job_id, warnings = jobs.create(client, {"targetId": files.upload(client, file, kind), "tasks": [task]})
    for warning in warnings:
        console.print(f"warning: {warning}", markup=False)
    console.print(f"job {job_id} on {file.name}, {kind}", markup=False)
    job = _followed(client, job_id, engine)
    if job["jobStatus"] != "complete":
        for line in follow.log_tail(client, job):
            console.print(f"  log: {line}", markup=False)
    follow.refuse_unless_complete(client, job, hint="")
    _show(client, job_id, folder, console, as_json=as_json)


def _followed(client: Client, job_id: str, engine: str) -> Json:
    """Returns the ended job. Raises CommandError when the engine stays unavailable; then the job is cancelled."""
    looks = 0
    for message in events.follow(client, job_id, heartbeat=1):
        if message.kind != "heartbeat":
            continue
        unavailable = engines.get(client, engine).get("unavailable")
        looks = 0 if unavailable is None else looks + 1
        if unavailable is not None and looks >= _PATIENCE:
            jobs.cancel(client, job_id, include_running=True)
            raise CommandError(f"The engine is not available: {unavailable['reason']}. Job {job_id} is cancelled.")
    return jobs.get(client, job_id)


def _show(client: Client, job_id: str, folder: Path | None, console: Console, *, as_json: bool) -> None:
    names = [one["name"] for one in jobs.outputs(client, job_id)]
    if folder is not None:
        for path in jobs.save_outputs(client, job_id, names, folder):
            console.print(f"kept {path}", markup=False)
    if as_json:
        output.show_json({"jobId": job_id, "outputs": jobs.outputs(client, job_id)})
        return
    if not names:
        console.print("The engine answered that there is nothing to keep.")
    for name in names if folder is None else ():
        start = b""
        for block in jobs.output_bytes(client, job_id, name):
            start += block
            if len(start) > _SHOWN:
                break
        text = start[:_SHOWN].decode("utf-8", "replace")
        more = " … (--output keeps all of it)" if len(start) > _SHOWN else ""
        console.print(f"\n{name}:\n{text}{more}", markup=False, highlight=False, soft_wrap=True)
