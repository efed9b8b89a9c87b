"""`enginehouse asset …`: uploads files as assets of targets, lists, fetches and deletes assets."""

from pathlib import Path

import click

from enginehouse.cli import output, terminal
from enginehouse.cli.confirmation import confirm, yes_option
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_types import TARGET
from enginehouse.cli.options import page_options
from enginehouse.cli.relative_time import ago, with_words
from enginehouse.cli.rows import flexible, optional, show_page
from enginehouse.client import Client, Json, UnusableFile, files, targets

_MEDIA = "media"


@click.group()
def asset() -> None:
    """Upload files as assets of targets; list, fetch and delete assets."""


@asset.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--target", "target_id", type=TARGET, metavar="ID", help="The target that gets it.  [default: a new one]")
@click.option("--type", "media_type", metavar="TYPE", help="Its media type.  [default: the server finds it]")
@click.option("--asset-type", help=f"What it is to the target, such as transcript; with --target.  [default: {_MEDIA}]")
@output.json_option
@with_client
def upload(
    client: Client,
    file: Path,
    *,
    target_id: str | None,
    media_type: str | None,
    asset_type: str | None,
    as_json: bool,
) -> None:
    """Upload a file. Without --target it becomes the primary asset of a new target, whose id is printed.

    A job works on it when its request names the target. With --target the id of the new asset is printed.
    """
    if asset_type is not None and target_id is None:
        raise CommandError("--asset-type: only with --target. The asset of a new target is its media.", exit_code=2)
    try:
        if target_id is not None:
            kind = asset_type or _MEDIA
            made = targets.add_asset(client, target_id, file, media_type=media_type, asset_type=kind)
            output.show(made, made["id"], as_json=as_json)
            return
        made_target = files.upload(client, file, media_type)
    except UnusableFile as fault:
        raise CommandError(str(fault)) from None
    output.show({"targetId": made_target}, made_target, as_json=as_json)


@asset.command("list")
@click.argument("target_id", type=TARGET, metavar="TARGET")
@page_options
@output.json_option
@with_client
def list_(client: Client, target_id: str, *, limit: int, offset: int, as_json: bool) -> None:
    """List the assets of a target, newest first."""
    page = targets.assets(client, target_id, limit=limit, offset=offset)
    if as_json:
        output.show_json(page)
        return
    rows = [
        (
            one["id"],
            one["assetType"],
            one["contentType"],
            output.size(one["assetSize"]),
            ago(one["createdDateTime"]),
            one["name"],
        )
        for one in page["records"]
    ]
    columns = ("asset", flexible("kind"), flexible("type"), "size", "created", optional("name"))
    empty = f"The target has no asset. Add one with: enginehouse asset upload FILE --target {target_id}"
    show_page(columns, rows, offset=offset, count=page["count"], empty=empty)


@asset.command()
@click.argument("asset_id", metavar="ID")
@output.json_option
@with_client
def show(client: Client, asset_id: str, *, as_json: bool) -> None:
    """Show an asset: what it is, and how large."""
    record = targets.asset(client, asset_id)
    if as_json:
        output.show_json(record)
        return
    facts = [
        ("asset", record["id"]),
        ("target", record["containerId"]),
        ("name", record["name"]),
        ("kind", record["assetType"]),
        ("type", record["contentType"]),
        ("size", output.size(record["assetSize"])),
        ("created", with_words(record["createdDateTime"])),
        ("address", record["uri"]),
    ]
    output.console().print(output.facts(facts))


@asset.command()
@click.argument("asset_id", metavar="ID")
@click.option("--output", "path", type=click.Path(path_type=Path, dir_okay=False), help="The file.  [default: stdout]")
@output.json_option
@with_client
def download(client: Client, asset_id: str, *, path: Path | None, as_json: bool) -> None:
    """Write the bytes of an asset to stdout, or to a file."""
    if path is None:
        if as_json:
            raise CommandError("--json: only with --output, because stdout has the bytes.", exit_code=2)
        terminal.write(targets.asset_bytes(client, asset_id))
        return
    try:
        files.write(targets.asset_bytes(client, asset_id), path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    output.show({"id": asset_id, "saved": str(path)}, str(path), as_json=as_json)


@asset.command()
@click.argument("asset_id", metavar="ID")
@yes_option
@output.json_option
@with_client
def delete(client: Client, asset_id: str, *, yes: bool, as_json: bool) -> None:
    """Delete an asset and its bytes."""
    record = targets.asset(client, asset_id)
    confirm(f"The asset {asset_id}{_described(record)} would be deleted.", "Delete it?", yes=yes)
    targets.delete_asset(client, asset_id)
    output.show({"id": asset_id, "deleted": True}, "deleted", as_json=as_json)


def _described(record: Json) -> str:
    parts = [part for part in (record["name"], output.size(record["assetSize"])) if part]
    return f" ({', '.join(parts)})" if parts else ""
