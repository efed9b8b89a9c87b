"""`enginehouse target …`: shows and deletes targets, which are what jobs work on."""

import json

import click

from enginehouse.cli import output
from enginehouse.cli.confirmation import confirm, yes_option
from enginehouse.cli.connection import with_client
from enginehouse.cli.id_types import TARGET
from enginehouse.cli.options import page_options
from enginehouse.cli.relative_time import ago, with_words
from enginehouse.cli.rows import flexible, optional, show_page
from enginehouse.client import Client, targets


@click.group()
def target() -> None:
    """List, show and delete targets: the media and data that jobs work on.

    A file becomes one with: enginehouse asset upload FILE
    """


@target.command("list")
@page_options
@output.json_option
@with_client
def list_(client: Client, *, limit: int, offset: int, as_json: bool) -> None:
    """List targets, newest first."""
    page = targets.page(client, limit=limit, offset=offset)
    if as_json:
        output.show_json(page)
        return
    rows = [
        (
            one["id"],
            one["name"],
            (one["primaryAsset"] or {}).get("contentType"),
            output.size((one["primaryAsset"] or {}).get("assetSize")),
            one["assetCount"],
            ago(one["createdDateTime"]),
            (one["primaryAsset"] or {}).get("name"),
        )
        for one in page["records"]
    ]
    columns = ("target", flexible("name"), flexible("type"), "size", "assets", "created", optional("file"))
    empty = "There is no target. Make one with: enginehouse asset upload FILE"
    show_page(columns, rows, offset=offset, count=page["count"], empty=empty)


@target.command()
@click.argument("target_id", type=TARGET, metavar="ID")
@output.json_option
@with_client
def show(client: Client, target_id: str, *, as_json: bool) -> None:
    """Show a target, its primary asset and its newest jobs."""
    record = targets.get(client, target_id)
    if as_json:
        output.show_json(record)
        return
    primary = record["primaryAsset"] or {}
    jobs = [f"{job['id']}  {job['status']}  {ago(job['createdDateTime'])}" for job in record["jobs"]["records"]]
    facts = [
        ("target", record["id"]),
        ("name", record["name"]),
        ("description", record["description"]),
        ("created", with_words(record["createdDateTime"])),
        ("assets", record["assetCount"]),
        ("primary asset", primary.get("id")),
        ("file", primary.get("name")),
        ("type", primary.get("contentType")),
        ("size", output.size(primary.get("assetSize"))),
        ("details", json.dumps(record["details"], ensure_ascii=False) if record["details"] else None),
        ("jobs", "\n".join(jobs) or None),
    ]
    output.console().print(output.facts(facts))


@target.command()
@click.argument("target_id", type=TARGET, metavar="ID")
@yes_option
@output.json_option
@with_client
def delete(client: Client, target_id: str, *, yes: bool, as_json: bool) -> None:
    """Delete a target and its assets, also those that engines have made. Its jobs stay."""
    record = targets.get(client, target_id)
    name = f' "{record["name"]}"' if record["name"] else ""
    assets = output.many(record["assetCount"], "asset")
    confirm(f"The target {target_id}{name} with {assets} would be deleted.", "Delete it?", yes=yes)
    targets.delete(client, target_id)
    output.show({"id": target_id, "deleted": True}, "deleted", as_json=as_json)
