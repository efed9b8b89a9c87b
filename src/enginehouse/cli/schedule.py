"""`enginehouse schedule …`: what a person does with scheduled jobs, in the times that people use."""

from typing import Any

import click

from enginehouse.cli import human_time, output
from enginehouse.cli.connection import at_server
from enginehouse.cli.problem import FailureError
from enginehouse.cli.schedule_options import Described, json_object, options
from enginehouse.client import schedules
from enginehouse.client.http import Connection

Json = dict[str, Any]

_count_option = click.option("--count", type=int, default=10, show_default=True, help="So many slots.")
_my_zone_option = click.option("--my-zone", help="The zone that times are told in besides; else this machine's.")


@click.group()
def schedule() -> None:
    """Create schedules, foresee them, pause them, run them by hand; see what became of their slots.

    An id may be given as either interface spells it.
    """


@schedule.command()
@click.argument("name")
@options
@click.option("--paused", is_flag=True, help="Nothing starts until: enginehouse schedule resume.")
@output.json_option
@at_server
def create(server: Connection, name: str, *, described: Described, paused: bool, as_json: bool) -> None:
    """Create a schedule: when it runs, and what.

    When is one of --every, --cron, --once, --now and --continuous; what is in --template, or is one --engine.
    """
    body = described.body(server, fresh=True)
    if "runMode" not in body:
        raise FailureError("When? Give one of --every, --cron, --once, --now and --continuous.", exit_code=2)
    if not body.keys() & {"jobTemplates", "jobTemplateIds", "jobPipelineIds"}:
        raise FailureError("What? Give --template, --template-id, --pipeline-id or --engine.", exit_code=2)
    _told(server, schedules.create(server, {"name": name, "isActive": not paused, **body}), as_json=as_json)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option("--name", help="A new name.")
@options
@output.json_option
@at_server
def update(server: Connection, schedule_id: str, *, name: str | None, described: Described, as_json: bool) -> None:
    """Change a schedule; what no flag is about stays as it is."""
    body = ({} if name is None else {"name": name}) | described.body(server, fresh=False)
    if not body:
        raise FailureError("Nothing to change: give at least one flag.", exit_code=2)
    _told(server, schedules.update(server, schedule_id, body), as_json=as_json)


@schedule.command("list")
@click.option("--name", help="Only schedules with this in their names.")
@click.option("--active/--paused", default=None, help="Only those that fire, or only those that do not.")
@click.option("--mode", type=click.Choice(["recurring", "continuous", "once", "now"]), help="Only with this run mode.")
@click.option("--limit", type=int, default=20, show_default=True, help="At most so many.")
@click.option("--offset", type=int, default=0, show_default=True, help="Leave out the newest so many.")
@output.json_option
@at_server
def list_(
    server: Connection, *, active: bool | None, mode: str | None, offset: int, as_json: bool, **given: Any
) -> None:
    """List schedules, newest first."""
    wanted = None if active is None else str(active).lower()
    found = schedules.listed(server, isActive=wanted, runMode=mode, offset=offset, **given)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (one["id"], one["name"], "active" if one["isActive"] else "paused", one.get("nextRunDateTime"),
         one["runs"], one["skipped"], one["sentence"])
        for one in found["result"]
    ]  # fmt: skip
    output.console().print(output.table(("schedule", "name", "state", "next run", "runs", "skipped", "what"), rows))
    if offset + len(rows) < found["count"]:
        click.echo(f"{len(rows)} of {found['count']}; more with --offset {offset + len(rows)}", err=True)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@output.json_option
@at_server
def show(server: Connection, schedule_id: str, *, as_json: bool) -> None:
    """Show a schedule as it is now."""
    found = schedules.get(server, schedule_id)
    if as_json:
        output.show_json(found)
        return
    facts = [
        ("schedule", found["id"]),
        ("REST id", found["scheduledJobUuid"]),
        ("name", found["name"]),
        ("description", found.get("description")),
        ("state", "active" if found["isActive"] else "paused"),
        ("what", found["sentence"]),
        ("next run", found.get("nextRunDateTime")),
        ("overlap", found["overlapPolicy"]),
        ("catch up", found["catchUp"]),
        ("runs", found["runs"]),
        ("skipped", found["skipped"]),
        ("templates", "\n".join(found.get("jobTemplateIds", ())) or None),
        ("pipelines", "\n".join(found.get("jobPipelineIds", ())) or None),
        ("created", found["createdDateTime"]),
    ]
    output.console().print(output.table(("", ""), [fact for fact in facts if fact[1] is not None]))
    _warn(found.get("warnings", ()))


@schedule.command()
@click.argument("schedule_id", metavar="[ID]", required=False)
@options
@_count_option
@output.json_option
@at_server
def preview(server: Connection, schedule_id: str | None, *, described: Described, count: int, as_json: bool) -> None:
    """Show the next slots of a schedule, or of one that is only described: nothing is created."""
    found = _foreseen(server, schedule_id, described, count, human_time.local_zone())
    if as_json:
        output.show_json(found["coming"])
        return
    rows = [
        (one["slotDateTime"], one["local"].replace("T", " "), one.get("note"), one.get("startDateTime"))
        for one in found["coming"]
    ]
    if rows:
        output.console().print(output.table(("slot", "on its clock", "", "starts"), rows))
    else:
        click.echo(found["next"])
    _warn(found["warnings"])


@schedule.command()
@click.argument("schedule_id", metavar="[ID]", required=False)
@options
@_my_zone_option
@output.json_option
@at_server
def explain(
    server: Connection, schedule_id: str | None, *, described: Described, my_zone: str | None, as_json: bool
) -> None:
    """Say in a sentence what a schedule does, and when it fires next, in its own time zone and yours."""
    found = _foreseen(server, schedule_id, described, 1, my_zone or human_time.local_zone())
    if as_json:
        output.show_json(found)
        return
    click.echo(found["sentence"])
    click.echo(found["next"])
    _warn(found["warnings"])


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@output.json_option
@at_server
def pause(server: Connection, schedule_id: str, *, as_json: bool) -> None:
    """Let nothing more of a schedule start; its jobs go on."""
    _switched(schedules.switch(server, schedule_id, "pause"), "paused", as_json=as_json)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@output.json_option
@at_server
def resume(server: Connection, schedule_id: str, *, as_json: bool) -> None:
    """Let a schedule fire again; what passed meanwhile is not made up for."""
    _switched(schedules.switch(server, schedule_id, "resume"), "resumed", as_json=as_json)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option("--payload", metavar="JSON", help="An object, merged into the payload of every task.")
@click.option("--target", "target_id", help="The target that its jobs are about; else each has its own.")
@output.json_option
@at_server
def run(server: Connection, schedule_id: str, *, payload: str | None, target_id: str | None, as_json: bool) -> None:
    """Run a schedule now: a job of each of its templates, whatever its calendar says."""
    given = {"payload": None if payload is None else json_object("--payload", payload), "targetId": target_id}
    made = schedules.run(server, schedule_id, {name: value for name, value in given.items() if value is not None})
    for warning in made["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        output.show_json(made)
    else:
        click.echo("\n".join(made["jobIds"]))


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option("--include-running", is_flag=True, help="Stop its jobs that have started, too.")
@output.json_option
@at_server
def cancel(server: Connection, schedule_id: str, *, include_running: bool, as_json: bool) -> None:
    """Pause a schedule and cancel its jobs that have not started."""
    answer = schedules.cancel(server, schedule_id, include_running=include_running)
    if as_json:
        output.show_json(answer)
        return
    click.echo(f"paused; {answer['count']} of its jobs cancelled")
    if answer.get("stopping"):
        click.echo(f"{answer['stopping']} running attempts are being stopped")


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@output.json_option
@at_server
def delete(server: Connection, schedule_id: str, *, as_json: bool) -> None:
    """Delete a schedule; its jobs stay."""
    schedules.delete(server, schedule_id)
    if as_json:
        output.show_json({"id": schedule_id, "deleted": True})
    else:
        click.echo("deleted")


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option("--limit", type=int, default=20, show_default=True, help="At most so many.")
@click.option("--before", metavar="MOMENT", help="Only slots before this moment.")
@output.json_option
@at_server
def history(server: Connection, schedule_id: str, *, limit: int, before: str | None, as_json: bool) -> None:
    """List what became of a schedule's slots, the latest first: fired, waiting, or skipped and why."""
    found = schedules.slots(server, schedule_id, limit=limit, before=before)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (one["slotDateTime"], one.get("lastSlotDateTime"), one["slots"], one["outcome"], one.get("reason"),
         "\n".join(one.get("jobIds", ())) or None)
        for one in found
    ]  # fmt: skip
    output.console().print(output.table(("slot", "to", "slots", "outcome", "why", "jobs"), rows))


def _foreseen(server: Connection, schedule_id: str | None, described: Described, count: int, zone: str) -> Json:
    body = described.body(server, fresh=schedule_id is None)
    if schedule_id is None and "runMode" in body:
        found: Json = schedules.imagine(server, body, zone=zone, count=count)
    elif schedule_id is not None and not body:
        found = schedules.explain(server, schedule_id, zone=zone, count=count)
    else:
        raise FailureError("Give the id of a schedule, or describe one with --every, --cron …", exit_code=2)
    return found


def _told(server: Connection, made: Json, *, as_json: bool) -> None:
    """The id for programs to read, and what the schedule does for people."""
    if as_json:
        output.show_json(made)
        return
    click.echo(made["id"])
    found = schedules.explain(server, made["id"], zone=human_time.local_zone(), count=1)
    click.echo(f"{found['sentence']} {found['next']}", err=True)
    _warn(found["warnings"])


def _switched(answer: Json, word: str, *, as_json: bool) -> None:
    if as_json:
        output.show_json(answer)
    else:
        click.echo(word)


def _warn(warnings: Any) -> None:
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
