"""`enginehouse engine …`: which engines there are."""

import click

from enginehouse.cli import output
from enginehouse.cli.where import at_server
from enginehouse.client import engines
from enginehouse.client.http import Connection


@click.group()
def engine() -> None:
    """See which engines there are."""


@engine.command("list")
@click.option("--name", help="Only those with this in their names.")
@output.json_option
@at_server
def list_(server: Connection, *, name: str | None, as_json: bool) -> None:
    """List the engines that jobs may name."""
    found = engines.listed(server, name)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (one["id"], one["name"], (one["category"] or {}).get("name"), (one["mode"] or "").lower(), one["state"])
        for one in found
    ]
    output.console().print(output.table(("engine", "name", "category", "mode", "state"), rows))
