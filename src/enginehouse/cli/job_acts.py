"""Commands that act on one job or on every job that a rule names: retry, stop, pause, resume; and those of the acts."""

from collections.abc import Callable
from typing import Final

import click

from enginehouse.cli import bulk_acts as bulk
from enginehouse.cli import output
from enginehouse.cli.confirmation import confirm, yes_option
from enginehouse.cli.connection import with_client
from enginehouse.cli.id_types import ACT, JOB
from enginehouse.cli.job_rule import RuleFlags, rule_options
from enginehouse.cli.options import key_option, page_options, payloads_of_tasks
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import flexible, optional, show_rows
from enginehouse.client import Client, Json, bulk_acts, jobs, limits


@click.command()
@click.argument("job_id", type=JOB, required=False)
@click.option(
    "--only-failed", is_flag=True, help="Run only the tasks that are not complete, on the stored outputs of the others."
)
@click.option(
    "--payload",
    "payloads",
    multiple=True,
    metavar="TASK=JSON|@FILE",
    help="Another payload for a task: its number in `job get`, its id or its reference. May be given several times.",
)
@rule_options
@key_option
@output.json_option
@with_client
def retry(
    client: Client,
    job_id: str | None,
    *,
    only_failed: bool,
    payloads: tuple[str, ...],
    rule_flags: RuleFlags,
    key: str | None,
    as_json: bool,
) -> None:
    """Run a job that is not complete again, as a new job; or all failed jobs that match, under their own ids.

    With another --payload for a task, a complete job may be run again too. With --only-failed, the tasks with another
    payload run again, and those that follow them. Without a JOB_ID, what failed of every job that matches the flags
    runs again in the same job. The command says how many they are, and asks.
    """
    if job_id is None:
        bulk.carry_out(client, "retry", rule_flags, key=key, as_json=as_json)
        return
    rule_flags.refuse_with_job()
    other = payloads_of_tasks("--payload", payloads)
    retry_id = jobs.retry(client, job_id, only_failed=only_failed, payloads=other, key=key)
    output.show({"id": retry_id, "retryOf": job_id}, retry_id, as_json=as_json)


def _one_or_many(act: str, told: str, help_text: str, one: Callable[[Client, str], Json]) -> click.Command:
    """Returns the command of an act that needs nothing beside the job."""

    @click.command(act, help=help_text)
    @click.argument("job_id", type=JOB, required=False)
    @rule_options
    @key_option
    @output.json_option
    @with_client
    def command(client: Client, job_id: str | None, *, rule_flags: RuleFlags, key: str | None, as_json: bool) -> None:
        if job_id is None:
            bulk.carry_out(client, act, rule_flags, key=key, as_json=as_json)
            return
        rule_flags.refuse_with_job()
        output.show(one(client, job_id), told, as_json=as_json)

    return command


_ALL: Final = "Without a JOB_ID, the same for all that match the flags. The command says how many they are, and asks."


@click.command()
@click.argument("job_id", type=JOB)
@yes_option
@output.json_option
@with_client
def delete(client: Client, job_id: str, *, yes: bool, as_json: bool) -> None:
    """Delete a job: its tasks, outputs, logs and history. What runs of it is stopped. Its target stays."""
    record = jobs.get(client, job_id)
    name = record["coreJobID"]
    tasks = output.many(len(record["tasks"]), "task")
    sentence = f"The job {name} ({record['jobStatus']}, {tasks}) and its outputs would be deleted."
    confirm(sentence, "Delete it?", yes=yes)
    jobs.delete(client, job_id)
    output.show({"id": name, "deleted": True}, "deleted", as_json=as_json)


@click.command("acts")
@page_options
@output.json_option
@with_client
def list_acts(client: Client, *, limit: int, offset: int, as_json: bool) -> None:
    """List the acts on many jobs, newest first."""
    found = bulk_acts.page(client, limit=limit, offset=offset)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            act["id"],
            act["act"],
            ago(act["acceptedDateTime"]),
            act.get("userName"),
            act["matched"],
            act["applied"],
            act["skipped"],
            _state(act),
        )
        for act in found
    ]
    columns = ("id", "act", "accepted", flexible("by"), "matched", "changed", optional("left alone"), "state")
    show_rows(columns, rows, empty="Nothing was done to many jobs.")


def _state(act: Json) -> str:
    if "endedDateTime" not in act:
        return "under way"
    return "taken back" if "undoneBy" in act else "done"


@click.command()
@click.argument("act_id", type=ACT)
@click.option("--no-wait", is_flag=True, help="Do not wait until every job has had its turn.")
@output.json_option
@with_client
def undo(client: Client, act_id: str, *, no_wait: bool, as_json: bool) -> None:
    """Take an act on many jobs back, for the jobs that it has changed."""
    bulk.show(client, bulk_acts.undo(client, act_id), wait=not no_wait, as_json=as_json)


COMMANDS: Final[tuple[click.Command, ...]] = (
    retry,
    _one_or_many(
        "stop",
        "cancelled",
        f"Cancel a job, and stop what runs of it. {_ALL}",
        lambda client, job_id: jobs.cancel(client, job_id, include_running=True),
    ),
    _one_or_many(
        "pause",
        "paused",
        f"Let nothing more of a job start; what runs continues. {_ALL}",
        lambda client, job_id: limits.pause(client, "jobs", job_id),
    ),
    _one_or_many(
        "resume",
        "resumed",
        f"End the pause of a job. {_ALL}",
        lambda client, job_id: limits.resume(client, "jobs", job_id),
    ),
    delete,
    list_acts,
    undo,
)
