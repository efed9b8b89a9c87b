"""`enginehouse export …`: a zip with the results of engines and the media of targets."""

from pathlib import Path

import click

from enginehouse.cli import output, terminal
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_types import ENGINE, TARGET
from enginehouse.cli.options import engine_id
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import flexible, show_rows
from enginehouse.client import Client, Json, exports
from enginehouse.domain.exports import AION, TRANSCRIPTION, formats

_COLUMNS = ("export", "status", "files", flexible("bytes"), "created", flexible("remark"))


@click.group()
def export() -> None:
    """Export results and media of targets as a zip."""


@export.command()
@click.argument("target_ids", type=TARGET, metavar="TARGET...", nargs=-1, required=True)
@click.option(
    "--format", "kinds", multiple=True, type=click.Choice(formats(TRANSCRIPTION)), help="A format; may be repeated."
)
@click.option("--engine", type=ENGINE, metavar="ID", help="Only the results of this engine.")
@click.option("--category", "category_id", metavar="ID", help="Only those of the engines of this category.")
@click.option("--media", is_flag=True, help="With the media of each target.")
@click.option("--output", "path", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--no-wait", is_flag=True, help="Only request it, and show its id.")
@output.json_option
@with_client
def create(
    client: Client,
    target_ids: tuple[str, ...],
    *,
    kinds: tuple[str, ...],
    engine: str | None,
    category_id: str | None,
    media: bool,
    path: Path | None,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Request an export, wait for it, and save its zip.

    Without --engine and --category, the formats of subtitles are those of transcriptions, and `json` is the document of
    every engine that has results.
    """
    chosen = None if engine is None else engine_id(client, engine)
    made = exports.create(client, target_ids, _outputs(kinds, chosen, category_id), media=media)
    if no_wait:
        output.show(made, made["id"], as_json=as_json)
        return
    _save(client, made["id"], path, as_json=as_json)


@export.command()
@click.argument("export_id")
@click.option("--output", "path", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@output.json_option
@with_client
def download(client: Client, export_id: str, *, path: Path | None, as_json: bool) -> None:
    """Wait for an export that was requested before, and save its zip."""
    _save(client, export_id, path, as_json=as_json)


@export.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many to list.")
@output.json_option
@with_client
def list_(client: Client, *, limit: int, as_json: bool) -> None:
    """List the exports, the newest first."""
    records = exports.newest(client, limit)
    if as_json:
        output.show_json(records)
        return
    rows = [
        (one["id"], one["status"], _files(one), _bytes(one), ago(one["createdDateTime"]), one["message"])
        for one in records
    ]
    show_rows(_COLUMNS, rows, empty="There is no export. Make one with: enginehouse export create TARGET")


def _outputs(kinds: tuple[str, ...], engine: str | None, category_id: str | None) -> list[Json]:
    """Returns the outputConfigurations of the options."""
    chosen = {name: value for name, value in (("engineId", engine), ("categoryId", category_id)) if value is not None}
    if not chosen and set(kinds) <= {AION}:
        return []
    return [{**(chosen or {"categoryId": TRANSCRIPTION}), "formats": [{"extension": kind} for kind in kinds]}]


def _save(client: Client, export_id: str, path: Path | None, *, as_json: bool) -> None:
    file, said = path or Path(f"export-{export_id}.zip"), ""
    for now in exports.follow(client, export_id):
        line = f"{export_id}: {now['status']}, {_files(now)} files, {_bytes(now)} bytes"
        if line != said:
            terminal.echo(line, err=True)
        found, said = now, line
    if found["status"] == "failed":
        raise CommandError(f"The export failed: {found['message']}")
    try:
        exports.save(client, found, file)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
    if found["message"]:
        terminal.echo(found["message"], err=True)
    output.show({**found, "saved": str(file)}, str(file), as_json=as_json)


def _files(one: Json) -> str:
    return f"{one['progress']['filesDone']}/{one['progress']['files']}"


def _bytes(one: Json) -> str:
    return f"{one['progress']['bytesDone']:.0f}/{one['progress']['bytes']:.0f}"
