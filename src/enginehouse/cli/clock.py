"""`enginehouse clock …`: resets a storage clock that was ahead, in a database that the command opens itself."""

from pathlib import Path

import click

from enginehouse.cli import output
from enginehouse.cli.confirmation import confirm
from enginehouse.cli.offline_options import offline_options


@click.group()
def clock() -> None:
    """Reset a storage clock that was ahead."""


@clock.command()
@offline_options()
@click.option("--yes", is_flag=True, help="Do not ask whether the clocks are right now.")
@output.json_option
def reset(*, data: Path | None, database: str | None, yes: bool, as_json: bool) -> None:
    """Bring stored times that are in the future back to now.

    First set the clock that was wrong: this machine's for an embedded database, PostgreSQL's otherwise. Stop the server
    of an embedded database; servers on PostgreSQL can keep running. If no time is ahead, nothing changes.
    """
    # The server's own imports, which nothing else here needs.
    from enginehouse.cli import offline  # noqa: PLC0415

    ahead = offline.inspect_clock(data, database)
    if ahead is None:
        output.show(
            {"success": True, "reset": False}, "The storage clock is not ahead. Nothing was changed.", as_json=as_json
        )
        return
    confirm(ahead, "Is that clock right now?", yes=yes)
    done = offline.reset_clock(data, database)
    text = (
        f"The clock is reset. Waiting items that may start: {done.items}; leases that expire within a minute: "
        f"{done.leases}; schedules that continue from now: {done.schedules}."
    )
    record = {"success": True, "reset": True, "items": done.items, "leases": done.leases, "schedules": done.schedules}
    output.show(record, text, as_json=as_json)
