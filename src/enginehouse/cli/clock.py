"""`enginehouse clock …`: mends a storage clock that was ahead, in a database that the command opens itself."""

from pathlib import Path

import click

from enginehouse.cli import output, terminal
from enginehouse.cli.errors import CommandError


@click.group()
def clock() -> None:
    """Mend a storage clock that was ahead."""


@clock.command()
@click.option("--data", envvar="ENGINEHOUSE_DATA", type=click.Path(path_type=Path), help="A server's data folder.")
@click.option("--database", envvar="ENGINEHOUSE_DATABASE", metavar="URL", help="A PostgreSQL database.")
@click.option("--yes", is_flag=True, help="Do not ask whether the clock is right now.")
@output.json_option
def reset(*, data: Path | None, database: str | None, yes: bool, as_json: bool) -> None:
    """Let everything go on that waits for a time which was set while the clock was ahead.

    Set the clock first: this machine's for an embedded database, PostgreSQL's otherwise. An embedded database must have
    no server meanwhile; with PostgreSQL servers may go on. If nothing is ahead, the command changes nothing.
    """
    # The server's own imports, which nothing else here needs.
    from enginehouse.cli import offline  # noqa: PLC0415

    if data is None and database is None:
        raise CommandError("Name a server's data folder with --data, or a database with --database.", exit_code=2)
    ahead = offline.inspect_clock(data, database)
    if ahead is None:
        output.show(
            {"success": True, "reset": False}, "the storage clock is not ahead; nothing was changed", as_json=as_json
        )
        return
    if not yes:
        terminal.echo(ahead, err=True)
        click.confirm("Is the clock right now?", abort=True, err=True)
    done = offline.reset_clock(data, database)
    text = (
        f"the clock is reset: {done.items} waiting items may start, {done.leases} leases run out within a minute, "
        f"{done.schedules} schedules go on from now"
    )
    record = {"success": True, "reset": True, "items": done.items, "leases": done.leases, "schedules": done.schedules}
    output.show(record, text, as_json=as_json)
