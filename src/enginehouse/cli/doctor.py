"""`enginehouse doctor`: makes every check that changes nothing, and shows a verdict on each."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.text import Text

from enginehouse.cli import doctor_artifacts, doctor_checks, doctor_store, machine, output
from enginehouse.cli.errors import CommandError
from enginehouse.cli.offline_options import offline_options
from enginehouse.cli.verdict import Finding, Verdict
from enginehouse.client import Json

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "red"}


@click.command()
@offline_options(needed=None)
@click.option(
    "--store",
    "place",
    envvar="ENGINEHOUSE_ARTIFACTS",
    metavar="PLACE",
    help="Where the bytes are.  [default: the bucket of the last server, or a folder in the data folder]",
)
@click.option(
    "--engines",
    envvar="ENGINEHOUSE_ENGINES",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file that names further Python environments with engines.  [default: engines.toml in the data folder]",
)
@click.option("--secret-key", envvar="ENGINEHOUSE_SECRET_KEY", hidden=True)
@click.option("--artifacts", is_flag=True, help="Also read and verify every stored file. This can take long.")
@output.json_option
def doctor(
    *,
    data: Path | None,
    database: str | None,
    place: str | None,
    engines: Path | None,
    secret_key: str | None,
    artifacts: bool,
    as_json: bool,
) -> None:
    """Check the storage, its secret key, the engines, the disk and the clock. The exit code is 1 if something is wrong.

    A server may run meanwhile. If no server is named, the command checks only the machine.
    """
    if artifacts and data is None:
        raise CommandError("--artifacts needs --data, the folder that holds the files.", exit_code=2)
    findings = list(machine.findings(data, engines))
    if data is not None or database is not None:
        findings += doctor_checks.findings(data, database, secret_key)
        if data is not None and _readable(findings):
            findings.append(doctor_store.finding(data, database, place))
    report: Json = {}
    if artifacts and data is not None:
        if _readable(findings):
            verified = doctor_artifacts.check(data, database, place)
            findings += verified.findings()
            report = {"artifacts": verified.as_json()}
        else:
            text = "no file was verified: this program cannot read the list of files in the database"
            findings.append(Finding("artifacts", Verdict.WARNING, text))
    wrong = [finding.name for finding in findings if finding.verdict is Verdict.WRONG]
    if as_json:
        checks = [{"check": one.name, "verdict": one.verdict.value, "text": one.text} for one in findings]
        output.show_json({"ok": not wrong, "checks": checks, **report})
    else:
        rows = [(Text(one.verdict.value, style=_COLOURS[one.verdict]), one.name, one.text) for one in findings]
        output.console().print(output.table(("", "check", "found"), rows))
    if wrong:
        raise CommandError(f"{len(wrong)} of {len(findings)} checks found something wrong: {', '.join(wrong)}.")


def _readable(findings: Sequence[Finding]) -> bool:
    """Returns True if the database has the schema of this program, so that its files can be listed."""
    return any(finding.name == "schema" and finding.verdict is Verdict.OK for finding in findings)
