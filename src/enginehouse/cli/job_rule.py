"""The flags of an act on many jobs: which jobs, and whether to ask."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

import click

from enginehouse.cli.errors import CommandError
from enginehouse.cli.human_time import MOMENT
from enginehouse.cli.id_types import ENGINE, JOB, JOB_STATUS, REASON, SCHEDULE, TARGET
from enginehouse.cli.options import (
    Command,
    Decorator,
    RenamedOption,
    created_after_option,
    created_before_option,
    engine_id,
)
from enginehouse.client import Client, Json

_TIMES: Final = ("created_after", "created_before")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFlags:
    """The flags as they were given. The times of the creation and `yes` may come from other options of a command."""

    status: tuple[str, ...]
    engine: tuple[str, ...]
    failure: tuple[str, ...]
    paused: bool
    name: str | None
    schedule: tuple[str, ...]
    target: str | None
    job: tuple[str, ...]
    changed_after: str | None
    changed_before: str | None
    plan: bool
    confirm: int | None
    no_wait: bool
    created_after: str | None = None
    created_before: str | None = None
    yes: bool = False

    @property
    def names_jobs(self) -> bool:
        """True if a flag says which jobs, and not only when they were created."""
        return any((
            self.status, self.engine, self.failure, self.paused, self.name, self.schedule, self.target, self.job,
            self.changed_after, self.changed_before,
        ))  # fmt: skip

    @property
    def is_given(self) -> bool:
        """True if one of the flags was given."""
        return self.names_jobs or any((self.created_after, self.created_before, self.plan, self.confirm, self.yes))

    def refuse_with_job(self) -> None:
        """Raises CommandError if one of the flags is set beside the id of a job."""
        if self.is_given or self.no_wait:
            raise CommandError("Give a job, or flags that say which jobs, not both.", exit_code=2)

    def rule(self, client: Client) -> Json:
        """Returns the rule as a request has it. Raises CommandError if no flag says which jobs, RequestFailed."""
        if not (self.names_jobs or self.created_after or self.created_before):
            raise CommandError(
                "Give a job, or flags that say which jobs: --status, --engine, --created-after …", exit_code=2
            )
        found: Json = {
            "statuses": list(self.status),
            "engines": [engine_id(client, name) for name in self.engine],
            "failures": list(self.failure),
            "paused": self.paused,
            "name": self.name,
            "schedules": list(self.schedule),
            "target": self.target,
            "jobs": list(self.job),
            "createdAfter": self.created_after,
            "createdBefore": self.created_before,
            "modifiedAfter": self.changed_after,
            "modifiedBefore": self.changed_before,
        }
        return {name: value for name, value in found.items() if value}


_OPTIONS: Final[tuple[Decorator, ...]] = (
    click.option(
        "--status", type=JOB_STATUS, multiple=True, help=f"Jobs with this status: {JOB_STATUS}. May be repeated, …"
    ),
    click.option("--engine", type=ENGINE, multiple=True, help="… as may: with a task of this engine, …"),
    click.option(
        "--reason",
        "failure",
        cls=RenamedOption,
        old=("--failure",),
        type=REASON,
        multiple=True,
        metavar="REASON",
        help="… with a task that failed for this reason, …",
    ),
    click.option("--schedule", type=SCHEDULE, multiple=True, metavar="ID", help="… of this schedule, …"),
    click.option("--job", type=JOB, multiple=True, metavar="ID", help="… with this id."),
    click.option("--paused", is_flag=True, help="Only paused jobs."),
    click.option("--name", help="Jobs with exactly this name."),
    click.option("--target", type=TARGET, metavar="ID", help="Jobs of this target."),
    click.option("--changed-after", type=MOMENT, metavar="TIME", help="Last changed at this time or later."),
    click.option("--changed-before", type=MOMENT, metavar="TIME", help="Last changed at this time or earlier."),
    click.option("--plan", is_flag=True, help="Only say what would happen. Nothing changes."),
    click.option("--confirm", type=int, metavar="N", help="Do not ask, and refuse if more than N jobs match."),
    click.option("--no-wait", is_flag=True, help="Do not wait until every job has had its turn."),
)
_OF_TIME: Final[tuple[Decorator, ...]] = (
    created_after_option,
    created_before_option,
    click.option("--yes", is_flag=True, help="Do not ask."),
)


def rule_options(command: Command) -> Command:
    """The command takes the flags, and gets their values as `rule_flags`."""
    return _with(command, (*_OPTIONS, *_OF_TIME), tuple(field.name for field in fields(RuleFlags)))


def rule_options_beside_range(command: Command) -> Command:
    """The same for a command that has the times of the creation and --yes already."""
    names = tuple(field.name for field in fields(RuleFlags) if field.name not in (*_TIMES, "yes"))
    return _with(command, _OPTIONS, names)


def _with(command: Command, options: tuple[Decorator, ...], names: tuple[str, ...]) -> Command:
    @functools.wraps(command)
    def with_rule(*args: Any, **given: Any) -> Any:
        return command(*args, rule_flags=RuleFlags(**{name: given.pop(name) for name in names}), **given)

    wrapped: Callable[..., Any] = with_rule
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped
