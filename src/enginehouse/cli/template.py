"""`enginehouse template …`: makes, shows, launches and deletes job templates."""

from typing import IO

import click

from enginehouse.cli import output
from enginehouse.cli.confirmation import confirm, yes_option
from enginehouse.cli.connection import with_client
from enginehouse.cli.id_types import TARGET, TEMPLATE
from enginehouse.cli.options import json_object, page_options
from enginehouse.cli.relative_time import ago, with_words
from enginehouse.cli.rows import flexible, show_page
from enginehouse.cli.schedule_options import template_of
from enginehouse.client import Client, Json, templates


@click.group()
def template() -> None:
    """Make, show, launch and delete job templates: jobs to create again and again."""


@template.command()
@click.argument("file", type=click.File("rb"))
@output.json_option
@with_client
def create(client: Client, file: IO[bytes], *, as_json: bool) -> None:
    """Make a template of a JSON file: a job template, or the input of createJob. "-" is stdin."""
    body = json_object(file.name, file.read())
    made = templates.create(client, template_of(body, file.name))
    output.show(made, made["id"], as_json=as_json)


@template.command("list")
@page_options
@output.json_option
@with_client
def list_(client: Client, *, limit: int, offset: int, as_json: bool) -> None:
    """List the job templates, newest first."""
    page = templates.page(client, limit=limit, offset=offset)
    if as_json:
        output.show_json(page)
        return
    rows = [
        (one["id"], len(_tasks(one)), ago(one["createdDateTime"]), ", ".join(map(_engine, _tasks(one))))
        for one in page["records"]
    ]
    empty = "There is no job template. Make one with: enginehouse template create FILE"
    columns = ("template", "tasks", "created", flexible("engines"))
    show_page(columns, rows, offset=offset, count=page["count"], empty=empty)


@template.command()
@click.argument("template_id", type=TEMPLATE, metavar="ID")
@output.json_option
@with_client
def show(client: Client, template_id: str, *, as_json: bool) -> None:
    """Show a job template and its tasks. With --json its payloads, folders and routes too."""
    record = templates.get(client, template_id)
    if as_json:
        output.show_json(record)
        return
    console = output.console()
    facts = [
        ("template", record["id"]),
        ("created", with_words(record["createdDateTime"])),
        ("changed", with_words(record["modifiedDateTime"])),
        ("pipeline", record["jobPipelineId"]),
        ("stage", record["jobPipelineStage"]),
    ]
    console.print(output.facts(facts))
    rows = [(ordinal, _engine(task), _folders(task)) for ordinal, task in enumerate(_tasks(record))]
    console.print(output.table(("task", "engine", "folders"), rows))


@template.command()
@click.argument("template_id", type=TEMPLATE, metavar="ID")
@click.option("--payload", metavar="JSON", help="An object that is merged into the payload of every task.")
@click.option(
    "--target", "target_id", type=TARGET, metavar="ID", help="The target of the job. Without it, the job has its own."
)
@output.json_option
@with_client
def launch(client: Client, template_id: str, *, payload: str | None, target_id: str | None, as_json: bool) -> None:
    """Create a job of a template, and print its id."""
    merged = None if payload is None else json_object("--payload", payload)
    job_id = templates.launch(client, template_id, payload=merged, target_id=target_id)
    output.show({"id": job_id}, job_id, as_json=as_json)


@template.command()
@click.argument("template_id", type=TEMPLATE, metavar="ID")
@yes_option
@output.json_option
@with_client
def delete(client: Client, template_id: str, *, yes: bool, as_json: bool) -> None:
    """Delete a job template. Its jobs stay. One that a schedule launches cannot be deleted."""
    record = templates.get(client, template_id)
    engines = ", ".join(map(_engine, _tasks(record)))
    confirm(f"The job template {template_id} ({engines}) would be deleted.", "Delete it?", yes=yes)
    templates.delete(client, template_id)
    output.show({"id": template_id, "deleted": True}, "deleted", as_json=as_json)


def _tasks(record: Json) -> list[Json]:
    found: list[Json] = record["taskTemplates"]["records"]
    return found


def _engine(task: Json) -> str:
    return str(task["engine"]["name"] if task["engine"] else task["engineId"])


def _folders(task: Json) -> str | None:
    return ", ".join(f"{one['type']} {one['referenceId']} ({one['mode']})" for one in task["ioFolders"] or ()) or None
