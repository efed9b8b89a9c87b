"""`enginehouse audit …`: shows who did what, and checks that nobody changed the record."""

import re
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from enginehouse.cli import output, terminal
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.human_time import MOMENT
from enginehouse.cli.id_spelling import spelling
from enginehouse.cli.offline_options import offline_options
from enginehouse.cli.options import organization_option
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import flexible, optional, show_rows
from enginehouse.client import Client, Json, accounts

_PAGE = 1_000
_SEAL = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


@click.group()
def audit() -> None:
    """Read who did what, and check that nobody changed the record."""


@audit.command("list")
@click.option(
    "--since",
    type=MOMENT,
    metavar="TIME",
    help='From this time on, as in "yesterday".  [default: seven days before the end]',
)
@click.option("--until", type=MOMENT, metavar="TIME", help="At most thirty days after --since.  [default: now]")
@click.option("--user", metavar="NAME", help="What this user did.")
@click.option("--event", metavar="NAME", help="Events as GraphQL names them: createJob, cancelJob, userLogin …")
@click.option("--object", "object_id", metavar="ID", help="What was done to this job, user, token …")
@click.option("--correlation-id", metavar="ID", help="What this request did.")
@click.option("--refused", is_flag=True, help="Only what was refused.")
@organization_option
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The largest number to list.")
@output.json_option
@with_client
def list_(
    client: Client,
    *,
    since: str | None,
    until: str | None,
    user: str | None,
    event: str | None,
    object_id: str | None,
    correlation_id: str | None,
    refused: bool,
    organization: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List what was done, newest first. The token must be an administrator's."""
    query = {
        "fromDateTime": since,
        "toDateTime": until,
        "userName": user,
        "eventType": event,
        "objectID": object_id,
        "correlationID": correlation_id,
        "success": "false" if refused else None,
        "organizationID": organization,
    }
    entries = _entries(client, query, limit)
    if as_json:
        output.show_json(entries)
        return
    rows = [
        (
            ago(one["dateTime"]),
            one["eventType"],
            Text("yes") if one["success"] else Text("refused", style="red"),
            one.get("userName") or one.get("tokenID"),
            spelling(one["objectID"]) if one.get("objectID") else None,
            one.get("clientIPAddress"),
            one.get("description"),
        )
        for one in entries
    ]
    titles = ("when", "event", "done", flexible("who"), flexible("object"), optional("from"), optional("remark"))
    show_rows(titles, rows, empty="Nothing that was done matches.")


def _entries(client: Client, query: dict[str, Any], limit: int) -> list[Json]:
    entries = list[Json]()
    while len(entries) < limit:
        before = entries[-1]["auditID"] if entries else None
        page = accounts.audit_page(client, **query, before=before, limit=min(_PAGE, limit - len(entries)))
        entries += islice(page, limit - len(entries))
        if not page:
            break
    return entries


@audit.command()
@offline_options()
@click.option("--seal", metavar="NUMBER:HASH", help="A seal from before, which the chain must still hold.")
@output.json_option
def verify(*, data: Path | None, database: str | None, seal: str | None, as_json: bool) -> None:
    """Compare every entry with its seal. If one was changed, name the first and end with exit code 1.

    The command reads the database itself; a server may run on it. Keep the seal that the command shows in another
    place. With --seal it proves later that nobody has written the whole chain again.
    """
    seal_before = _parse_seal(seal)
    # The server's own imports, which nothing else here needs.
    from enginehouse.cli import doctor_checks  # noqa: PLC0415

    chain = doctor_checks.read_chain(data, database, seal_before)
    last = None if chain.last is None else f"{chain.last.number}:{chain.last.hash}"
    fault = chain.fault
    if as_json:
        details = None if fault is None else {"text": fault.text, "seal": fault.seal, "entry": fault.entry_id}
        output.show_json(
            {"ok": fault is None, "entries": chain.entries, "unsealed": chain.unsealed, "seal": last, "fault": details}
        )
    elif fault is None:
        terminal.echo(doctor_checks.chain_sentence(chain))
        terminal.echo(f"last seal {last}" if last else "there is no seal yet")
    if fault is not None:
        raise CommandError(doctor_checks.chain_sentence(chain))


def _parse_seal(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    match = _SEAL.fullmatch(text)
    if match is None:
        raise CommandError(f'--seal: NUMBER:HASH as `audit verify` shows it, got "{text[:80]}".', exit_code=2)
    return int(match[1]), match[2]
