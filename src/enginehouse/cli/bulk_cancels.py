"""`enginehouse job cancel` on a range of time: counts the jobs, asks, and shows the progress of the cancel."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from enginehouse.cli import output
from enginehouse.cli.confirmation import confirm
from enginehouse.cli.errors import CommandError
from enginehouse.cli.job_rule import RuleFlags
from enginehouse.cli.options import created_after_option, created_before_option
from enginehouse.client import Client, Json, bulk_cancels

_PAUSE: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeFlags:
    """The flags that say which jobs, and whether to ask."""

    organization: str | None
    created_after: str | None
    created_before: str | None
    dry_run: bool
    yes: bool

    def refuse_with_job(self) -> None:
        """Raises CommandError if one of the flags is set."""
        if any((self.organization, self.created_after, self.created_before, self.dry_run, self.yes)):
            raise CommandError("Give a job or a range, not both.", exit_code=2)

    def rule(self, flags: RuleFlags) -> RuleFlags:
        """Returns the flags of a rule with those of the range. Raises CommandError for a flag that only a range has."""
        if self.organization:
            raise CommandError("--organization: only with a range of time and nothing else.", exit_code=2)
        return replace(
            flags,
            plan=flags.plan or self.dry_run,
            yes=self.yes,
            created_after=self.created_after,
            created_before=self.created_before,
        )

    def body(self) -> Json:
        """Returns the request. Raises CommandError when a bound is missing."""
        if not (self.created_after and self.created_before):
            raise CommandError("Give a job, or --created-after and --created-before.", exit_code=2)
        return {
            "organizationID": self.organization,
            "createdAfterDateTime": self.created_after,
            "createdBeforeDateTime": self.created_before,
        }


def range_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes the options of a range, and gets their values as `range_flags`."""

    @click.option("--organization", help="The organization, by any of its ids; without it, the token's own.")
    @created_after_option
    @created_before_option
    @click.option("--dry-run", is_flag=True, help="Only say how many jobs there are.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @functools.wraps(command)
    def with_range(*args: Any, **options: Any) -> Any:
        flags = RangeFlags(**{field.name: options.pop(field.name) for field in fields(RangeFlags)})
        return command(*args, range_flags=flags, **options)

    return with_range


def cancel(
    client: Client, flags: RangeFlags, *, include_running: bool, wait: bool, key: str | None, as_json: bool
) -> None:
    """A person has agreed to the number of jobs, the jobs of the range are cancelled, and the cancel is applied.

    With `wait` their attempts have stopped, too. Raises CommandError, RequestFailed.
    """
    body = {**flags.body(), "includeRunning": include_running}
    preview = bulk_cancels.preview(client, **body)
    if flags.dry_run:
        output.show(preview, _sentence(preview), as_json=as_json)
        return
    count = preview["count"] + preview.get("stopping", 0)
    if count:
        confirm(_sentence(preview), "Cancel them?", yes=flags.yes)
    bulk_cancel = bulk_cancels.cancel(client, **body, confirmCount=count, key=key)
    bulk_cancel = _await_applied(client, bulk_cancel, wait=wait)
    output.show(bulk_cancel, _sentence(bulk_cancel), as_json=as_json)


def _await_applied(client: Client, bulk_cancel: Json, *, wait: bool) -> Json:
    """Returns the bulk cancel when it is applied to every row, with `wait` when all attempts have stopped."""
    console = output.console(err=True)
    columns = (TextColumn("applied"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        row = bar.add_task("", total=bulk_cancel["count"])
        while True:
            stopping = bulk_cancel.get("stopping", 0)
            bar.update(row, completed=bulk_cancel["settled"], description=f"{stopping} still stopping" * bool(stopping))
            if "settledDateTime" in bulk_cancel and not (wait and stopping):
                return bulk_cancel
            time.sleep(_PAUSE)
            bulk_cancel = bulk_cancels.progress(client, bulk_cancel)


def _sentence(bulk_cancel: Json) -> str:
    count, stopping, is_preview = bulk_cancel["count"], bulk_cancel.get("stopping"), bulk_cancel.get("dryRun")
    jobs = f"{count} {'job' if count == 1 else 'jobs'}"
    if is_preview:
        more = f", {stopping} that have started would be stopped" if stopping else ""
        return f"{jobs} would be cancelled{more}."
    more = f", {stopping} that had started are being stopped" if stopping else ""
    return f"{jobs} cancelled{more}."
