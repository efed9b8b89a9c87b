"""`enginehouse doctor`: makes every check that changes nothing, and shows a verdict on each."""

from pathlib import Path

import click
from rich.text import Text

from enginehouse.cli import doctor_checks, machine, output
from enginehouse.cli.doctor_checks import Verdict
from enginehouse.cli.errors import CommandError

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "red"}


@click.command()
@click.option("--data", envvar="ENGINEHOUSE_DATA", type=click.Path(path_type=Path), help="A server's data folder.")
@click.option("--database", envvar="ENGINEHOUSE_DATABASE", metavar="URL", help="A PostgreSQL database.")
@output.json_option
def doctor(*, data: Path | None, database: str | None, as_json: bool) -> None:
    """Check the storage, the engines, the disk and the clock. The exit code is 1 if something is wrong.

    A server may run meanwhile. Without --data and --database the command checks only the machine.
    """
    findings = list(machine.findings(data))
    if data is not None or database is not None:
        findings += doctor_checks.findings(data, database)
    wrong = [finding.name for finding in findings if finding.verdict is Verdict.WRONG]
    if as_json:
        checks = [{"check": one.name, "verdict": one.verdict.value, "text": one.text} for one in findings]
        output.show_json({"ok": not wrong, "checks": checks})
    else:
        rows = [(Text(one.verdict.value, style=_COLOURS[one.verdict]), one.name, one.text) for one in findings]
        output.console().print(output.table(("", "check", "found"), rows))
    if wrong:
        raise CommandError(f"{len(wrong)} of {len(findings)} checks found something wrong: {', '.join(wrong)}.")
