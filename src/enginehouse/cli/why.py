"""`enginehouse job why`: why a job waits, task by task, and what can be done about it."""

from collections.abc import Iterator
from typing import Any

import click

from enginehouse.cli import output
from enginehouse.cli.connection import at_server
from enginehouse.client import why as client_why
from enginehouse.client.http import Connection

Json = dict[str, Any]


@click.command()
@click.argument("job_id")
@output.json_option
@at_server
def why(server: Connection, job_id: str, *, as_json: bool) -> None:
    """Say why a job is not running, task by task, and what can be done about it."""
    found = client_why.why(server, job_id)
    if as_json:
        output.show_json(found)
        return
    shown = output.console()
    shown.print(f"job {found['coreJobID']}: {found['jobStatus']}. {found['sentence']}", markup=False, highlight=False)
    rows = [
        (at, task.get("engineName", task["engineID"]), output.status(task["taskStatus"]), task["sentence"])
        for at, task in enumerate(found["tasks"])
    ]
    shown.print(output.table(("task", "engine", "status", "why"), rows))
    for line in dict.fromkeys(advice(found)):
        shown.print(line, markup=False, highlight=False)


def advice(found: Json) -> Iterator[str]:
    """What can be done about each reason, a line each; nothing for what only needs time."""
    for reason in found["reasons"]:
        match reason["kind"]:
            case "job_paused":
                yield f"resume the job with: enginehouse job resume {found['coreJobID']}"
            case "organization_paused":
                organization = found["internalOrganizationID"]
                yield f"an administrator resumes it with: enginehouse organization resume {organization}"
            case "organization_limit":
                organization = found["internalOrganizationID"]
                yield f"an administrator raises it with: enginehouse organization set {organization} --running-limit N"
            case "engine_paused":
                yield f"an administrator resumes it with: enginehouse engine resume {reason['engineID']}"
            case "engine_limit":
                yield f"an administrator raises it with: enginehouse engine limit {reason['engineID']} N"
            case "no_worker":
                yield f"start a server that has the engine{_slots(reason)}; who is there: enginehouse worker list"
            case "no_free_slot":
                yield f"start a server that has more{_slots(reason)}; who is there: enginehouse worker list"


def _slots(reason: Json) -> str:
    return f", with --{reason['pool']}-slots" if reason["pool"] in ("native", "python") else ""
