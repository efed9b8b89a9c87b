"""`enginehouse token …`: create, list and revoke tokens."""

import click

from enginehouse.cli import output, terminal
from enginehouse.cli.confirmation import confirm, yes_option
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.human_time import MOMENT
from enginehouse.cli.id_types import ENGINE, TOKEN
from enginehouse.cli.options import engine_id, organization_option
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import flexible, optional, show_rows
from enginehouse.client import Client, Json, accounts


@click.group()
def token() -> None:
    """Create, list and revoke tokens."""


@token.command()
@click.option("--name", help="What the token is for.")
@click.option("--role", type=click.Choice(["admin", "user", "reader"]), help="At most your own, which is the default.")
@click.option(
    "--expires",
    type=MOMENT,
    metavar="TIME",
    help='As in "in 30 days", "2027-01-01". Without it, the token is valid until it is revoked.',
)
@click.option("--worker", is_flag=True, help="A token for: enginehouse worker run. It is for nothing else.")
@click.option(
    "--organization",
    "organizations",
    metavar="ID",
    multiple=True,
    help="Another organization than the token's own. With --worker: whose work it takes, several times if needed.",
)
@click.option(
    "--engine",
    "engines",
    type=ENGINE,
    metavar="ID",
    multiple=True,
    help="With --worker: only for this engine, several times.",
)
@output.json_option
@with_client
def create(
    client: Client,
    *,
    name: str | None,
    role: str | None,
    expires: str | None,
    worker: bool,
    organizations: tuple[str, ...],
    engines: tuple[str, ...],
    as_json: bool,
) -> None:
    """Create a token and show it. It is never shown again.

    A token with --worker takes the work of the named organizations. Without --organization it takes that of all of them
    if you are the administrator of the server, else that of your own.
    """
    fields: Json = {"name": name, "expirationDateTime": expires}
    if worker:
        if role is not None:
            raise CommandError("--role: a token for workers has none.", exit_code=2)
        fields["worker"] = {
            "organizationIDs": list(organizations),
            "engineIDs": [engine_id(client, name) for name in engines],
        }
    else:
        if len(organizations) > 1 or engines:
            raise CommandError("Several --organization, and --engine, need --worker.", exit_code=2)
        fields |= {"role": role, "organizationID": next(iter(organizations), None)}
    record = accounts.create_token(client, **fields)
    output.show(record, record["token"], as_json=as_json)
    if not as_json:
        terminal.echo(f"id {record['tokenID']}; keep the token now, it is not shown again", err=True)


@token.command("list")
@organization_option
@output.json_option
@with_client
def list_(client: Client, *, organization: str | None, as_json: bool) -> None:
    """List the tokens of an organization that are valid now."""
    records = accounts.tokens(client, organization)
    if as_json:
        output.show_json(records)
        return
    rows = [
        (
            one["tokenID"],
            one["prefix"] + "…",
            one["kind"],
            one["role"],
            one.get("name"),
            ago(one.get("lastUsedDateTime")),
            ago(one.get("expirationDateTime")),
        )
        for one in records
    ]
    titles = ("token", "begins", optional("kind"), "role", flexible("name"), optional("last used"), "expires")
    show_rows(titles, rows, empty="No token is valid now.")


@token.command()
@click.argument("token_or_id", type=TOKEN)
@organization_option
@yes_option
@output.json_option
@with_client
def revoke(client: Client, token_or_id: str, *, organization: str | None, yes: bool, as_json: bool) -> None:
    """Revoke a token, by its id or the token itself. It is never valid again."""
    if not yes:
        named = [one for one in accounts.tokens(client, organization) if one["tokenID"] == token_or_id]
        shown = "".join(f' {one["tokenID"]} "{one["name"]}"' for one in named if one.get("name"))
        confirm(f"The token{shown} would never be valid again.", "Revoke it?", yes=False)
    record = accounts.revoke_token(client, token_or_id, organization)
    output.show(record, f"revoked {record['tokenID']}", as_json=as_json)
