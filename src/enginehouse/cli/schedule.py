"""`enginehouse schedule …`: create, change, list, launch, pause and cancel schedules."""

import click

from enginehouse.cli import human_time, output, schedule_slots, terminal
from enginehouse.cli.confirmation import confirm, yes_option
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_types import SCHEDULE, TARGET
from enginehouse.cli.limits import add_pause_commands
from enginehouse.cli.options import json_object, page_options
from enginehouse.cli.relative_time import ago, with_words
from enginehouse.cli.rows import flexible, show_page
from enginehouse.cli.schedule_options import PIPELINE_WORDS, PipelineRun, ScheduleFlags, schedule_options
from enginehouse.client import Client, Json, schedules


@click.group()
def schedule() -> None:
    """Create, preview, pause and launch schedules; see what became of their slots.

    The id of a schedule may come from either interface.
    """


for _command in schedule_slots.COMMANDS:
    schedule.add_command(_command)
add_pause_commands(
    schedule,
    "schedules",
    pause_help="Let nothing more of a schedule start; its jobs continue.",
    resume_help="End the pause of a schedule; the slots that passed do not fire.",
)


@schedule.command()
@click.argument("name")
@schedule_options
@click.option("--paused", is_flag=True, help="Nothing starts until: enginehouse schedule resume.")
@output.json_option
@with_client
def create(client: Client, name: str, *, flags: ScheduleFlags, paused: bool, as_json: bool) -> None:
    """Create a schedule: when it runs, and what it runs.

    Say when with one of --every, --cron, --once, --now and --continuous. Say what with --pipeline, --engine,
    --template, --template-id or --pipeline-id (a pipeline has a name, a job pipeline of templates an id).
    """
    body = flags.body(client, fresh=True)
    if (run := flags.run_of_pipeline(client)) is not None:
        body = {"description": run.words, **body, "jobTemplates": [*body.get("jobTemplates", ()), run.template]}
    if "runMode" not in body:
        raise CommandError("When? Give one of --every, --cron, --once, --now and --continuous.", exit_code=2)
    if not body.keys() & {"jobTemplates", "jobTemplateIds", "jobPipelineIds"}:
        raise CommandError("What? Give --pipeline, --engine, --template, --template-id or --pipeline-id.", exit_code=2)
    record = schedules.create(client, {"name": name, "isActive": not paused, **body})
    _show_with_explanation(client, record, run, as_json=as_json)


@schedule.command()
@click.argument("schedule_id", type=SCHEDULE, metavar="ID")
@click.option("--name", help="A new name.")
@schedule_options
@output.json_option
@with_client
def update(client: Client, schedule_id: str, *, name: str | None, flags: ScheduleFlags, as_json: bool) -> None:
    """Change a schedule. Without a flag, a field stays as it is."""
    changes: Json = ({} if name is None else {"name": name}) | flags.body(client, fresh=False)
    if (run := flags.run_of_pipeline(client)) is not None:
        changes["jobTemplates"] = [*changes.get("jobTemplates", ()), run.template]
        if PIPELINE_WORDS.fullmatch(schedules.get(client, schedule_id).get("description") or ""):
            changes = {"description": run.words, **changes}
    if not changes:
        raise CommandError("Nothing to change: give at least one flag.", exit_code=2)
    _show_with_explanation(client, schedules.update(client, schedule_id, changes), run, as_json=as_json)


@schedule.command("list")
@click.option("--name", help="Only schedules with this in their names.")
@click.option("--active/--paused", default=None, help="Only schedules that fire, or only those that do not.")
@click.option("--mode", type=click.Choice(["recurring", "continuous", "once", "now"]), help="Only with this run mode.")
@page_options
@output.json_option
@with_client
def list_(
    client: Client, *, name: str | None, active: bool | None, mode: str | None, limit: int, offset: int, as_json: bool
) -> None:
    """List schedules, newest first."""
    is_active = None if active is None else str(active).lower()
    page = schedules.page(client, name=name, isActive=is_active, runMode=mode, limit=limit, offset=offset)
    if as_json:
        output.show_json(page)
        return
    rows = [
        (
            one["id"],
            one["name"],
            _state(one),
            ago(one.get("nextRunDateTime")),
            one["runs"],
            one["skipped"],
            one["sentence"],
        )
        for one in page["result"]
    ]
    columns = ("schedule", flexible("name"), "state", "next run", "runs", "skipped", flexible("what"))
    empty = "No schedule matches. Make one with: enginehouse schedule create NAME"
    show_page(columns, rows, offset=offset, count=page["count"], empty=empty)


@schedule.command()
@click.argument("schedule_id", type=SCHEDULE, metavar="ID")
@output.json_option
@with_client
def show(client: Client, schedule_id: str, *, as_json: bool) -> None:
    """Show a schedule as it is now."""
    record = schedules.get(client, schedule_id)
    if as_json:
        output.show_json(record)
        return
    facts = [
        ("schedule", record["id"]),
        ("REST id", record["scheduledJobUuid"]),
        ("name", record["name"]),
        ("description", record.get("description")),
        ("state", _state(record)),
        ("what", record["sentence"]),
        ("next run", with_words(record.get("nextRunDateTime"))),
        ("overlap", record["overlapPolicy"]),
        ("catch up", record["catchUp"]),
        ("runs", record["runs"]),
        ("skipped", record["skipped"]),
        ("templates", "\n".join(record.get("jobTemplateIds", ())) or None),
        ("pipelines", "\n".join(record.get("jobPipelineIds", ())) or None),
        ("created", with_words(record["createdDateTime"])),
    ]
    output.console().print(output.facts(facts))
    output.warn(record.get("warnings", ()))


@schedule.command()
@click.argument("schedule_id", type=SCHEDULE, metavar="ID")
@click.option("--payload", metavar="JSON", help="An object that is merged into the payload of every task.")
@click.option("--target", "target_id", type=TARGET, help="The target of its jobs. Without it, each job has its own.")
@output.json_option
@with_client
def run(client: Client, schedule_id: str, *, payload: str | None, target_id: str | None, as_json: bool) -> None:
    """Launch a schedule now: create a job of each of its templates."""
    launch: Json = {} if payload is None else {"payload": json_object("--payload", payload)}
    if target_id is not None:
        launch["targetId"] = target_id
    answer = schedules.run(client, schedule_id, launch)
    output.warn(answer["warnings"])
    output.show(answer, "\n".join(answer["jobIds"]), as_json=as_json)


@schedule.command()
@click.argument("schedule_id", type=SCHEDULE, metavar="ID")
@click.option("--include-running", is_flag=True, help="Also stop its jobs that have started.")
@output.json_option
@with_client
def cancel(client: Client, schedule_id: str, *, include_running: bool, as_json: bool) -> None:
    """Pause a schedule, and cancel its jobs that have not started."""
    answer = schedules.cancel(client, schedule_id, include_running=include_running)
    output.show(answer, f"paused; {answer['count']} of its jobs cancelled", as_json=as_json)
    if answer.get("stopping") and not as_json:
        terminal.echo(f"{answer['stopping']} running attempts are being stopped")


@schedule.command()
@click.argument("schedule_id", type=SCHEDULE, metavar="ID")
@yes_option
@output.json_option
@with_client
def delete(client: Client, schedule_id: str, *, yes: bool, as_json: bool) -> None:
    """Delete a schedule. Its jobs stay."""
    record = schedules.get(client, schedule_id)
    confirm(f'The schedule {record["id"]} "{record["name"]}" would be deleted.', "Delete it?", yes=yes)
    schedules.delete(client, schedule_id)
    output.show({"id": schedule_id, "deleted": True}, "deleted", as_json=as_json)


def _state(schedule: Json) -> str:
    return "active" if schedule["isActive"] else "paused"


def _show_with_explanation(client: Client, record: Json, run: PipelineRun | None, *, as_json: bool) -> None:
    """The schedule is on stdout for programs; for people its id, and what it does on stderr."""
    output.show(record, record["id"], as_json=as_json)
    if not as_json:
        explanation = schedules.explain(client, record["id"], zone=human_time.local_zone(), count=1)
        if run is not None:
            terminal.echo(f"Each run: {run.words}", err=True)
        terminal.echo(f"{explanation['sentence']} {explanation['next']}", err=True)
        output.warn(explanation["warnings"])
