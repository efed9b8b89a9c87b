"""`enginehouse pipeline …`: lists, shows, adds and removes pipelines."""

from typing import IO

import click

from enginehouse.cli import output
from enginehouse.cli.confirmation import confirm, yes_option
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_types import PIPELINE
from enginehouse.cli.options import json_object
from enginehouse.cli.relative_time import with_words
from enginehouse.cli.rows import flexible, show_rows
from enginehouse.client import Client, Json, engines, pipelines

_INPUTS = {"text": "the text of any file", "sound": "sound and video", "chunks": "any file, in pieces"}


@click.group()
def pipeline() -> None:
    """List pipelines, which are jobs with names; show, add and remove one.

    A pipeline takes any file: what the file is decides what reads it. Start one with: enginehouse job create --pipeline
    """


@pipeline.command("list")
@output.json_option
@with_client
def list_(client: Client, *, as_json: bool) -> None:
    """List the pipelines that are built in, and the organization's own."""
    records = pipelines.list_(client)
    if as_json:
        output.show_json(records)
        return
    rows = [(one["name"], "built in" if one["builtIn"] else "own", one["description"] or None) for one in records]
    show_rows(("pipeline", "kind", flexible("description")), rows, empty="There is no pipeline.")


@pipeline.command()
@click.argument("name", type=PIPELINE)
@click.option(
    "--type", "media_type", metavar="TYPE", help="Show the job that it makes of such a file: application/pdf."
)
@output.json_option
@with_client
def show(client: Client, name: str, *, media_type: str | None, as_json: bool) -> None:
    """Show what a pipeline does, and which engines do it now.

    With --type and --json, the job is the input of createJob; its tasks and routes also make a job template.
    """
    record = pipelines.get(client, name)
    job = None if media_type is None else pipelines.plan(client, name, {"mediaType": media_type})["job"]
    if as_json:
        output.show_json(record if job is None else job)
        return
    console = output.console()
    facts = [
        ("pipeline", record["name"]),
        ("", record["description"] or None),
        ("takes", _INPUTS.get(record["input"], record["input"])),
        ("of", "the server" if record["builtIn"] else "the organization"),
        ("changed", with_words(record["modifiedDateTime"])),
    ]
    console.print(output.facts(facts))
    rows = [(one["name"], one["reads"], one["engineName"] or _missing(one)) for one in record["steps"]]
    if rows:
        console.print()
        console.print(output.table(("step", "reads", "engine"), rows))
    if job is not None:
        console.print()
        console.print(output.table(("task", "engine", "reads"), _tasks(client, job)))


@pipeline.command()
@click.argument("file", type=click.File("rb"))
@click.option("--name", help="Its name, if the file does not say it.")
@output.json_option
@with_client
def add(client: Client, file: IO[bytes], *, name: str | None, as_json: bool) -> None:
    """Add the pipeline in a JSON file, in place of one with its name; - is stdin.

    The file has name, steps, and perhaps description and input (text, sound or chunks). A step has a name, engines in
    order of preference or a category, and perhaps reads, payload and optional.
    """
    fields = json_object(file.name, file.read())
    given = fields.pop("name", None)
    if name is None and not isinstance(given, str):
        raise CommandError(f'{file.name}: "name" is missing; give it there or with --name.', exit_code=2)
    stored = pipelines.put(client, name if name is not None else given, fields)
    output.show(stored, f"The pipeline {stored['name']} is there.", as_json=as_json)


@pipeline.command()
@click.argument("name", type=PIPELINE)
@yes_option
@output.json_option
@with_client
def remove(client: Client, name: str, *, yes: bool, as_json: bool) -> None:
    """Remove a pipeline of the organization. Its jobs stay."""
    record = pipelines.get(client, name)
    if not record["builtIn"]:
        confirm(f"The pipeline {name} would be removed.", "Remove it?", yes=yes)
    pipelines.delete(client, name)
    output.show({"name": name, "removed": True}, "removed", as_json=as_json)


def _missing(step: Json) -> str:
    return "left out: no engine is installed" if step["optional"] else "no engine is installed"


def _tasks(client: Client, job: Json) -> list[tuple[int, str, str | None]]:
    names = {one["id"]: one["name"] for one in engines.search(client)}
    places = {folder["referenceId"]: number for number, task in enumerate(job["tasks"]) for folder in task["ioFolders"]}
    parents: dict[int, list[int]] = {}
    for route in job.get("routes", ()):
        child, parent = (places[route[f"{end}IoFolderReferenceId"]] for end in ("child", "parent"))
        parents.setdefault(child, []).append(parent)
    return [
        (number, names.get(task["engineId"], task["engineId"]), ", ".join(map(str, parents.get(number, ()))) or None)
        for number, task in enumerate(job["tasks"])
    ]
