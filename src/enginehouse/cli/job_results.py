"""`enginehouse job results` and `logs`: show what the engines of a job have published and printed."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from enginehouse.cli import job_view, log_follow, output, terminal
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.options import ordinals, task_option
from enginehouse.client import Client, Json, jobs
from enginehouse.text.subtitles import FORMATS
from enginehouse.text.transcript import CueRules, cues, words


@click.command()
@click.argument("job_id")
@click.option("--output", "name", help="Write this output to stdout.")
@click.option(
    "--save", type=click.Path(path_type=Path, file_okay=False), help="Save all outputs, or --output, in this folder."
)
@click.option(
    "--format", "kind", type=click.Choice(tuple(FORMATS)), help="Write the transcript to stdout in this form."
)
@output.json_option
@with_client
def results(
    client: Client, job_id: str, *, name: str | None, save: Path | None, kind: str | None, as_json: bool
) -> None:
    """List what a job has published, write one output or its transcript to stdout, or save outputs in a folder."""
    records = jobs.outputs(client, job_id)
    chosen = [one for one in records if name in (None, one["name"])]
    if name is not None and not chosen:
        names = ", ".join(one["name"] for one in records) or "none yet"
        raise CommandError(f'Output "{name}" was not found. The job\'s outputs: {names}.')
    if kind is not None:
        terminal.write([_transcript(client, job_id, [one["name"] for one in chosen], kind).encode()])
        return
    if name is not None and save is None:
        _write_to_stdout(client, job_id, name)
        return
    paths = [] if save is None else jobs.save_outputs(client, job_id, [one["name"] for one in chosen], save)
    if as_json:
        output.show_json({"outputs": chosen, "saved": [str(path) for path in paths]})
    elif save is not None:
        terminal.echo("\n".join(map(str, paths)) or "no outputs yet", err=not paths)
    else:
        output.console().print(output.table(("output", "bytes"), [(one["name"], one["size"]) for one in chosen]))


@click.command()
@click.argument("job_id")
@task_option
@click.option("--follow", is_flag=True, help="Go on until the job has ended, and show what is printed meanwhile.")
@output.json_option
@with_client
def logs(client: Client, job_id: str, *, ordinal: int | None, follow: bool, as_json: bool) -> None:
    """Show what the engines of a job have printed, attempt by attempt."""
    tasks = jobs.get(client, job_id)["tasks"]
    if follow:
        if as_json:
            raise CommandError("--follow: not with --json, because the logs go on.", exit_code=2)
        ordinals(tasks, ordinal)
        log_follow.follow(client, job_id, ordinal)
        return
    records: list[Json] = [
        {"task": number, "engine": job_view.task_name(tasks[number]), "log": name, "text": text}
        for number in ordinals(tasks, ordinal)
        for name, text in jobs.logs(client, tasks[number]["internalTaskID"])
    ]
    if as_json:
        output.show_json(records)
        return
    for one in records:
        terminal.echo_raw(f"== task {one['task']}, {one['engine']}, {one['log']}\n{one['text'].rstrip()}")


def _transcript(client: Client, job_id: str, names: list[str], kind: str) -> str:
    """Returns the first transcript among the outputs, those of the output writer first."""
    for name in sorted(names, key=lambda name: not name.startswith("vtn-standard")):
        if name.endswith(".json"):
            with suppress(ValueError, RecursionError):  # it is no JSON
                if spoken := words(json.loads(b"".join(jobs.output_bytes(client, job_id, name)))):
                    return FORMATS[kind][1](cues(spoken, CueRules()))
    raise CommandError("No output of this job is a transcript: none has words with times.")


def _write_to_stdout(client: Client, job_id: str, name: str) -> None:
    terminal.write(jobs.output_bytes(client, job_id, name))


COMMANDS: Final = (results, logs)
