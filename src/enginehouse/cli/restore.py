"""`enginehouse restore FILE`: a server made again from a backup."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from enginehouse.cli import offline_options, output, terminal
from enginehouse.cli.errors import CommandError
from enginehouse.cli.progress import ProgressLine

if TYPE_CHECKING:
    from enginehouse.operations.backup.restore import RestoreReport


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@offline_options.offline_options("A folder that is empty or not there.", "An empty PostgreSQL database.", needed=None)
@click.option(
    "--artifacts",
    "place",
    envvar="ENGINEHOUSE_ARTIFACTS",
    metavar="PLACE",
    help="An empty place for the bytes: a folder or s3://bucket/prefix.  [default: a folder in the data folder]",
)
@output.json_option
def restore(*, file: Path, data: Path | None, database: str | None, place: str | None, as_json: bool) -> None:
    """Make a server from the backup in FILE. Nothing may be where it goes.

    First the whole backup is verified. Until everything is in its place, no server starts on any part of it.
    Work that ran when the backup was made runs again.
    """
    # The server's own imports, which nothing else here needs.
    from enginehouse.cli import backup_files  # noqa: PLC0415

    if data is None:
        raise CommandError("Name a folder that is empty or not there with --data.", exit_code=2)
    progress = ProgressLine()
    report = backup_files.restore(
        file,
        data=data,
        database=database,
        place=place,
        tell=lambda read: progress.tell(f"restore: {read} bytes read"),
    )
    head, summary = report.head, report.summary
    if not as_json:
        for line in _next_steps(report, data, database, place):
            terminal.echo(line)
        return
    output.show_json(
        {
            "success": True,
            "jobs": head.jobs,
            "artifacts": summary.artifacts,
            "leftOut": summary.leftOut,
            "createdDateTime": head.createdDateTime,
            "secretKey": head.secretKey,
        }
    )


def _next_steps(report: "RestoreReport", data: Path, database: str | None, place: str | None) -> Iterator[str]:
    """Yields what was restored, and what a person does next."""
    head, summary = report.head, report.summary
    yield f"{head.jobs} jobs and {summary.artifacts} stored files of {head.createdDateTime} are in their places."
    if summary.leftOut:
        yield f"{summary.leftOut} stored files were gone when the backup was made. doctor --artifacts names them."
    if head.secretKey:
        yield f"The secret key is in {data}. The first token was not in the backup: it is valid as before."
    else:
        yield (
            f"The secret key was not in the backup: put the file secret-key into {data}, with mode 600, or set "
            "ENGINEHOUSE_SECRET_KEY. No server starts without it."
        )
    # The URL may hold a password.
    named = f"--data {data}" + (" --database URL" if database else "")
    yield "Then:"
    yield f"  enginehouse doctor {named}" + (f" --store {place}" if place else "")
    yield f"  enginehouse serve{offline_options.serve_flags()} {named}" + (f" --artifacts {place}" if place else "")
