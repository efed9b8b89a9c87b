"""`enginehouse job items`: the items of a task by their status. A task that works on chunks may have very many."""

from itertools import islice

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.cli.id_types import JOB
from enginehouse.cli.job_view import reason
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import flexible, optional, show_rows
from enginehouse.client import Client, jobs

_STATUSES = ("queued", "waiting", "running", "complete", "failed", "aborted")


@click.command()
@click.argument("job_id", type=JOB)
@click.option("--task", "ordinal", type=int, default=0, show_default=True, help="The number of the task.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only items with this status.")
@click.option("--after", type=int, help="Only items after this one.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The largest number to list.")
@output.json_option
@with_client
def items(
    client: Client, job_id: str, *, ordinal: int, status: str | None, after: int | None, limit: int, as_json: bool
) -> None:
    """List the items of a task: one for a whole task, else one for each chunk."""
    counts = jobs.item_page(client, job_id, ordinal, status=status, after=after, limit=1)["counts"]
    found = list(islice(jobs.items(client, job_id, ordinal, status=status, after=after), limit))
    if as_json:
        output.show_json({"counts": counts, "items": found})
        return
    rows = [
        (
            one["item"], output.status(one["status"]), one["number"], ago(one.get("startedDateTime")),
            ago(one.get("endedDateTime", one.get("againDateTime"))), reason(one), one.get("worker"),
        )
        for one in found
    ]  # fmt: skip
    console = output.console()
    console.print(", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no items yet")
    if rows:
        ends = ("ended or again", flexible("reason"), optional("worker"))
        show_rows(("item", "status", "attempt", "started", *ends), rows, empty="")
