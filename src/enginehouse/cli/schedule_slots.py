"""`enginehouse schedule preview`, `explain` and `history`: the future and the past slots of a schedule."""

from typing import Final

import click

from enginehouse.cli import human_time, output, terminal
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.human_time import MOMENT
from enginehouse.cli.id_types import SCHEDULE
from enginehouse.cli.options import limit_option
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import flexible, optional, show_rows
from enginehouse.cli.schedule_options import ScheduleFlags, schedule_options
from enginehouse.client import Client, Json, schedules


@click.command()
@click.argument("schedule_id", type=SCHEDULE, metavar="[ID]", required=False)
@schedule_options
@click.option("--count", type=int, default=10, show_default=True, help="The number of slots to show.")
@output.json_option
@with_client
def preview(client: Client, schedule_id: str | None, *, flags: ScheduleFlags, count: int, as_json: bool) -> None:
    """Show the next slots of a schedule, or of one that the flags describe. Nothing is created."""
    explanation = _explain(client, schedule_id, flags, count, human_time.local_zone())
    if as_json:
        output.show_json(explanation["coming"])
        return
    rows = [
        (one["slotDateTime"], one["local"].replace("T", " "), one.get("note"), one.get("startDateTime"))
        for one in explanation["coming"]
    ]
    if rows:
        show_rows(("slot", "on its clock", flexible("remark"), "starts"), rows, empty="")
    else:
        terminal.echo(explanation["next"])
    output.warn(explanation["warnings"])


@click.command()
@click.argument("schedule_id", type=SCHEDULE, metavar="[ID]", required=False)
@schedule_options
@click.option("--my-zone", help="The time zone that the next run is also shown in. Without it, this machine's.")
@output.json_option
@with_client
def explain(
    client: Client, schedule_id: str | None, *, flags: ScheduleFlags, my_zone: str | None, as_json: bool
) -> None:
    """Say what a schedule does, and when it fires next, in its time zone and in yours."""
    explanation = _explain(client, schedule_id, flags, 1, my_zone or human_time.local_zone())
    if as_json:
        output.show_json(explanation)
        return
    terminal.echo(explanation["sentence"])
    terminal.echo(explanation["next"])
    output.warn(explanation["warnings"])


@click.command()
@click.argument("schedule_id", type=SCHEDULE, metavar="ID")
@limit_option
@click.option("--before", type=MOMENT, metavar="TIME", help='Only slots before this time, as in "yesterday".')
@output.json_option
@with_client
def history(client: Client, schedule_id: str, *, limit: int, before: str | None, as_json: bool) -> None:
    """List what became of a schedule's slots, latest first: fired, waiting, or skipped and why."""
    records = schedules.slots(client, schedule_id, limit=limit, before=before)
    if as_json:
        output.show_json(records)
        return
    rows = [
        (
            ago(one["slotDateTime"]),
            ago(one.get("lastSlotDateTime")),
            one["slots"],
            one["outcome"],
            one.get("reason"),
            ", ".join(one.get("jobIds", ())) or None,
        )
        for one in records
    ]
    titles = ("slot", optional("to"), "slots", "outcome", flexible("reason"), flexible("jobs"))
    show_rows(titles, rows, empty="None of its slots has come yet.")


def _explain(client: Client, schedule_id: str | None, flags: ScheduleFlags, count: int, zone: str) -> Json:
    body = flags.body(client, fresh=schedule_id is None)
    if schedule_id is None and "runMode" in body:
        return schedules.explain_draft(client, body, zone=zone, count=count)
    if schedule_id is not None and not body:
        return schedules.explain(client, schedule_id, zone=zone, count=count)
    raise CommandError("Give the id of a schedule, or describe one with --every, --cron …", exit_code=2)


COMMANDS: Final = (preview, explain, history)
