"""`enginehouse engine …`: lists the engines, and limits how many attempts of one may run."""

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.cli.limits import add_pause_commands
from enginehouse.cli.options import number_or_none
from enginehouse.client import Client, engines, limits


@click.group()
def engine() -> None:
    """List engines; limit and pause them."""


add_pause_commands(
    engine,
    "engines",
    pause_help="Let nothing more of an engine start; what runs goes on.",
    resume_help="End the pause of an engine.",
)


@engine.command("list")
@click.option("--name", help="Only engines with this in their names.")
@output.json_option
@with_client
def list_(client: Client, *, name: str | None, as_json: bool) -> None:
    """List the engines that jobs may name."""
    records = engines.search(client, name)
    if as_json:
        output.show_json(records)
        return
    rows = [
        (one["id"], one["name"], (one["category"] or {}).get("name"), (one["mode"] or "").lower(), one["state"])
        for one in records
    ]
    output.console().print(output.table(("engine", "name", "category", "mode", "state"), rows))


@engine.command()
@click.argument("name", metavar="ID")
@click.argument("limit", metavar="NUMBER|none")
@output.json_option
@with_client
def limit(client: Client, name: str, limit: str, *, as_json: bool) -> None:
    """Limit how many attempts of an engine run at once, of all organizations together."""
    limited = limits.limit_engine(client, name, number_or_none(limit))
    output.show(limited, f"running limit: {limited.get('runningLimit', 'none')}", as_json=as_json)
