"""`enginehouse engine …`: which engines there are, and how much of them may run."""

import click

from enginehouse.cli import output, pause
from enginehouse.cli.connection import at_server
from enginehouse.client import engines, limits
from enginehouse.client.http import Connection


@click.group()
def engine() -> None:
    """See which engines there are; limit and pause them."""


pause.add_to(engine, "engines", what="an engine")


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


@engine.command()
@click.argument("name", metavar="ID")
@click.argument("limit", metavar="NUMBER|none")
@output.json_option
@at_server
def limit(server: Connection, name: str, limit: str, *, as_json: bool) -> None:
    """Let at most so many attempts of an engine run at once, all organizations together."""
    changed = limits.limit_engine(server, name, pause.limit_in(limit))
    if as_json:
        output.show_json(changed)
    else:
        click.echo(f"running limit: {changed.get('runningLimit', 'none')}")
