"""An act on many jobs: shows the plan, asks, and shows the progress."""

import time
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from enginehouse.cli import output
from enginehouse.cli.confirmation import confirm
from enginehouse.cli.errors import CommandError
from enginehouse.cli.job_rule import RuleFlags
from enginehouse.client import Client, Json, bulk_acts

_PAUSE: Final = 0.2
_DONE: Final = {
    "cancel": "cancelled", "stop": "cancelled or being stopped", "retry": "put back into the queue", "pause": "paused",
    "resume": "resumed",
}  # fmt: skip


def carry_out(client: Client, act: str, flags: RuleFlags, *, key: str | None, as_json: bool) -> None:
    """A person has agreed to the plan, and every job that matches has had its turn.

    Raises CommandError, RequestFailed.
    """
    rule = flags.rule(client)
    plan = bulk_acts.plan(client, act, rule)
    if flags.plan:
        output.show(plan, _planned(plan), as_json=as_json)
        return
    confirmed = plan["matched"]
    if flags.confirm is not None:
        if confirmed > flags.confirm:
            raise CommandError(f"{_planned(plan)} That is more than --confirm {flags.confirm}. Nothing was changed.")
    elif confirmed and not flags.yes:
        confirm(_planned(plan), f"{act.capitalize()} them?", yes=False)
    started = bulk_acts.start(client, act, rule, confirm_count=confirmed, key=key)
    show(client, started, wait=not flags.no_wait, as_json=as_json)


def show(client: Client, act: Json, *, wait: bool, as_json: bool) -> None:
    """The act is on stdout, with `wait` when it has ended."""
    if wait:
        act = await_end(client, act)
    output.show(act, _sentence(act), as_json=as_json)


def await_end(client: Client, act: Json) -> Json:
    """Returns the act when every job has had its turn. A bar shows how far it is."""
    console = output.console(err=True)
    columns = (TextColumn(act["act"]), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        row = bar.add_task("", total=act["matched"])
        while "endedDateTime" not in act:
            bar.update(row, completed=act["matched"] - act["left"])
            time.sleep(_PAUSE)
            act = bulk_acts.progress(client, act["id"])
    return act


def _planned(plan: Json) -> str:
    many = f"{plan['matched']} {'job matches' if plan['matched'] == 1 else 'jobs match'}"
    return f"{many}; {plan['changes']} would be {_DONE[plan['act']]}.{_left_alone(plan)}"


def _sentence(act: Json) -> str:
    more = f" {act['left']} have not had their turn; the id of the act is {act['id']}." if act["left"] else ""
    undo = f" To take it back: enginehouse job undo {act['id']}" if act.get("undo") and act["applied"] else ""
    return f"{act['applied']} of {act['matched']} jobs {_DONE[act['act']]}.{_left_alone(act)}{more}{undo}"


def _left_alone(found: Json) -> str:
    return "".join(f" Left alone: {skip['jobs']}. {skip['message']}" for skip in found["skips"])
