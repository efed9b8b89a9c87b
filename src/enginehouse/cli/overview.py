"""`enginehouse overview`: the numbers of the organization now, over time, or as they change."""

from typing import Final

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.human_time import LENGTH, MOMENT
from enginehouse.cli.rows import show_rows
from enginehouse.client import Client, Json
from enginehouse.client import overview as numbers

_MOVES: Final = ("created", "started", "complete", "failed", "aborted")


@click.command()
@click.option("--rates", is_flag=True, help="How many jobs were created, started and ended over time.")
@click.option(
    "--since",
    type=MOMENT,
    metavar="TIME",
    help='For --rates: from when on, as in "2h ago"; two days at most.  [default: an hour ago]',
)
@click.option("--step", type=LENGTH, metavar="LENGTH", help="For --rates: the length of a part.  [default: 1 min]")
@click.option("--follow", is_flag=True, help="A line for each change of the jobs by status, until it is stopped.")
@output.json_option
@with_client
def overview(client: Client, *, rates: bool, since: str | None, step: int | None, follow: bool, as_json: bool) -> None:
    """Show the jobs by status, what waits for engines, what runs, and what has failed within the hour."""
    if rates and follow:
        raise CommandError("--rates and --follow: one of them.", exit_code=2)
    if not rates and (since is not None or step is not None):
        raise CommandError("--since and --step: only with --rates.", exit_code=2)
    if follow:
        for found in numbers.follow(client):
            _show_counts(found, as_json=as_json)
    elif rates:
        points = numbers.rates(client, since=since, step=step)
        if as_json:
            output.show_json(points)
        else:
            rows = [(point["dateTime"], *(point[move] for move in _MOVES)) for point in points]
            show_rows(("from", *_MOVES), rows, empty="No time has passed since then.")
    elif as_json:
        output.show_json(numbers.now(client))
    else:
        _show(numbers.now(client))


def _show_counts(found: Json, *, as_json: bool) -> None:
    if as_json:
        output.show_json_line(found)
    else:
        output.console().print("  ".join(f"{jobs} {status}" for status, jobs in found["jobs"].items()))


def _show(found: Json) -> None:
    console = output.console()
    console.print(output.facts(found["jobs"].items(), title="jobs"))
    console.print(output.facts(found["running"].items(), title="running attempts"))
    for title, rows in (
        ("waiting items", [(one["engineName"], one["items"]) for one in found["waiting"]]),
        ("failed within the hour", list(found["failures"].items())),
    ):
        if rows:
            console.print(output.facts(rows, title=title))
