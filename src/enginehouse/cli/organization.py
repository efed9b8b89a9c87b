"""`enginehouse organization …`."""

import click

from enginehouse.cli import output
from enginehouse.cli.where import at_server
from enginehouse.client import administration
from enginehouse.client.http import Connection


@click.group()
def organization() -> None:
    """Create and list organizations."""


@organization.command()
@click.argument("name")
@click.option("--default-retries", type=int, help="For tasks that say nothing themselves.")
@output.json_option
@at_server
def create(server: Connection, name: str, *, default_retries: int | None, as_json: bool) -> None:
    """Create an organization; a super administrator's token is needed."""
    made = administration.create_organization(server, name, default_retries)
    if as_json:
        output.show_json(made)
    else:
        click.echo(made["organizationID"])


@organization.command("list")
@output.json_option
@at_server
def list_(server: Connection, *, as_json: bool) -> None:
    """List the organizations that the token may act for."""
    found = administration.organizations(server)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (one["organizationID"], one["name"], one["internalOrganizationID"], one["createdDateTime"]) for one in found
    ]
    output.console().print(output.table(("organization", "name", "REST id", "created"), rows))
