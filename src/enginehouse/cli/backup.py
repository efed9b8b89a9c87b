"""`enginehouse backup FILE`: the database and its bytes in one file, while servers run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from enginehouse.cli import output, terminal
from enginehouse.cli.errors import CommandError
from enginehouse.cli.offline_options import offline_options
from enginehouse.cli.progress import ProgressLine
from enginehouse.client import Json

if TYPE_CHECKING:
    from enginehouse.operations.backup.creation import BackupReport

_NAMED: Final = 20
_KEEP_KEY: Final = (
    "The secret key is not in it. Keep the file secret-key of the data folder, or ENGINEHOUSE_SECRET_KEY, in another "
    "place: no server starts on the restored database without it."
)


@click.command()
@click.argument("file")
@offline_options()
@click.option(
    "--artifacts",
    "place",
    envvar="ENGINEHOUSE_ARTIFACTS",
    metavar="PLACE",
    help="Where the bytes are.  [default: the bucket of the last server, or a folder in the data folder]",
)
@click.option(
    "--with-secret-key", is_flag=True, help="The secret key is in the backup too, for whoever can read the backup."
)
@click.option("--secret-key", envvar="ENGINEHOUSE_SECRET_KEY", hidden=True)
@output.json_option
def backup(
    *,
    file: str,
    data: Path | None,
    database: str | None,
    place: str | None,
    with_secret_key: bool,
    secret_key: str | None,
    as_json: bool,
) -> None:
    """Write the database and everything that it names to FILE, as they are now. Servers may run meanwhile.

    FILE is a tar; if its name ends with .gz, it is compressed. "-" is stdout. Nobody else can read it. It holds the
    rows and the stored files, logs too, but neither the token nor engines.toml of the data folder.

    The exit code is 1 if stored files are missing or damaged. The backup then has everything else.
    """
    # The server's own imports, which nothing else here needs.
    from enginehouse.cli import backup_files  # noqa: PLC0415

    if file == "-" and (as_json or sys.stdout.isatty()):
        raise CommandError('FILE "-": stdout must be a file or a pipe, and it has no room for --json.', exit_code=2)
    key = backup_files.secret_key(data, secret_key) if with_secret_key else None
    progress = ProgressLine()
    report = backup_files.create(
        file,
        data=data,
        database=database,
        place=place,
        key=key,
        tell=lambda now: progress.tell(_line(now)),
        tell_copied=lambda done, all_: progress.tell(f"backup: {done} of {all_} bytes of the database are copied"),
    )
    if as_json:
        output.show_json(_as_json(report, file))
    else:
        text = (
            f"{report.jobs} jobs and {report.artifacts} stored files are in {file}, which has {report.written} bytes."
        )
        terminal.echo(text if not report.gone else f"{text} {_gone(report)}", err=file == "-")
    if key is None:
        terminal.echo(_KEEP_KEY, err=True)
    if faults := [f"missing: {one}" for one in report.missing] + [f"damaged: {one}" for one in report.damaged]:
        for line in faults[:_NAMED]:
            terminal.echo(line, err=True)
        raise CommandError(f"{len(faults)} stored files are missing or damaged. Everything else is in the backup.")


def _gone(report: "BackupReport") -> str:
    return f"{len(report.gone)} stored files were deleted while it was made, and are left out."


def _line(report: "BackupReport") -> str:
    return f"backup: {report.artifacts} of {report.files or '?'} stored files, {report.written} bytes"


def _as_json(report: "BackupReport", file: str) -> Json:
    return {
        "success": not report.missing and not report.damaged,
        "file": file,
        "jobs": report.jobs,
        "artifacts": report.artifacts,
        "bytes": report.written,
        "deleted": report.gone,
        "missing": report.missing,
        "damaged": report.damaged,
    }
