"""`enginehouse artifacts …`: moves the bytes of a database to another store, without a server."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from enginehouse.cli import output, terminal
from enginehouse.cli.errors import CommandError
from enginehouse.cli.offline_options import offline_options
from enginehouse.cli.progress import ProgressLine

if TYPE_CHECKING:
    from enginehouse.artifacts.copy import CopyReport


@click.group()
def artifacts() -> None:
    """Copy the bytes to another store, and use it.

    A place is a folder, or s3://bucket/prefix. The folder of a server without --artifacts is `artifacts` in its data
    folder. AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say how to reach a bucket.
    """


@artifacts.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--verify", is_flag=True, help="Compare also the bytes of what is there already.")
@output.json_option
def copy(*, source: str, target: str, verify: bool, as_json: bool) -> None:
    """Copy everything from one place to another. Every copy is read again and compared.

    A copy that was stopped goes on when the command is repeated. A server may run meanwhile; repeat the command when it
    has stopped. What was deleted from FROM after it was copied stays in TO.
    """
    # The server's own imports, which nothing else here needs.
    from enginehouse.cli import artifact_stores  # noqa: PLC0415

    progress = ProgressLine()
    report = artifact_stores.copy(source, target, verify=verify, tell=lambda now: progress.tell(_line(now)))
    text = f"{report.keys} keys with {report.bytes} bytes are in {target}; {report.copied} of them were copied now."
    _end(report, text, as_json=as_json)


@artifacts.command()
@click.argument("place")
@click.option(
    "--from", "old", metavar="PLACE", help="Where the bytes are now.  [default: where the last server had them]"
)
@offline_options()
@output.json_option
def use(*, place: str, old: str | None, data: Path | None, database: str | None, as_json: bool) -> None:
    """From now on the database belongs to the store in this place, if everything is there.

    Stop every server of the database before. The next start needs --artifacts PLACE.
    """
    from enginehouse.cli import artifact_stores  # noqa: PLC0415

    report, text = artifact_stores.use(place, old=old, data=data, database=database)
    _end(report, text, as_json=as_json)


def _end(report: "CopyReport", text: str, *, as_json: bool) -> None:
    ok = not report.wrong_keys
    if as_json:
        output.show_json({"success": ok, **asdict(report)})
    elif ok:
        terminal.echo(text)
    if not ok:
        names = ", ".join(report.wrong[:3])
        raise CommandError(f"{report.wrong_keys} of {report.keys} keys are missing or differ: {names}. {_ADVICE}")


_ADVICE: Final = "Repeat `enginehouse artifacts copy`. Nothing else was changed."


def _line(report: "CopyReport") -> str:
    return f"artifacts: {report.keys} keys, {report.copied} copied, {report.copied_bytes} bytes"
