"""`enginehouse doctor`: everything that can be looked at without changing it, and a verdict on each."""

from pathlib import Path

import click
from rich.text import Text

from enginehouse.cli import doctor_checks, machine, output
from enginehouse.cli.finding import Verdict
from enginehouse.cli.problem import FailureError

_COLOURS = {Verdict.FINE: "green", Verdict.DOUBTFUL: "yellow", Verdict.WRONG: "red"}


@click.command()
@click.option("--data", envvar="ENGINEHOUSE_DATA", type=click.Path(path_type=Path), help="A server's data folder.")
@click.option("--database", envvar="ENGINEHOUSE_DATABASE", metavar="URL", help="A PostgreSQL database.")
@output.json_option
def doctor(*, data: Path | None, database: str | None, as_json: bool) -> None:
    """Check the storage, the engines, the disk and the clock. Exit code 1 when something is wrong.

    A server may be running meanwhile. Without --data and --database only the machine is looked at.
    """
    found = list(machine.findings(data))
    if data is not None or database is not None:
        found += doctor_checks.findings(data, database)
    wrong = [one for one in found if one.verdict is Verdict.WRONG]
    if as_json:
        checks = [{"check": one.name, "verdict": one.verdict.value, "text": one.text} for one in found]
        output.show_json({"ok": not wrong, "checks": checks})
    else:
        rows = [(Text(one.verdict.value, style=_COLOURS[one.verdict]), one.name, one.text) for one in found]
        output.console().print(output.table(("", "check", "found"), rows))
    if wrong:
        raise FailureError(
            f"{len(wrong)} of {len(found)} checks found something wrong: {', '.join(w.name for w in wrong)}."
        )
