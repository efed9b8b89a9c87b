"""`enginehouse worker …`: who runs work."""

import click

from enginehouse.cli import output
from enginehouse.cli.connection import at_server
from enginehouse.client import why
from enginehouse.client.http import Connection


@click.group()
def worker() -> None:
    """See who runs work."""


@worker.command("list")
@output.json_option
@at_server
def list_(server: Connection, *, as_json: bool) -> None:
    """List the workers: their slots, how much they run now, when they were last heard of.

    One that was not heard of for three beats is gone. Names are shown to administrators.
    """
    found = why.workers(server)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            one.get("name"),
            ", ".join(f"{count} {pool}" for pool, count in sorted(one["slots"].items()) if count),
            one["running"],
            len(one["engineIDs"]),
            one["seenDateTime"],
            "connected" if one["connected"] else "gone",
        )
        for one in found
    ]
    output.console().print(output.table(("worker", "slots", "running", "engines", "seen", ""), rows))
