"""`enginehouse worker …`: lists the workers."""

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.client import Client, why


@click.group()
def worker() -> None:
    """List workers."""


@worker.command("list")
@output.json_option
@with_client
def list_(client: Client, *, as_json: bool) -> None:
    """List the workers: their worker slots, how many attempts they run, and when they were last heard of.

    A worker that misses three heartbeats is gone. Only administrators see the names.
    """
    records = why.workers(client)
    if as_json:
        output.show_json(records)
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
        for one in records
    ]
    output.console().print(output.table(("worker", "worker slots", "running", "engines", "seen", ""), rows))
