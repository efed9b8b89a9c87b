"""`enginehouse token …`."""

from typing import Any

import click

from enginehouse.cli import output
from enginehouse.cli.connection import at_server
from enginehouse.client import accounts
from enginehouse.client.http import Connection

_ORGANIZATION = click.option("--organization", metavar="ID", help="Another organization than the token's own.")


@click.group()
def token() -> None:
    """Create, list and revoke tokens."""


@token.command()
@click.option("--name", help="What it is for.")
@click.option("--role", type=click.Choice(["admin", "user", "reader"]), help="At most your own, which is the default.")
@click.option("--expires", metavar="WHEN", help="An ISO date; without it the token lives until it is revoked.")
@_ORGANIZATION
@output.json_option
@at_server
def create(
    server: Connection,
    *,
    name: str | None,
    role: str | None,
    expires: str | None,
    organization: str | None,
    as_json: bool,
) -> None:
    """Create a token and show it: this is the only time that it can be read."""
    given: dict[str, Any] = {"name": name, "role": role, "organizationID": organization, "expirationDateTime": expires}
    made = accounts.create_token(server, **given)
    if as_json:
        output.show_json(made)
    else:
        click.echo(made["token"])
        click.echo(f"id {made['tokenID']}; keep the token now, it is not shown again", err=True)


@token.command("list")
@_ORGANIZATION
@output.json_option
@at_server
def list_(server: Connection, *, organization: str | None, as_json: bool) -> None:
    """List the tokens of an organization that are good now."""
    found = accounts.tokens(server, organization)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (one["tokenID"], one["prefix"] + "…", one["kind"], one["role"], one.get("name"), one.get("expirationDateTime"))
        for one in found
    ]
    output.console().print(output.table(("token", "begins", "kind", "role", "name", "expires"), rows))


@token.command()
@click.argument("token_or_id")
@_ORGANIZATION
@output.json_option
@at_server
def revoke(server: Connection, token_or_id: str, *, organization: str | None, as_json: bool) -> None:
    """Revoke a token, by its id or the token itself."""
    gone = accounts.revoke_token(server, token_or_id, organization)
    if as_json:
        output.show_json(gone)
    else:
        click.echo(f"revoked {gone['tokenID']}")
