"""`enginehouse audit …`: who did what, and whether the record of it is as it was written."""

import asyncio
import re
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from enginehouse.cli import output
from enginehouse.cli.connection import at_server
from enginehouse.cli.problem import FailureError
from enginehouse.client import accounts
from enginehouse.client.http import Connection

_PAGE = 1_000
_SEAL = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


@click.group()
def audit() -> None:
    """See who did what, and whether that record is as it was written."""


@audit.command("list")
@click.option("--since", metavar="WHEN", help="An ISO date or Unix seconds.  [default: seven days before the end]")
@click.option("--until", metavar="WHEN", help="At most thirty days after the beginning.  [default: now]")
@click.option("--user", metavar="NAME", help="What this user did.")
@click.option("--event", metavar="NAME", help="As GraphQL names it: createJob, cancelJob, userLogin …")
@click.option("--object", "object_id", metavar="ID", help="What was done to this job, user, token …")
@click.option("--correlation-id", metavar="ID", help="What this request did.")
@click.option("--refused", is_flag=True, help="Only what was refused.")
@click.option("--organization", metavar="ID", help="Another organization than the token's own.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@output.json_option
@at_server
def list_(
    server: Connection,
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
    """List what was done, the newest first. An administrator's token is needed."""
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
    found = _pages(server, query, limit)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            one["dateTime"],
            one["eventType"],
            Text("yes") if one["success"] else Text("refused", style="red"),
            one.get("userName") or one.get("tokenID"),
            one.get("objectID"),
            one.get("clientIPAddress"),
            one.get("description"),
        )
        for one in found
    ]
    output.console().print(output.table(("when", "event", "done", "who", "object", "from", "remark"), rows))


def _pages(server: Connection, query: dict[str, Any], limit: int) -> list[accounts.Json]:
    found = list[accounts.Json]()
    while len(found) < limit:
        before = found[-1]["auditID"] if found else None
        page = accounts.audit(server, **query, before=before, limit=min(_PAGE, limit - len(found)))
        found += islice(page, limit - len(found))
        if not page:
            break
    return found


@audit.command()
@click.option("--data", envvar="ENGINEHOUSE_DATA", type=click.Path(path_type=Path), help="A server's data folder.")
@click.option("--database", envvar="ENGINEHOUSE_DATABASE", metavar="URL", help="A PostgreSQL database.")
@click.option("--seal", metavar="NUMBER:HASH", help="A seal that was kept: the chain must still hold it.")
@output.json_option
def verify(*, data: Path | None, database: str | None, seal: str | None, as_json: bool) -> None:
    """Compare every entry with its seal. Exit code 1, and the first wrong entry, when one was changed.

    The database itself is read; a server may be running meanwhile. Keep the seal that is shown somewhere else: with
    --seal it shows later that nobody has written the whole chain anew.
    """
    kept = _kept(seal)
    # The server's own imports, which nothing else here needs.
    from enginehouse.cli import doctor_checks  # noqa: PLC0415
    from enginehouse.storage import inspection  # noqa: PLC0415
    from enginehouse.storage.database.database import StorageRefused  # noqa: PLC0415

    try:
        if database is not None:
            found = asyncio.run(inspection.postgres_seals(database, kept))
        elif data is not None:
            found = inspection.sqlite_seals(data / "enginehouse.db", kept)
        else:
            raise FailureError("Name a server's data folder with --data, or a database with --database.", exit_code=2)
    except StorageRefused as refused:
        raise FailureError(refused.message) from None
    last = None if found.last is None else f"{found.last.number}:{found.last.hash}"
    fault = found.fault
    if as_json:
        wrong = None if fault is None else {"text": fault.text, "seal": fault.seal, "entry": fault.entry_id}
        output.show_json(
            {"ok": fault is None, "entries": found.entries, "unsealed": found.unsealed, "seal": last, "fault": wrong}
        )
    elif fault is None:
        click.echo(doctor_checks.told(found))
        click.echo(f"last seal {last}" if last else "there is no seal yet")
    if fault is not None:
        raise FailureError(doctor_checks.told(found))


def _kept(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    told = _SEAL.fullmatch(text)
    if told is None:
        raise FailureError(f'--seal: NUMBER:HASH as `audit verify` shows it, got "{text[:80]}".', exit_code=2)
    return int(told[1]), told[2]
