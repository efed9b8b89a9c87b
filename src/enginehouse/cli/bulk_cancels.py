"""Cancelling the jobs of a time range: how many first, then the question, then a bar while their rows settle."""

import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from enginehouse.cli import output
from enginehouse.cli.problem import FailureError
from enginehouse.client import bulk_cancels
from enginehouse.client.http import Connection

_PAUSE = 0.1

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The options that say which jobs, and how sure the person is."""

    organization: str | None
    created_after: str | None
    created_before: str | None
    dry_run: bool
    yes: bool

    def refuse_beside_a_job(self) -> None:
        """Raises FailureError when any of them was given."""
        if any((self.organization, self.created_after, self.created_before, self.dry_run, self.yes)):
            raise FailureError("Give a job or a range, not both.", exit_code=2)

    def body(self) -> Json:
        """The request. Raises FailureError where a bound is missing."""
        if not (self.created_after and self.created_before):
            raise FailureError("Give a job, or --created-after and --created-before.", exit_code=2)
        return {
            "organizationID": self.organization,
            "createdAfterDateTime": self.created_after,
            "createdBeforeDateTime": self.created_before,
        }


def range_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes the options of a range, and is called with `created`, the Range."""

    @click.option("--organization", help="Of which organization, by any of its ids; the token's without it.")
    @click.option("--created-after", metavar="TIME", help="Created then or later; ISO 8601 (UTC) or Unix seconds.")
    @click.option("--created-before", metavar="TIME", help="Created then or earlier.")
    @click.option("--dry-run", is_flag=True, help="Only say how many there are.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @functools.wraps(command)
    def with_range(*args: Any, **given: Any) -> Any:
        names = [field.name for field in fields(Range)]
        return command(*args, created=Range(**{name: given.pop(name) for name in names}), **given)

    return with_range


def cancel(
    server: Connection, wanted: Range, *, include_running: bool, wait: bool, key: str | None, as_json: bool
) -> None:
    """The jobs of the range are cancelled, once the person has seen how many and agreed, and every row says so.

    With `wait` what ran has stopped, too.
    """
    body = {**wanted.body(), "includeRunning": include_running}
    would = bulk_cancels.would_cancel(server, **body)
    if wanted.dry_run:
        _tell(would, as_json=as_json)
        return
    many = would["count"] + would.get("stopping", 0)
    if many and not wanted.yes:
        _agree(would)
    made = bulk_cancels.cancel(server, **body, confirmCount=many, key=key)
    _tell(_settled(server, made, wait=wait), as_json=as_json)


def _agree(would: Json) -> None:
    if not sys.stdin.isatty():
        raise FailureError(f"{_sentence(would)} Nothing was cancelled: say --yes to do it without being asked.")
    if not click.confirm(f"{_sentence(would)} Cancel them?", err=True):
        raise FailureError("Nothing was cancelled.")


def _settled(server: Connection, made: Json, *, wait: bool) -> Json:
    """The bulk cancel when every row said so, and with `wait` what ran had stopped."""
    console = output.console(err=True)
    columns = (TextColumn("settling"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        shown = bar.add_task("", total=made["count"])
        while True:
            stopping = made.get("stopping", 0)
            left = f"{stopping} still stopping" if stopping else ""
            bar.update(shown, completed=made["settled"], description=left)
            if "settledDateTime" in made and not (wait and stopping):
                return made
            time.sleep(_PAUSE)
            made = bulk_cancels.progress(server, made)


def _tell(found: Json, *, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
    else:
        click.echo(_sentence(found))


def _sentence(found: Json) -> str:
    done = "would be cancelled" if found.get("dryRun") else "cancelled"
    running = found.get("stopping")
    more = f", {running} that have started would be stopped" if found.get("dryRun") and running else ""
    if running and not found.get("dryRun"):
        more = f", {running} that had started are being stopped"
    count = found["count"]
    return f"{count} {'job' if count == 1 else 'jobs'} {done}{more}."
