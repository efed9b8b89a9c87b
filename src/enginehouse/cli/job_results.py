"""`enginehouse job results` and `logs`: show what the engines of a job have found and printed."""

import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Final

import click
import msgspec

from enginehouse.cli import job_view, log_follow, output, summary, terminal
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_types import JOB
from enginehouse.cli.options import ordinals, task_option
from enginehouse.cli.transfer import with_bar
from enginehouse.client import Client, Json, RequestFailed, files, jobs
from enginehouse.text.findings import Findings
from enginehouse.text.findings_formats import FORMS

_STDOUT: Final = Path("-")
_OTHERS: Final = ("--save", "--list", "--json")
_APART: Final = (*product(("--format", "--output"), _OTHERS), ("--save", "--list"))


@click.command()
@click.argument("job_id", type=JOB)
@click.option(
    "--format", "form", type=click.Choice(tuple(FORMS)), help="Write the result in this form instead of showing it."
)
@click.option(
    "--output",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file, - for stdout. Without --format, the end of its name chooses it: txt without one.",
)
@click.option("--name", help="Take this output of the job: as it is, or with --format in that form.")
@click.option(
    "--save", type=click.Path(path_type=Path, file_okay=False), help="Save all outputs, or --name, in this folder."
)
@click.option("--list", "only_list", is_flag=True, help="Only list the outputs.")
@output.json_option
@with_client
def results(
    client: Client,
    job_id: str,
    *,
    form: str | None,
    path: Path | None,
    name: str | None,
    save: Path | None,
    only_list: bool,
    as_json: bool,
) -> None:
    """Show what the engines of a job have found, write it in another form, or save the outputs as they are.

    What was not judged says so. Subtitles (srt, vtt, ttml) need words with times. csv has a row for each utterance,
    sentence, keyword and entity. json is what is shown here, for programs; aion is the document of the engines.
    """
    writes = form is not None or path is not None or (name is not None and save is None and not only_list)
    _refuse_together({"--format": form, "--output": path, "--save": save, "--list": only_list, "--json": as_json})
    form = form or (_form_of(path, name) if writes else None)
    records = jobs.outputs(client, job_id)
    chosen = [one for one in records if name in (None, one["name"])]
    if name is not None and not chosen:
        names = ", ".join(one["name"] for one in records) or "none yet"
        raise CommandError(f'Output "{name}" was not found. The job\'s outputs: {names}.')
    if writes:
        _write(client, job_id, form, name, path, chosen)
        return
    paths = _save(client, job_id, chosen, save)
    found = None if only_list or save is not None else _findings(client, job_id)
    if as_json:
        facts: Json = {"outputs": chosen, "saved": [str(each) for each in paths]}
        output.show_json({"result": found and msgspec.to_builtins(found), **facts})
    elif save is not None:
        terminal.echo("\n".join(map(str, paths)) or "no outputs yet", err=not paths)
    elif found is None and not chosen:
        terminal.echo(_nothing(jobs.get(client, job_id)))
    else:
        _show(found, chosen)


@click.command()
@click.argument("job_id", type=JOB)
@task_option
@click.option("--follow", is_flag=True, help="Continue until the job has ended, and show what is printed meanwhile.")
@output.json_option
@with_client
def logs(client: Client, job_id: str, *, ordinal: int | None, follow: bool, as_json: bool) -> None:
    """Show what the engines of a job have printed, attempt by attempt.

    With --follow and --json, each part of a log is one line.
    """
    tasks = jobs.get(client, job_id)["tasks"]
    if follow:
        ordinals(tasks, ordinal)
        log_follow.follow(client, job_id, ordinal, as_json=as_json)
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


def _refuse_together(given: dict[str, object]) -> None:
    """Raises CommandError if these flags of `results` contradict one another."""
    present = [flag for flag, value in given.items() if value not in (None, False)]
    clashes = [pair for pair in _APART if set(pair) <= set(present)]
    if clashes:
        raise CommandError("; ".join(f"{one}: not together with {other}" for one, other in clashes) + ".", exit_code=2)


def _form_of(path: Path | None, name: str | None) -> str | None:
    """Returns the form that the end of the file's name says, txt without one; None for an output as it is.

    Raises CommandError if the end says none.
    """
    if name is not None:
        return None
    ending = "" if path is None else path.suffix.removeprefix(".").lower()
    if ending and ending not in FORMS:
        raise CommandError(
            f"--output: {path} ends in .{ending}, which is no form. Allowed: {', '.join(FORMS)}; or give --format.",
            exit_code=2,
        )
    return ending or "txt"


def _write(
    client: Client, job_id: str, form: str | None, name: str | None, path: Path | None, chosen: Sequence[Json]
) -> None:
    """The result, or the output of this name, is in the file, or on stdout."""
    blocks: Iterator[bytes]
    if form is None and name is not None:
        blocks, size = jobs.output_bytes(client, job_id, name), int(chosen[0]["size"])
    else:
        blocks, size = jobs.result_bytes(client, job_id, form or "txt", name), None
    if path is None or path == _STDOUT:
        terminal.write(blocks if sys.stdout.isatty() else with_bar(blocks, "result", size))
        return
    try:
        files.write(with_bar(blocks, path.name, size), path)
    except OSError as error:
        raise CommandError(f"--output: {path} cannot be written: {error.strerror}.") from None


def _save(client: Client, job_id: str, chosen: Sequence[Json], folder: Path | None) -> list[Path]:
    """The outputs are files in the folder, if there is one. Returns their paths."""
    if folder is None:
        return []
    sizes = {one["name"]: int(one["size"]) for one in chosen}
    try:
        return jobs.save_outputs(
            client, job_id, list(sizes), folder, passing=lambda name, blocks: with_bar(blocks, name, sizes[name])
        )
    except OSError as error:
        raise CommandError(f"--save: {folder} cannot be written: {error.strerror}.") from None


def _findings(client: Client, job_id: str) -> Findings | None:
    """Returns what the engines have found, None if they have published nothing that can be read as a result."""
    try:
        return msgspec.json.decode(b"".join(jobs.result_bytes(client, job_id, "json")), type=Findings)
    except RequestFailed as failure:
        if failure.code == "not_found":
            return None
        raise


def _nothing(job: Json) -> str:
    """Returns the sentence about a job without outputs."""
    name, status = job["coreJobID"], job["jobStatus"]
    match status:
        case "complete":
            return f"Job {name} is complete and has no output."
        case "failed" | "aborted":
            how = "failed" if status == "failed" else "was cancelled"
            return f"Job {name} {how} and has no output. Why: enginehouse job get {name}"
        case _:
            return f"Job {name} is {status} and has no output yet. Wait for it with: enginehouse job watch {name}"


def _show(found: Findings | None, outputs: Sequence[Json]) -> None:
    console = output.console()
    if found is not None:
        summary.show_findings(console, found)
        console.print()
    console.print(output.table(("output", "bytes"), [(one["name"], one["size"]) for one in outputs]))


COMMANDS: Final = (results, logs)
