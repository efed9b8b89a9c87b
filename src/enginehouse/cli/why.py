"""`enginehouse job why`: shows why a job waits, and what can be done about it."""

from collections.abc import Iterator
from typing import Final

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.cli.id_spelling import organization_spelling
from enginehouse.cli.id_types import JOB
from enginehouse.client import Client, Json
from enginehouse.client import why as client_why

_ALWAYS: Final = {
    "workers_drained": "an administrator resumes one with: enginehouse worker resume ID; see: enginehouse worker list",
    "engine_not_installed": "install it where a server or worker runs; after that: enginehouse engine reload",
}


@click.command()
@click.argument("job_id", type=JOB)
@output.json_option
@with_client
def why(client: Client, job_id: str, *, as_json: bool) -> None:
    """Say why a job does not run, task by task, and what can be done about it."""
    explanation = client_why.explain(client, job_id)
    if as_json:
        output.show_json(explanation)
        return
    console = output.console()
    console.print(f"job {explanation['coreJobID']}: {explanation['jobStatus']}. {explanation['sentence']}")
    rows = [
        (ordinal, task.get("engineName", task["engineID"]), output.status(task["taskStatus"]), task["sentence"])
        for ordinal, task in enumerate(explanation["tasks"])
    ]
    console.print(output.table(("task", "engine", "status", "why"), rows))
    for line in dict.fromkeys(_advice(explanation)):
        console.print(line)


def _advice(explanation: Json) -> Iterator[str]:
    """Yields a line of advice for each reason. A reason that only needs time has none."""
    for reason in explanation["reasons"]:
        match reason["kind"]:
            case "waits_for_pushes":
                yield from (f"push to it with: enginehouse push {endpoint} FILE" for endpoint in reason["endpoints"])
            case "job_paused":
                yield f"resume the job with: enginehouse job resume {explanation['coreJobID']}"
            case "organization_paused":
                organization = organization_spelling(explanation["internalOrganizationID"])
                yield f"an administrator resumes it with: enginehouse organization resume {organization}"
            case "organization_limit":
                organization = organization_spelling(explanation["internalOrganizationID"])
                yield f"an administrator raises it with: enginehouse organization set {organization} --running-limit N"
            case "engine_paused":
                yield f"an administrator resumes it with: enginehouse engine resume {reason['engineID']}"
            case "engine_limit":
                yield f"an administrator raises it with: enginehouse engine limit {reason['engineID']} N"
            case "engine_unavailable":
                yield f"see where it should answer with: enginehouse engine show {reason['engineID']}"
            case kind if kind in _ALWAYS:
                yield _ALWAYS[kind]
            case "no_worker":
                yield f"start a server that has the engine{_slots(reason)}; see: enginehouse worker list"
            case "no_free_slot":
                yield f"start a server that has more worker slots{_slots(reason)}; see: enginehouse worker list"


def _slots(reason: Json) -> str:
    return f", with --{reason['pool']}-slots" if reason["pool"] in ("native", "python", "http") else ""
